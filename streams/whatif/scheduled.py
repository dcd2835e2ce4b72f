"""What waits in the queue of a play: an answer or a report on its way, or where the log ends to say what comes."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from streams.escalation.values import Event
from streams.whatif.reactions import RecordedEvent


class Arrival(NamedTuple):
    """A reaction on its way; its result or report names the command that it answers here."""

    recorded: RecordedEvent
    event: Event


class CallKnown(NamedTuple):
    """Until here the log says that a call is not answered."""

    incident_id: str
    command_id: str


class DispatchKnown(NamedTuple):
    """Until here the log says what a partner did."""

    incident_id: str
    number: int
    is_cancelled: bool


class HandOverKnown(NamedTuple):
    """Until here the log says what operators did about a hand-over."""

    incident_id: str


Scheduled: TypeAlias = Arrival | CallKnown | DispatchKnown | HandOverKnown
