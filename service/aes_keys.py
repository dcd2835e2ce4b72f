"""Keys of AES, in bytes and in hex."""

from __future__ import annotations

from typing import Final

KEY_SIZES: Final = frozenset({16, 24, 32})  # bytes


def key_of(text: str) -> bytes | None:
    """The key that a text is in hex; None where it is none."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return None
    return key if len(key) in KEY_SIZES else None
