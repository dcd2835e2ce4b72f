"""When a command is posted to its partner, attempt by attempt. Times: Unix milliseconds."""

from __future__ import annotations

from typing import Final

_FIRST: Final = (0, 1, 3, 7, 15, 30, 45, 60)  # seconds after the first attempt; from then on every 30 s
_STEP_SECONDS: Final = 30
COMMAND_MS: Final = 10 * 60 * 1000  # an AMEND or a CANCEL is tried for so long
UNDELIVERED_MS: Final = 30 * 1000  # after it, somebody telephones
# An AMEND or CANCEL whose record is older when it is first read says nothing to anybody any more: a first start, or an
# offset that was lost.
OLD_MS: Final = 24 * 3600 * 1000


def gives_up_at(action: str, respond_by: int | None, written_at: int, now: int) -> int:
    """When the attempts of a command end that was read now; not after ``now``: it is not posted at all."""
    if action == "REQUEST":
        return now if respond_by is None else respond_by
    return now if now - written_at > OLD_MS else now + COMMAND_MS


def next_attempt(began_at: int, gives_up: int, now: int) -> int | None:
    """The next time of the schedule that is not past; None: the attempts end before it."""
    elapsed = now - began_at
    seconds = next((second for second in _FIRST if second * 1000 > elapsed), None)
    if seconds is None:
        seconds = max(_FIRST[-1], (elapsed // (_STEP_SECONDS * 1000) + 1) * _STEP_SECONDS)
    due = began_at + seconds * 1000
    return due if due < gives_up else None
