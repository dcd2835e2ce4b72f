"""A view that stood still: what was held when it stopped is its holders' for 20 s after it goes on."""

from __future__ import annotations

import time
from typing import Final

from edges.desk.broker_clock import BrokerClock
from edges.desk.claims import ClaimLog, Hold
from edges.desk.reader import STALE_SECONDS, DeskReader
from edges.desk.state import DeskState

OFFERED_MS: Final = 20_000  # after the view stood still, what was held then is its holders' for so long


class Reserved:
    """What is still its holders', as nobody could renew a hold."""

    def __init__(self, state: DeskState, reader: DeskReader, clock: BrokerClock) -> None:
        self._state = state
        self._reader = reader
        self._clock = clock
        self._stood_still: dict[int, list[Hold]] = {}  # by partition: what was held when its view stopped
        self._kept: dict[str, tuple[Hold, ClaimLog]] = {}  # until the hold's end

    def of(self, subject: str) -> Hold | None:
        """The hold of whom a subject is kept for, with the end of that: they had it last and did not let go of it."""
        if subject not in self._kept:
            return None
        hold, log = self._kept[subject]
        return hold if hold.until > self._clock.now() and log.last_by(subject) == hold.by else None

    def is_old(self, partition: int) -> bool:
        """Whether what is read of a partition is too old; where it is so no more, what was held is kept from now on."""
        age = self._reader.age(partition)
        self._watch_age(partition, age)
        return age > STALE_SECONDS

    def watch_ages(self, ages: list[float]) -> None:
        """Note what is held when a partition's view stops, and keep it for its holders when it goes on."""
        for partition, age in enumerate(ages):
            self._watch_age(partition, age)
        now = self._clock.now()
        self._kept = {subject: kept for subject, kept in self._kept.items() if kept[0].until > now}

    def _watch_age(self, partition: int, age: float) -> None:
        log = self._state.claims[partition]
        if age > STALE_SECONDS and partition not in self._stood_still:
            self._stood_still[partition] = list(log.holds(log.now(time.monotonic() - age)))
        elif age <= STALE_SECONDS and partition in self._stood_still:
            until = self._clock.now() + OFFERED_MS
            for hold in self._stood_still.pop(partition):
                self._kept[hold.subject] = hold._replace(until=until), log
