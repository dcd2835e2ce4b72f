"""How far the engine has come with a partition: what it has decided on, what it will never decide on."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from edges.desk.incident import Awaited
    from edges.values import Decision

AWAITED_SECONDS: Final = 45.0
SAID: Final = ("call-results", "operator-actions")  # what people say, and the engine decides on


class Place(NamedTuple):
    """Where a record lies and when it came: the broker's or the sender's timestamp; when it was read, monotonic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    read_at: float


class Statement(NamedTuple):
    """A result or an action, decoded and as it came."""

    place: Place
    value: Any
    data: bytes


class Progress:
    """Follows a partition's decisions, in their order, and which of its inputs became dead letters.

    Attributes:
        decided_at: the timestamp of the last decision.

    """

    def __init__(self) -> None:
        self.decided_at = 0
        self._last: tuple[str | None, int | None] = (None, None)  # its topic and offset: there may be more on it
        self._handled: dict[str, int] = {}  # by topic, the last input of which there is no more to come
        self._dead: dict[str, list[int]] = {topic: [] for topic in SAID}  # dead letters beyond that, in order
        self._said: dict[str, deque[Statement]] = {topic: deque() for topic in SAID}  # by topic, what has no end yet

    def take(self, decision: Decision, timestamp: int) -> None:
        """Take the next decision."""
        self.decided_at = max(self.decided_at, timestamp)
        before, self._last = self._last, (decision.input.topic, decision.input.offset)
        if before != self._last:
            self._handle(*before)
        if decision.incident_id is None:  # then it is the only one on its input
            self._handle(*self._last)

    def bury(self, topic: str, offset: int) -> None:
        """Take that an input became a dead letter.

        It says nothing of the inputs before it: their decisions may still be to be read.
        """
        if topic in self._dead and not self.has_handled(topic, offset):
            insort(self._dead[topic], offset)

    def follow(self, said: Statement) -> None:
        """Remember what people said for as long as the engine is not done with it."""
        place = said.place
        self._forget(place.topic)
        if not self.has_handled(place.topic, place.offset):
            self._said[place.topic].append(said)

    def undecided(self, site_id: str) -> list[Statement]:
        """What people said of a site that the engine is still to decide on."""
        return [
            said
            for topic, waiting in self._said.items()
            for said in waiting
            if said.value.site_id == site_id and not self.has_ended(topic, said.place.offset)
        ]

    def has_handled(self, topic: str, offset: int) -> bool:
        """Whether the engine is done with an input: it takes those of a topic in their order."""
        return offset <= self._handled.get(topic, -1)

    def has_ended(self, topic: str, offset: int) -> bool:
        """The same, or whether it is a dead letter."""
        dead = self._dead.get(topic, ())
        place = bisect_right(dead, offset)
        return self.has_handled(topic, offset) or (place > 0 and dead[place - 1] == offset)

    def is_awaited(self, one: Awaited, monotonic: float, *, until_passed_over: bool) -> bool:
        """Whether the engine may still decide on it.

        It gives each record an end, a decision or a dead letter (procedure.md §7), however far behind it is: decisions
        on other topics say nothing of that. Its end is waited for no longer than 45 s, or ``until_passed_over``.
        """
        if self.has_ended(one.topic, one.offset):
            return False
        return until_passed_over or monotonic - one.read_at < AWAITED_SECONDS

    def _handle(self, topic: str | None, offset: int | None) -> None:
        if topic is None or offset is None:
            return
        self._handled[topic] = offset
        if topic in self._dead:
            del self._dead[topic][: bisect_right(self._dead[topic], offset)]
            self._forget(topic)

    def _forget(self, topic: str) -> None:
        waiting = self._said[topic]
        while waiting and self.has_ended(topic, waiting[0].place.offset):
            waiting.popleft()
