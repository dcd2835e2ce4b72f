"""How long an input takes through a worker, partition by partition, seen from outside: is everything up again?"""

from __future__ import annotations

import time
from itertools import count
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.murmur2 import partition
from tests.faults.load import Journal
from tests.faults.records import decode
from tests.faults.tail import SILENT

AGAIN_SECONDS: Final = 60.0


class Probe:
    """An alert of a site that nobody knows, to every partition: each must come out of quarantine."""

    def __init__(self, servers: str, prefix: str, partitions: int, journal: Journal) -> None:
        self._journal = journal
        self._keys = [_key(number, partitions) for number in range(partitions)]
        self._numbers = count()
        self._consumer = Consumer(
            {
                "bootstrap.servers": servers,
                "group.id": f"{prefix}probe",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
            },
            logger=SILENT,
        )
        logs = [TopicPartition(f"{prefix}quarantine", number, OFFSET_BEGINNING) for number in range(partitions)]
        self._consumer.assign(logs)

    def round_trip(self, seconds: float = AGAIN_SECONDS) -> float:
        """Seconds until one that is sent now has come through every partition."""
        begun = time.monotonic()
        names = {f"probe-{next(self._numbers)}": key for key in self._keys}
        for name, key in names.items():
            alert = {
                "alert_id": name,
                "site_id": key,
                "kind": "INTRUSION",
                "raised_at": time.time_ns() // 1_000_000,
                "zone": None,
                "detail": None,
                "source": "probe",
            }
            self._journal.say("alerts", alert)
        while names:
            self._journal.poll()
            for message in self._consumer.consume(500, 0.05):
                value = message.value()
                if message.error() is None and value is not None:
                    names.pop(decode("quarantine", value)["alert_id"], None)
            waited = time.monotonic() - begun
            assert waited < seconds, f"nothing comes through {sorted(names.values())} for {waited:.0f} s"
        return time.monotonic() - begun

    def close(self) -> None:
        """Leave."""
        self._consumer.close()


def _key(number: int, partitions: int) -> str:
    """A key of a partition."""
    return next(key for n in count() if partition((key := f"probe{n}").encode(), partitions) == number)
