"""Names and other texts of one line, as they are seen."""

from __future__ import annotations

import unicodedata
from typing import Final

JOINERS: Final = "\u200c\u200d"  # Persian and Hindi cannot be written without


def as_seen(text: str) -> str:
    """The text with single spaces, and without format characters, which are pasted along unseen.

    Joiners stay, but for those at its ends.
    """
    seen = "".join(sign for sign in text if sign in JOINERS or unicodedata.category(sign) != "Cf")
    return " ".join(seen.split()).strip(f" {JOINERS}")
