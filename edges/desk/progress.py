"""How far the engine has come with a partition: what it has decided on, what it will never decide on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edges.desk.incident import SKEW_MS, Awaited

if TYPE_CHECKING:
    from edges.desk.values import Decision

AWAITED_SECONDS: Final = 45.0


class Progress:
    """Follows a partition's decisions, in their order.

    Attributes:
        decided_at: the timestamp of the last one.

    """

    def __init__(self) -> None:
        self.decided_at = 0
        self._last: tuple[str | None, int | None] = (None, None)  # its topic and offset: there may be more on it
        self._handled: dict[str, int] = {}  # by topic, the last input of which there is no more to come

    def take(self, decision: Decision, timestamp: int) -> None:
        """Take the next decision."""
        self.decided_at = max(self.decided_at, timestamp)
        (topic, offset), self._last = self._last, (decision.input.topic, decision.input.offset)
        if topic is not None and offset is not None and (topic, offset) != self._last:
            self._handled[topic] = offset

    def has_handled(self, topic: str, offset: int) -> bool:
        """Whether the engine is done with an input: it takes those of a topic in their order."""
        return offset <= self._handled.get(topic, -1)

    def awaited(self, said: Awaited) -> Awaited | None:
        """What was said just now, by its sender's clock; None: the engine is done with it."""
        if self.has_handled(said.topic, said.offset):
            return None
        # By a clock that is behind, the last decision would be one that came later.
        return said._replace(since=max(said.since, min(self.decided_at, said.since + SKEW_MS)))

    def is_awaited(self, one: Awaited, monotonic: float, *, until_passed_over: bool) -> bool:
        """Whether the engine may still decide on it.

        It decides on each record, unless it makes a dead letter of it, as what it decides later shows. Until then it
        may as well stand still: that is waited for no longer than 45 s, or ``until_passed_over``.
        """
        is_passed_over = self.decided_at >= one.since + 1000 * AWAITED_SECONDS
        if is_passed_over or self.has_handled(one.topic, one.offset):
            return False
        return until_passed_over or monotonic - one.read_at < AWAITED_SECONDS
