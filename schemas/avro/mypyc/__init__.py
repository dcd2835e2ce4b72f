"""Readers and writers as typed source, for mypyc to compile (docs/compiled.md).

They take the common way alone: everything else, and every error, is left to those of `schemas.avro.generated`,
which are the reference.
"""
