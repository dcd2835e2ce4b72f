"""Inputs that a person gives: sent, and followed to what becomes of them."""
