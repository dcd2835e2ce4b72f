"""A chunk's way through the worker: `pipeline.py` has it in one line, and a stage is a file."""
