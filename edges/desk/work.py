"""What there is to do: one item a command outstanding and an attention not seen, the most urgent first."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from edges.desk.claims import Hold
from edges.desk.incident import Incident, incident_of
from edges.desk.standing import Sighting, Stranger, Undelivered
from edges.desk.state import ACCOUNT, DeskState
from edges.values import Attention, CallCommand

_FIRST_REASONS: Final = frozenset({"DURESS", "CALL_FOR_HELP", "FAILED"})
_BACK_MS: Final = 1000  # the time is put right by more than this: what seemed over may not be
LATE_DEADLINE_MS: Final = 45_000  # a deadline that is past for so long, without a decision, was forgotten


class Item(NamedTuple):
    """One thing to do; times in Unix milliseconds of the broker's clock."""

    subject: str
    item: str
    site_id: str
    urgency: int
    alert_kinds: tuple[str, ...]
    covert: bool
    since: int
    holder: Hold | None
    incident_id: str | None = None
    version: int | None = None
    reason: str | None = None
    repeat: int | None = None
    contact_name: str | None = None
    phone: str | None = None
    language: str | None = None
    round: int | None = None
    position: int | None = None
    of: int | None = None
    expires_at: int | None = None
    seen: Sighting | None = None

    @property
    def rank(self) -> tuple[int, int, str]:
        """By this it stands in the list."""
        return self.urgency, self.since, self.subject

    @property
    def is_free(self) -> bool:
        """Whether it waits for somebody."""
        return self.holder is None and self.seen is None


def urgency(kinds: Iterable[str], reason: str | None = None, *, is_call: bool) -> int:
    """From 1, the most urgent, to 4."""
    of_all = frozenset(kinds)
    if reason in _FIRST_REASONS or "HOLD_UP" in of_all:
        return 1
    if "FIRE" in of_all:
        return 2
    return 4 if is_call and of_all == {"TAMPER"} else 3


def item_of(state: DeskState, subject: str, now: int) -> Item | None:
    """What there is to do about a subject; None: nothing."""
    if _is_past(state, subject):
        return None
    command = state.command(subject)
    if command is not None:
        return _call_item(state, *command, now)
    attention = state.attentions.get(subject)
    if attention is not None:
        return _attention_item(state, attention)
    undelivered = state.undelivered.get(subject)
    if undelivered is not None:
        return _undelivered_item(state, undelivered)
    stranger = state.stranger(subject)
    return None if stranger is None else _stranger_item(state, stranger)


def _is_past(state: DeskState, subject: str) -> bool:
    """Whether it is of an incident that ended a while ago, and is over with it; that need not be unpacked to know."""
    partition = state.incidents.packed_in(incident_of(subject))
    if partition is None:
        return False
    return subject in state.seen if state.is_attention(subject) else state.holder(partition, subject) is None


def _call_item(state: DeskState, incident: Incident, call: CallCommand, now: int) -> Item | None:
    holder = state.holder(incident.partition, call.command_id)
    if incident.is_over(call, now) and (holder is None or incident.is_answered_by(call.command_id, holder.by)):
        return None  # who is in the call keeps it until they have answered
    kinds = incident.kinds or call.alert_kinds
    return Item(
        subject=call.command_id,
        item=call.action,
        site_id=call.site_id,
        urgency=urgency(kinds, is_call=True),
        alert_kinds=kinds,
        covert=incident.covert,
        since=call.issued_at,
        holder=holder,
        incident_id=incident.id,
        version=incident.version,
        contact_name=call.contact_name,
        phone=call.phone,
        language=call.language,
        round=call.round,
        position=call.position,
        of=state.round_size(incident, call.round),
        expires_at=call.expires_at,
    )


def _attention_item(state: DeskState, attention: Attention) -> Item | None:
    incident = state.incidents.get(attention.incident_id or "")
    seen = state.seen.get(attention.attention_id)
    if seen is not None and not _stays(incident, attention):
        return None
    return Item(
        subject=attention.attention_id,
        item="ATTENTION",
        site_id=attention.site_id,
        urgency=urgency(attention.alert_kinds, attention.reason, is_call=False),
        alert_kinds=attention.alert_kinds,
        covert=attention.covert,
        since=attention.raised_at,
        holder=state.holder(state.partition_of(attention.attention_id) or 0, attention.attention_id),
        incident_id=None if incident is None else incident.id,
        version=None if incident is None else incident.version,
        reason=attention.reason,
        repeat=attention.repeat,
        seen=seen,
    )


def _stays(incident: Incident | None, attention: Attention) -> bool:
    """Whether an attention that was seen stays: of an incident that is handed over, until it moves."""
    return (
        incident is not None
        and incident.is_open
        and incident.phase == "HANDED_OVER"
        and incident.last_attention == attention.attention_id
    )


def _undelivered_item(state: DeskState, undelivered: Undelivered) -> Item | None:
    subject = undelivered.subject
    incident = state.incidents.get(undelivered.incident_id or incident_of(subject))
    if subject in state.seen:
        return None
    # What is read late of an incident that was forgotten makes it again, without most that is known of it.
    covert = undelivered.covert or (incident is not None and incident.covert)
    kinds = (incident.kinds if incident is not None else ()) or undelivered.kinds
    return Item(
        subject=subject,
        item="ATTENTION",
        site_id=undelivered.site_id,
        urgency=1 if covert else urgency(kinds, is_call=False),
        alert_kinds=kinds,
        covert=covert,
        since=undelivered.at,
        holder=state.holder(state.partition_of(subject) or 0, subject),
        incident_id=None if incident is None else incident.id,
        version=None if incident is None else incident.version,
        reason="UNDELIVERED",
    )


