"""What the watchdog finds. Times: Unix milliseconds of the watchdog's clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

MOST_EXAMPLES: Final = 10


class Kind(StrEnum):
    """The kinds of what can be wrong."""

    DEADLINE = "DEADLINE"  # an incident's deadline has passed without a later decision
    VERSION = "VERSION"  # an incident's decisions have a gap
    INPUT = "INPUT"  # an input has neither a decision nor a quarantine nor a dead letter
    CALL = "CALL"  # a call is neither held nor answered
    BLOCKED = "BLOCKED"  # an open transaction hides what stands behind it
    KAFKA = "KAFKA"  # the watchdog's own Kafka does not answer, or is not read to its end
    RECEIVER = "RECEIVER"  # the receiver does not acknowledge
    CANARY = "CANARY"  # the canary's incident was not resolved in time


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: ``subject`` is an id or a place, ``count`` how many it stands for."""

    subject: str
    since: int
    partition: int | None = None
    site_id: str | None = None
    detail: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """All findings of a kind: how many, since when, and the oldest of them."""

    count: int
    since: int
    examples: tuple[Finding, ...]


Report: TypeAlias = Mapping[Kind, Summary]


def summary(findings: Iterable[Finding]) -> Summary | None:
    """Sum findings up; None: there is none."""
    listed = sorted(findings, key=lambda finding: (finding.since, finding.subject))
    if not listed:
        return None
    return Summary(sum(finding.count for finding in listed), listed[0].since, tuple(listed[:MOST_EXAMPLES]))
