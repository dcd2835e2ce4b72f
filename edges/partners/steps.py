"""The steps that a partner reports, and the ids of its reports."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

STATUSES: Final = MappingProxyType(
    {"accepted": "ACCEPTED", "rejected": "REJECTED", "en-route": "EN_ROUTE", "on-site": "ON_SITE", "closed": "CLOSED"}
)


def report_id(dispatch_id: str, step: str, earlier: Sequence[str]) -> str:
    """The id of a report after those of ``earlier`` steps of its dispatch, oldest first.

    The last step said again is the same report. A step said again after another one is a further one: ``-2``, ``-3``.
    """
    runs = [said for number, said in enumerate(earlier) if number == 0 or earlier[number - 1] != said]
    number = runs.count(step) + (not runs or runs[-1] != step)
    return f"{dispatch_id}-{step}" + (f"-{number}" if number > 1 else "")