def _stranger_item(state: DeskState, stranger: Stranger) -> Item:
    return Item(
        subject=stranger.signal_id,
        item="ATTENTION",
        site_id=ACCOUNT + stranger.account,
        urgency=min(2, urgency(stranger.kinds, is_call=False)),
        alert_kinds=stranger.kinds,
        covert=False,
        since=stranger.since,
        holder=state.holder(stranger.partition, stranger.signal_id),
        reason="UNKNOWN_ACCOUNT",
        repeat=stranger.alarms - 1,
    )


class WorkList:
    """The items, kept up with the state and the time; who listens hears of each that comes, changes or goes.

    Attributes:
        items: by subject.
        forgotten: open incidents whose deadline passed `LATE_DEADLINE_MS` ago, without a decision since.

    """

    def __init__(self, state: DeskState, listener: Callable[[str, Any], None]) -> None:
        """``listener``: called with ``work`` and an `Item`, ``gone`` and a subject, ``incident`` and an `Incident`."""
        self._state = state
        self._listener = listener
        self._due: list[tuple[int, str]] = []  # subjects to look at again: what expires, a hold that ends
        self._deadlines: list[tuple[int, str]] = []
        self._now = 0
        self.items: dict[str, Item] = {}
        self.forgotten: set[str] = set()

    def update(self, now: int) -> None:
        """Look at all that has changed since, or is due by ``now``."""
        state = self._state
        if now < self._now - _BACK_MS:
            state.touch_open()
        self._now = now
        while self._due and self._due[0][0] <= now:
            state.dirty.add(heapq.heappop(self._due)[1])
        dirty, state.dirty = state.dirty, set()
        for subject in dirty:
            self._look(subject, now)
        moved, state.moved = state.moved, set()
        state.is_listed = True
        while self._deadlines and self._deadlines[0][0] <= now:
            moved.add(heapq.heappop(self._deadlines)[1])
        for incident_id in moved:
            self._watch(incident_id, now)

    def _look(self, subject: str, now: int) -> None:
        item = item_of(self._state, subject, now)
        known = self.items.get(subject)
        if item is None:
            if known is not None:
                del self.items[subject]
                self._listener("gone", subject)
            return
        if item.expires_at is not None and item.expires_at > now:
            heapq.heappush(self._due, (item.expires_at, subject))
        if item.holder is not None:
            heapq.heappush(self._due, (now + self._state.hold_left(subject, item.holder), subject))
        if item != known:
            self.items[subject] = item
            self._listener("work", item)

    def _watch(self, incident_id: str, now: int) -> None:
        incident = self._state.incidents.get(incident_id)
        is_forgotten = False
        if incident is not None and incident.deadline is not None and incident.is_open:
            late_at = incident.deadline + LATE_DEADLINE_MS
            is_forgotten = now >= late_at
            if not is_forgotten:
                heapq.heappush(self._deadlines, (late_at, incident_id))
        if is_forgotten:
            self.forgotten.add(incident_id)
        else:
            self.forgotten.discard(incident_id)
        if incident is not None:
            self._listener("incident", incident)

    def in_order(self) -> list[Item]:
        """All items, the most urgent first, then the oldest."""
        return sorted(self.items.values(), key=lambda item: item.rank)

    def next_for(
        self,
        operator: str,
        is_offered: Callable[[Item], bool] = lambda _: True,
        others: Collection[Item] = (),
    ) -> Item | None:
        """What an operator should do now: first what they hold and have not answered, then the first that is free.

        Homes of which another incident is in somebody else's hands are passed over, and what is not ``is_offered``.
        ``others``: what others are taking right now, which comes last, as they may fail.
        """
        items = self.in_order()
        for item in items:
            if self.is_left_to(operator, item.subject):
                return item
        busy: dict[str, set[str | None]] = {}
        for item in items:
            if item.holder is not None and item.holder.by != operator:
                busy.setdefault(item.site_id, set()).add(item.incident_id)
        for hold in self._inbound():
            if hold.by != operator and hold.incident_id is not None:
                busy.setdefault(hold.site_id, set()).add(hold.incident_id)
        for item in others:
            busy.setdefault(item.site_id, set()).add(item.incident_id)
        taken = {item.subject for item in others}
        last = None
        for item in items:
            if item.is_free and not (busy.get(item.site_id, set()) - {item.incident_id}) and is_offered(item):
                if item.subject not in taken:
                    return item
                last = last or item
        return last

    def is_left_to(self, operator: str, subject: str) -> bool:
        """Whether an operator holds it, and has not answered."""
        item = self.items.get(subject)
        return item is not None and item.holder is not None and self.is_open_to(operator, subject)

    def is_open_to(self, operator: str, subject: str) -> bool:
        """Whether it is there, in nobody else's hands, and not answered by an operator."""
        item = self.items.get(subject)
        is_others = item is not None and item.holder is not None and item.holder.by != operator
        return item is not None and not is_others and not self._is_answered(item, operator)

    def _inbound(self) -> Iterator[Hold]:
        """The inbound calls that somebody is in: they stand in no list."""
        state = self._state
        for log in state.claims:
            yield from (hold for hold in log.holds(log.now(state.monotonic)) if hold.subject in state.callbacks)

    def _is_answered(self, item: Item, operator: str) -> bool:
        if item.seen is not None:
            return True
        incident = self._state.incidents.get(item.incident_id or "")
        return incident is not None and incident.is_answered_by(item.subject, operator)
