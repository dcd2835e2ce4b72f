"""Erasures, and the end of retention."""
