"""How long, as people write it: 30m, 2h, 7d."""

import re
from typing import Final

_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT: Final = re.compile(r"([0-9]{1,6})([smhd])")


def milliseconds(text: str) -> int | None:
    """A length of time in milliseconds; None: the text is none."""
    match = _TEXT.fullmatch(text)
    return None if match is None else int(match[1]) * _MS[match[2]]
