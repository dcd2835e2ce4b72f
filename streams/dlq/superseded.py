"""Dead letters of ``sites`` that must not be put back, because their site has a newer configuration.

A record put back becomes the latest of its site. For an alert this is intended; for a site record, an old address would
replace the new one, and the guard would go there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cmp_to_key
from itertools import combinations, pairwise

from schemas.contract.murmur2 import partition as partition_of
from schemas.contract.topics import Log
from streams.dlq.origins import TOPIC, Arrival, Origins, arrival, is_later
from streams.kafka.dead_letters import Letter, LetterId
from streams.kafka.reading import Logs, Span


class SiteOrder:
    """The order in which the site records behind letters came, among each other and with those in force.

    Records count by their partition's order, or by their own times where they are of two; one that was put back, as the
    one its producer sent. Where neither tells, each counts as later than the other.
    """

    def __init__(self, logs: Logs, letters: Iterable[Letter]) -> None:
        """``letters``: all that may be put back; those of other topics are not concerned."""
        self._logs = logs
        self._origins = Origins(logs)
        partitions = logs.require([TOPIC])
        self._by_site: defaultdict[bytes, list[LetterId]] = defaultdict(list)
        concerned = []
        for letter in letters:
            if letter.topic == TOPIC and letter.key is not None:
                self._by_site[letter.key].append(letter.id)
                concerned.append(letter)
        self._origins.learn(concerned)
        homes = {(TOPIC, partition_of(key, partitions)) for key in self._by_site}
        self._reached: dict[Log, int] = logs.offsets.first(homes)
        self._at_home: defaultdict[bytes, list[Arrival]] = defaultdict(list)

    def rounds(self, ids: Iterable[LetterId]) -> tuple[list[list[LetterId]], list[LetterId]]:
        """Share letters out to rounds, each in the order of ids; and those whose order is not known.

        Letters are read a partition after the other: one that such a reading would put before an older one of its site
        waits for the next round.
        """
        number_of: dict[LetterId, int] = {}
        unknown: set[LetterId] = set()
        for letters in self._by_site.values():
            names = sorted(letters, key=cmp_to_key(self._compared))
            partitions = {self._origins.of_letter(name).partition for name in names}
            if len(partitions) > 1 and any(self._is_later(*pair) for pair in combinations(names, 2)):
                unknown.update(names)
                continue
            for earlier, later in pairwise(names):
                number_of[later] = number_of.get(earlier, 0) + (later < earlier)
        rounds: defaultdict[int, list[LetterId]] = defaultdict(list)
        for name in sorted(set(ids) - unknown):
            rounds[number_of.get(name, 0)].append(name)
        return [rounds[number] for number in sorted(rounds)], sorted(unknown)

    def superseded(self, letters: Iterable[Letter]) -> set[LetterId]:
        """Return the letters whose site has a later record in its partition by now, or one that may be later."""
        concerned = [(letter.id, letter.key) for letter in letters if letter.topic == TOPIC and letter.key is not None]
        if concerned:
            self._read_on()
        return {name for name, key in concerned if self._is_replacing_later(name, key)}

    def _is_replacing_later(self, name: LetterId, key: bytes) -> bool:
        origin = self._origins.of_letter(name)
        return any(is_later(self._origins.of(record), origin) for record in self._at_home[key])

    def _read_on(self) -> None:
        """Read what has come since the last time. Reading up to the high watermark waits for open transactions."""
        ends = self._logs.offsets.high_watermarks(self._reached)
        found: list[Arrival] = []
        for log, begin in self._reached.items():
            for record in self._logs.read(Span(*log, begin, ends[log])):
                if record.key is not None and record.key in self._by_site:
                    found.append(arrival(record))
                    self._at_home[record.key].append(found[-1])
        self._reached = ends
        self._origins.learn_before(found)

    def _is_later(self, one: LetterId, other: LetterId) -> bool:
        return is_later(self._origins.of_letter(one), self._origins.of_letter(other))

    def _compared(self, one: LetterId, other: LetterId) -> int:
        return self._is_later(one, other) - self._is_later(other, one)
