"""A chunk's way: read, decode, decide, publish."""
