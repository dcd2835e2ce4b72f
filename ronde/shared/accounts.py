"""An account, as a command line names it."""

from __future__ import annotations

from typing import Final

from ronde.shared.errors import WrongUse

_HEX: Final = frozenset("0123456789ABCDEFabcdef")


def account_of(text: str, parameter: str) -> str:
    """Return the account in upper case. Raises `WrongUse` for text that is no account."""
    if not 1 <= len(text) <= 16 or not _HEX.issuperset(text):
        raise WrongUse(f"{parameter}: {text!r} is no account: 1 to 16 hexadecimal digits, as in the panel")
    return text.upper()
