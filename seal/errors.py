"""What stops the seal."""

from __future__ import annotations


class SealError(Exception):
    """It cannot go on; the message says why, and what to do."""


class LockedError(SealError):
    """Another process seals."""


class AwayError(SealError):
    """Something that comes back is away; ``thing`` names it."""

    def __init__(self, thing: str, reason: str) -> None:
        super().__init__(reason)
        self.thing = thing
