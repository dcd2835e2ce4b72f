"""Ids that follow from what a person says (contracts.md, Inputs by hand): said again, it has the same id."""

import hashlib


def digest(*parts: str) -> str:
    """Return the first 8 hex digits of the SHA-256 of the parts, joined by NUL."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def result_id(owner: str, outcome: str, situation: str, detail: str | None, *, message_left: bool) -> str:
    """Return the id of what came of a call; ``owner`` is its command, or an inbound call's own id."""
    return f"{owner}-result-{digest(outcome, situation, str(message_left).lower(), detail or '')}"
