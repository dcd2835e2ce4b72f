"""What a desk knows, from Kafka alone: a fold over the topics that it reads, in any order among them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from edges.desk.claims import ClaimLog, Hold
from edges.desk.incident import Awaited, Incident, incident_of
from edges.desk.incidents import Incidents
from edges.desk.progress import SAID, Place, Progress, Statement
from edges.desk.set_aside import SetAside
from edges.desk.signal_index import SignalIndex
from edges.desk.standing import Callback, Sighting, Stranger, Undelivered, with_alarm
from edges.desk.tries import WITHIN_MS, take_try
from edges.values import (
    Attention,
    CallCommand,
    CallResult,
    Claim,
    Decision,
    DeskEvent,
    DispatchCommand,
    DispatchReport,
    OperatorAction,
    Signal,
)

HOUR_MS: Final = 3600 * 1000
DAY_MS: Final = 24 * HOUR_MS
CLOSED_KEPT: Final = 200_000  # incidents that have ended stay for a day, and no more of them than this
ACCOUNT: Final = "account:"  # begins the key of a signal that no site is known of
CALLBACK: Final = "-callback-"  # within the id of an inbound call
TOPICS: Final = (
    "decisions", "calls", "dispatches", "attention", "call-results", "dispatch-reports", "operator-actions",
    "signals", "claims", "desk-log",
)  # fmt: skip


class DeskState:
    """The fold. ``dirty`` has the subjects, ``moved`` the incidents that changed since both were last cleared."""

    def __init__(self, partitions: int) -> None:
        self.incidents = Incidents()
        self.set_aside = SetAside()
        self.of_site: dict[str, tuple[str, ...]] = {}
        self.attentions: dict[str, Attention] = {}
        self.undelivered: dict[str, Undelivered] = {}
        self.strangers: dict[str, Stranger] = {}  # by account
        self.callbacks: dict[str, Callback] = {}
        self.inbound: dict[str, tuple[int, str]] = {}  # results of inbound calls: when they were said, their outcome
        self.seen: dict[str, Sighting] = {}
        self.tries: dict[str, tuple[str, ...]] = {}  # of a command or a callback, as `take_try` has them
        self.wrong_at: dict[str, tuple[int, ...]] = {}  # of a site, within the last hour
        self.actions: dict[str, int] = {}  # operators' actions, and when they were taken
        self.claims = [ClaimLog() for _ in range(partitions)]
        self.signals = [SignalIndex(partial(self._openings, partition)) for partition in range(partitions)]
        self.progress = [Progress() for _ in range(partitions)]  # of the engine
        self.monotonic = 0.0  # the reader's clock, in seconds: how long a quiet partition has been quiet
        self.dirty: set[str] = set()
        self.moved: set[str] = set()
        self.is_listed = False  # whether there is a list of work that both were cleared for
        self.callees_at: Callable[[str, int], int | None] = lambda _site_id, _offset: None  # of the site index
        self.unsized: set[tuple[str, int]] = set()  # rounds of incidents, whose site's record is to be fetched
        # By partition, incidents with alerts whose kinds no command has named.
        self.unlearned: list[set[str]] = [set() for _ in range(partitions)]
        self._closed: deque[tuple[int, str]] = deque()
        self._nameless: dict[str, Place] = {}  # incidents without a decision, and their first record
        self._partition_of: dict[str, int] = {}  # of what has no incident
        self._swept_at = 0
        self._folds: Mapping[str, Callable[[Place, Any, bytes], None]] = {
            "decisions": self._decision, "calls": self._call, "dispatches": self._dispatch,
            "attention": self._attention, "call-results": self._result, "dispatch-reports": self._report,
            "operator-actions": self._action, "signals": self._signal, "claims": self._claim,
            "desk-log": self._event,
        }  # fmt: skip

    def apply(self, place: Place, value: Any, data: bytes) -> None:
        """Take a record, decoded and as it came. A tombstone changes nothing."""
        if value is not None:
            if place.topic in SAID:
                self.progress[place.partition].follow(Statement(place, value, data))
            self._folds[place.topic](place, value, data)
            self._pack()

    # --- one topic each ---------------------------------------------------------------------------

    def _decision(self, place: Place, decision: Decision, data: bytes) -> None:
        self.progress[place.partition].take(decision, place.timestamp)
        incident_id = decision.incident_id
        if incident_id is None:
            return
        incident = self.incidents.get(incident_id) or self._begin(incident_id, decision.site_id, place.partition)
        if self._nameless.pop(incident_id, None) is not None and incident.partition != place.partition:
            incident.move(place.partition)
        if not incident.decide(decision):
            return
        incident.keep(place.topic, place.offset, data)
        if incident.merged:
            self.unlearned[place.partition].add(incident.id)
        self._settle(incident, decision.at)

    def _settle(self, incident: Incident, at: int) -> None:
        """See to it that an incident is open, or that it has ended."""
        self.set_aside.mark(incident)
        self._touch(incident)
        if incident.version == 1 or incident.has_ended:  # what is yet to be decided on may go elsewhere now
            for said in self.progress[incident.partition].undecided(incident.site_id):
                self._folds[said.place.topic](*said)
        if incident.has_ended:
            self._closed.append((at, incident.id))
            self.incidents.end(incident.id)
            self._forget(at)
        else:
            self.incidents.resume(incident.id)

    def _call(self, place: Place, call: CallCommand, _data: bytes) -> None:
        incident = self._incident(place, call.incident_id, call.site_id)
        if incident is not None and incident.call(call):
            self._touch(incident)

    def _dispatch(self, place: Place, command: DispatchCommand, data: bytes) -> None:
        incident = self._incident(place, command.incident_id, command.site_id)
        if incident is not None:
            incident.dispatch(command)
            incident.keep(place.topic, place.offset, data)
            self._touch(incident)

    def _attention(self, place: Place, attention: Attention, data: bytes) -> None:
        if attention.incident_id is not None:
            incident = self._incident(place, attention.incident_id, attention.site_id)
            if incident is not None:
                if not incident.attend(attention):
                    return
                incident.keep(place.topic, place.offset, data)
                self._touch(incident)
        elif self.set_aside.take(place.partition, attention):
            for incident in [*self.open_incidents(attention.site_id)]:
                self._settle(incident, attention.raised_at)
        self.attentions[attention.attention_id] = attention
        self._partition_of[attention.attention_id] = place.partition
        self.dirty.add(attention.attention_id)

    def _result(self, place: Place, result: CallResult, data: bytes) -> None:
        if result.direction == "INBOUND":
            self.inbound.setdefault(result.result_id, (place.timestamp, result.outcome))
        named = result.incident_id or incident_of(result.command_id or "")
        for incident in self._meant(place, named, result.site_id, result.result_id, is_help=result.is_for_help):
            incident.answer(result)
            self._keep_input(incident, place, data, result.result_id, result.operator)

    def _report(self, place: Place, report: DispatchReport, data: bytes) -> None:
        incident = self._incident(place, report.incident_id, report.site_id)
        if incident is not None:
            incident.keep(place.topic, place.offset, data, report.report_id)
            self._touch(incident)

    def _action(self, place: Place, action: OperatorAction, data: bytes) -> None:
        self.actions[action.action_id] = action.taken_at
        for incident in self._meant(place, action.incident_id, action.site_id, action.action_id):
            # Without one, the engine gives a dispatch to that of SECURITY, and makes a dead letter of a close.
            if action.incident_id or (action.action == "DISPATCH" and not incident.is_fire):
                self._keep_input(incident, place, data, action.action_id, action.operator)

    def _meant(
        self, place: Place, named: str | None, site_id: str, said_id: str, *, is_help: bool = False
    ) -> Iterator[Incident]:
        """By procedure.md §5: the named one; where there is none, or a call for help finds it ended, all open ones."""
        incident = self._incident(place, named, site_id) if named else None
        if incident is not None and (incident.site_id, incident.partition) != (site_id, place.partition):
            incident = None  # the engine finds an incident among those of the record's site and partition only
        if incident is not None:
            yield incident
        if named and (not is_help or (incident is not None and not incident.has_ended)):
            return
        has_ended = self.progress[place.partition].has_ended(place.topic, place.offset)
        for incident_id in self.of_site.get(site_id, ()):
            incident = self.incidents[incident_id]
            may_get = incident.is_open or incident.was_open(place.timestamp)
            if incident.partition == place.partition and (said_id in incident.decided or (not has_ended and may_get)):
                yield incident

    def _keep_input(self, incident: Incident, place: Place, data: bytes, said_id: str, by: str | None) -> None:
        incident.keep(place.topic, place.offset, data, said_id, Awaited(place.topic, place.offset, by, place.read_at))
        self._touch(incident)

    def _signal(self, place: Place, signal: Signal, _data: bytes) -> None:
        self.signals[place.partition].add(signal.key, signal.received_at, place.offset)
        if signal.outcome != "UNKNOWN_ACCOUNT" or signal.kind is None:
            return
        seen = self.seen.get(ACCOUNT + signal.account)
        if seen is not None and seen.at >= signal.received_at:
            return
        made = self.strangers[signal.account] = with_alarm(self.strangers.get(signal.account), signal, place.partition)
        self.dirty.add(made.signal_id)

    def _claim(self, place: Place, claim: Claim, _data: bytes) -> None:
        if self.claims[place.partition].apply(claim, place.timestamp, place.read_at) != "NOTHING":
            self.dirty.add(claim.subject)

    def _event(self, place: Place, event: DeskEvent, data: bytes) -> None:
        subject = event.subject
        match event.action:
            case "WORD_TRIED" if subject is not None:
                take_try(event, subject, self.tries, self.wrong_at)
            case "ATTENTION_SEEN" if subject is not None:
                self._see(subject, event)
            case "UNDELIVERED" if subject is not None:
                self.undelivered.setdefault(subject, Undelivered.of(event, subject))
                self._partition_of[subject] = place.partition
                self.dirty.add(subject)
            case "CALL_PLACED" if subject is not None and CALLBACK in subject:
                self.callbacks[subject] = Callback.of(event, subject)
                self._partition_of[subject] = place.partition
        incident = self._incident(place, event.incident_id, event.site_id) if event.incident_id else None
        if incident is not None:
            # Each word that was tried counts, also where two desks gave two of them one id.
            incident.keep(place.topic, place.offset, data, None if event.action == "WORD_TRIED" else event.event_id)
            if event.action == "UNDELIVERED" and subject is not None:
                incident.undelivered |= {subject}
            if event.action != "VIEWED":
                self._touch(incident)

    def _see(self, subject: str, event: DeskEvent) -> None:
        seen = Sighting(event.operator, event.at, event.event_id)
        self.seen[subject] = seen
        self.dirty.add(subject)
        if event.site_id.startswith(ACCOUNT):
            account = event.site_id.removeprefix(ACCOUNT)
            self.seen[event.site_id] = seen
            stranger = self.strangers.get(account)
            if stranger is not None and stranger.last <= event.at:
                del self.strangers[account]
                self.dirty.add(stranger.signal_id)

    # --- what is asked ----------------------------------------------------------------------------

    def holder(self, partition: int, subject: str) -> Hold | None:
        """Who holds a subject now."""
        log = self.claims[partition]
        return log.holder(subject, log.now(self.monotonic))

    def hold_left(self, subject: str, hold: Hold) -> int:
        """For how many ms more it is held."""
        log = self.claims[self.partition_of(subject) or 0]
        return max(1, log.left(hold, log.now(self.monotonic)))

    def partition_of(self, subject: str) -> int | None:
        """The partition of a command, an attention, a callback; None: it is not known."""
        if subject in self._partition_of:
            return self._partition_of[subject]
        incident = self.incidents.get(incident_of(subject))
        if incident is not None and (subject in incident.calls or subject in incident.attentions):
            return incident.partition
        stranger = self.stranger(subject)
        return stranger.partition if stranger is not None else None

    def is_attention(self, subject: str) -> bool:
        """Whether it is something to be seen, and no call."""
        return subject in self.attentions or subject in self.undelivered or self.stranger(subject) is not None

    def stranger(self, signal_id: str) -> Stranger | None:
        """The alarms of an unknown account that stand under this signal."""
        stranger = self.strangers.get(signal_id.partition("-")[0])
        return stranger if stranger is not None and stranger.signal_id == signal_id else None

    def command(self, command_id: str) -> tuple[Incident, CallCommand] | None:
        """A call or confirm, and its incident."""
        incident = self.incidents.get(incident_of(command_id))
        call = None if incident is None else incident.calls.get(command_id)
        return None if incident is None or call is None else (incident, call)

    def round_size(self, incident: Incident, number: int) -> int | None:
        """How many contacts a round calls (procedure.md §3); None: that is not known yet, or never will be."""
        size = incident.round_sizes.get(number)
        offset = incident.round_offsets.get(number)
        if size is None and offset is not None:
            size = self.callees_at(incident.site_id, offset)
            if size is None:
                self.unsized.add((incident.id, number))
                return None
            incident.round_sizes[number] = size
        return size or (self.round_size(incident, number - 1) if number > 1 else None)

    def open_incidents(self, site_id: str | None = None) -> Iterator[Incident]:
        """All that are open, or those of a site."""
        at_hand = self.incidents.at_hand  # as all are that are open
        ids = list(at_hand) if site_id is None else self.of_site.get(site_id, ())
        return (at_hand[id_] for id_ in ids if id_ in at_hand and at_hand[id_].is_open)

    def wrong_words(self, site_id: str, now: int) -> int:
        """How many wrong words were tried for a site within the last hour."""
        return sum(at > now - WITHIN_MS for at in self.wrong_at.get(site_id, ()))

    def _openings(self, partition: int) -> Iterator[tuple[str, int]]:
        for incident in self.open_incidents():
            if incident.partition == partition and incident.opened_at is not None:
                yield incident.site_id, incident.opened_at

    # --- what is kept -----------------------------------------------------------------------------

    def _incident(self, place: Place, incident_id: str, site_id: str) -> Incident | None:
        """The incident of a record that is no decision; None: it is forgotten, or there never was one."""
        incident = self.incidents.get(incident_id)
        if incident is None and not self._is_past(place):
            incident = self._begin(incident_id, site_id, place.partition)
            self._nameless[incident_id] = place
        return incident

    def _is_past(self, place: Place) -> bool:
        """Whether decisions are read so far beyond a record that the beginning of its incident is among them."""
        return self.progress[place.partition].decided_at > place.timestamp + HOUR_MS

    def _begin(self, incident_id: str, site_id: str, partition: int) -> Incident:
        incident = self.incidents[incident_id] = Incident(incident_id, site_id, partition)
        self.of_site[site_id] = (*self.of_site.get(site_id, ()), incident_id)
        return incident

    def _touch(self, incident: Incident) -> None:
        self.moved.add(incident.id)
        self.look_again(incident)

    def look_again(self, incident: Incident) -> None:
        """Have all that there is to do about an incident looked at again."""
        self.dirty.update(incident.attentions)
        self.dirty.update(incident.calls)
        self.dirty.update(incident.undelivered)

    def touch_open(self) -> None:
        """Have all that is open looked at again."""
        for incident in self.open_incidents():
            self._touch(incident)

    def _pack(self) -> None:
        """Pack what ended a while ago, once the list of work has seen that; before there is a list, it is left out."""
        while (incident := self.incidents.to_pack()) is not None and not (self.is_listed and incident.id in self.moved):
            self.moved.discard(incident.id)
            self.unlearned[incident.partition].discard(incident.id)
            if not self.is_listed:
                self.dirty.difference_update(incident.calls)
            self.incidents.pack(incident)

    def _forget(self, now: int) -> None:
        """Let go of what ended a day ago, and of the oldest ends where there are too many."""
        while self._closed and (self._closed[0][0] < now - DAY_MS or len(self._closed) > CLOSED_KEPT):
            known = self.incidents.at_hand.get(incident_id := self._closed.popleft()[1])
            if known is None or not known.is_open:  # one that goes on after its site was set aside
                self._drop(incident_id)
        if now - self._swept_at >= HOUR_MS:
            self._swept_at = now
            self._sweep(now)

    def _sweep(self, now: int) -> None:
        """Let go of what never began, and of what people did long ago, where nothing is kept that it is of."""
        for incident_id in [key for key, place in self._nameless.items() if self._is_past(place)]:
            del self._nameless[incident_id]
            self._drop(incident_id)
        week, day = now - 8 * DAY_MS, now - DAY_MS
        self.attentions = {
            key: one
            for key, one in self.attentions.items()
            if key not in self.seen or (one.incident_id or "") in self.incidents
        }
        self.undelivered = {
            subject: known
            for subject, known in self.undelivered.items()
            if known.at > week or (known.incident_id or "") in self.incidents
        }
        self.seen = {
            subject: seen
            for subject, seen in self.seen.items()
            if seen.at > week or subject in self.attentions or subject in self.undelivered
        }
        self.inbound = {result: said for result, said in self.inbound.items() if said[0] > day}
        self.actions = {action: at for action, at in self.actions.items() if at > day}
        self.set_aside.forget(day)
        self.wrong_at = {site: at for site, at in self.wrong_at.items() if at[-1] > now - HOUR_MS}
        for callback_id in [key for key, callback in self.callbacks.items() if callback.at < day]:
            del self.callbacks[callback_id]
            self.tries.pop(callback_id, None)
        known = (self.attentions, self.undelivered, self.callbacks)
        self._partition_of = {key: at for key, at in self._partition_of.items() if any(key in of for of in known)}

    def _drop(self, incident_id: str) -> None:
        incident = self.incidents.pop(incident_id, None)
        if incident is None:
            return
        self.of_site[incident.site_id] = tuple(id_ for id_ in self.of_site[incident.site_id] if id_ != incident_id)
        if not self.of_site[incident.site_id]:
            del self.of_site[incident.site_id]
        for subject in incident.undelivered & self.undelivered.keys():
            self.undelivered[subject] = self.undelivered[subject].keeping(covert=incident.covert, kinds=incident.kinds)
        for command_id in incident.calls:
            self.tries.pop(command_id, None)
        for attention_id in incident.attentions:
            if attention_id in self.seen:
                self.attentions.pop(attention_id, None)
        self.dirty.update(incident.calls)
