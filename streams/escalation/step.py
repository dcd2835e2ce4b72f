"""The core's doors: one function per kind of thing that can happen to a site.

Pure: the same arguments give the same result, and nothing else is read or written.
"""

from typing import NamedTuple

from streams.escalation.names import Rule
from streams.escalation.procedures import Procedures
from streams.escalation.state import Deadline, SiteState
from streams.escalation.values import Event, Instant, Output, Site, SiteRecord, Source


class Step(NamedTuple):
    """What a site's state becomes, and the records to write, in order."""

    state: SiteState
    outputs: list[Output]


def on_event(
    state: SiteState, record: SiteRecord | None, event: Event, source: Source, now: Instant, procedures: Procedures
) -> Step:
    """An alert, result, report or action of a site at ``now``.

    ``record`` is the site's record in force (None: none, or deleted). Deadlines due at or before
    ``now`` must have been fired before.
    """
    raise NotImplementedError


def on_deadline(state: SiteState, record: SiteRecord | None, deadline: Deadline, now: Instant) -> Step:
    """An armed deadline of the state falls due; ``now`` is never before it."""
    raise NotImplementedError


def on_failed_deadline(state: SiteState, record: SiteRecord | None, deadline: Deadline, now: Instant) -> Step:
    """`on_deadline` raised: hand the incident over (rule and attention FAILED)."""
    raise NotImplementedError


def on_site(
    state: SiteState, before: SiteRecord | None, site_id: str, site: Site | None, now: Instant
) -> Step:
    """A site record (or its tombstone, ``site`` None) replaces ``before``; publishes readiness."""
    raise NotImplementedError


def is_forgettable(state: SiteState, now: Instant) -> bool:
    """True when the state holds nothing any more: its record can be tombstoned."""
    raise NotImplementedError
