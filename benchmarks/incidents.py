"""Open incidents by the million, written straight to the topic ``state``: a day of alerts would take a day.

Each state is what the core itself makes of an alert (and of two calls that nobody answers), with the ids and the
deadline of its own site, encoded by the worker's own codec.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from benchmarks.sites import site
from streams.escalation import step as core
from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY, Incident, Remembered, SiteState
from streams.escalation.values import Alert, CallResult, SiteRecord, Source
from streams.formats.codec import Codec

_SITE: Final = "site"


def calling(at: int) -> Incident:
    """An incident whose first contact is being called, since ``at`` (ms)."""
    return _played(at)[0]


def waiting(at: int) -> Incident:
    """An incident whose contacts did not answer: the wait began at ``at`` (ms)."""
    return _played(at)[1]


def _played(at: int) -> tuple[Incident, Incident]:
    record = SiteRecord(0, site(_SITE))
    alert = Alert("alert", _SITE, "INTRUSION", at)
    state = core.on_event(EMPTY, record, alert, Source("alerts", 0, 0), at, DEFAULTS).state
    (opened,) = state.incidents
    for position in (1, 2):
        incident_id = opened.incident_id
        result = CallResult(
            f"result-{position}", _SITE, incident_id, f"{incident_id}-c1.{position}", None, "OUTBOUND", "NO_ANSWER",
            "UNKNOWN", message_left=True, detail=None, operator=None, ended_at=at,
        )  # fmt: skip
        state = core.on_event(state, record, result, Source("call-results", 0, position), at, DEFAULTS).state
    (waits,) = state.incidents
    assert waits.phase == "WAITING"
    return opened, waits


def incident_id_of(site_id: str) -> str:
    """The id of a site's incident, as long as the core makes them."""
    return hashlib.blake2b(site_id.encode(), digest_size=12).hexdigest()


def records(
    site_ids: Iterable[str], template: Incident, at: int, deadline: Callable[[int], int]
) -> Iterator[tuple[bytes, bytes]]:
    """The records of ``state``, key and value, of sites that each have an open incident.

    It opened at ``at`` (ms); ``deadline`` gives that of the site of each number, from 0.
    """
    encode = Codec().encode_state
    for number, site_id in enumerate(site_ids):
        incident = template.copy()
        incident.incident_id, incident.deadline = incident_id_of(site_id), deadline(number)
        remembered = (Remembered(f"alert-{number}", "INTRUSION", at, at),)
        yield site_id.encode(), encode(SiteState((incident,), remembered))
