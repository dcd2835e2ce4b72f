"""Standard output and error in any encoding, so that no character ends a command."""

import codecs
import sys
from io import TextIOWrapper
from typing import Final

_NEAREST: Final = {"→": "->", "…": "...", "↔": "<->", "≠": "!=", "✓": "+", "✗": "x"}


def print_in_any_encoding() -> None:
    """Replace a character that the output's encoding lacks by the nearest one, or escape it."""
    codecs.register_error("ronde", _substitute)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="ronde")


def _substitute(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    escaped = (
        _NEAREST.get(character, character.encode("ascii", "backslashreplace").decode()) for character in characters
    )
    return "".join(escaped), error.end
