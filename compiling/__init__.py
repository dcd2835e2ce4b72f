"""Compiling what is hot, by mypyc: ``python -m compiling`` (docs/compiled.md)."""
