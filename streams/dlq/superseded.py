"""Dead letters of ``sites`` that must not be put back, because their site has a newer configuration.

A record put back becomes the latest of its site. For an alert this is intended; for a site record, an old address would
replace the new one, and the guard would go there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from schemas.contract.murmur2 import partition as partition_of
from streams.kafka.dead_letters import REPLAYED_FROM, Letter, LetterId, parse_id
from streams.kafka.reading import LogRecord, Logs, Span

TOPIC: Final = "sites"


def superseded(logs: Logs, letters: Iterable[Letter]) -> set[LetterId]:
    """Return the letters whose site has a later record in its partition.

    A record is later if it follows the letter's original record; if that was in another partition, if its timestamp is
    later than the letter's. An earlier letter that was put back is not later.
    """
    partitions = logs.require([TOPIC])
    by_home: defaultdict[int, defaultdict[bytes, list[Letter]]] = defaultdict(lambda: defaultdict(list))
    for letter in letters:
        if letter.topic == TOPIC and letter.key is not None:
            by_home[partition_of(letter.key, partitions)][letter.key].append(letter)
    homes = [(TOPIC, number) for number in by_home]
    begins, ends = logs.offsets.first(homes), logs.offsets.last_stable(homes)
    found: set[LetterId] = set()
    for number, wanted in by_home.items():
        for record in logs.read(Span(TOPIC, number, begins[TOPIC, number], ends[TOPIC, number])):
            found |= {letter.id for letter in wanted.get(record.key or b"", ()) if _is_later(record, letter)}
    return found


def _is_later(record: LogRecord, letter: Letter) -> bool:
    is_same = record.partition == letter.partition
    is_later = record.offset > letter.offset if is_same else record.timestamp >= letter.at
    return is_later and not _was_before(record, letter)


def _was_before(record: LogRecord, letter: Letter) -> bool:
    """Whether a record is an earlier dead letter of the same partition that was put back."""
    for name, value in record.headers:
        if name == REPLAYED_FROM and isinstance(value, bytes):
            try:
                origin = parse_id(value.decode())
            except ValueError:
                return False
            return origin.partition == letter.id.partition and origin < letter.id
    return False
