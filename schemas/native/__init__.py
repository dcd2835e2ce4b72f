"""Readers and writers as typed source, for mypyc to compile (docs/compiled.md).

They take the common way alone: whatever is out of it, and every error, is left to those of `schemas.compiled`,
which are the reference.
"""
