"""What stops the seal."""

from __future__ import annotations


class SealError(Exception):
    """It cannot go on; the message says why, and what to do."""
