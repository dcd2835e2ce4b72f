"""How long an input takes through a worker, partition by partition, seen from outside: is everything up again?"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas.contract.murmur2 import partition
from tests.faults.load import Journal
from tests.faults.records import decode
from tests.faults.tail import SILENT

AGAIN_SECONDS: Final = 120.0  # takes 30 at most, unless the machine has much else to do


class Probe:
    """An alert of a site that nobody knows, to every partition: each must come out of quarantine.

    ``meanwhile`` is called again and again while it waits.
    """

    def __init__(
        self, servers: str, prefix: str, partitions: int, journal: Journal, meanwhile: Callable[[], None]
    ) -> None:
        self._servers = servers
        self._prefix = prefix
        self._journal = journal
        self._meanwhile = meanwhile
        self._keys = [_key(number, partitions) for number in range(partitions)]
        self._numbers = count()

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
        with closing(self._reader()) as reader:
            while names:
                self._journal.poll()
                self._meanwhile()
                for message in reader.consume(500, 0.05):
                    value = message.value()
                    if message.error() is None and value is not None:
                        names.pop(decode("quarantine", value)["alert_id"], None)
                waited = time.monotonic() - begun
                assert waited < seconds, (
                    f"nothing comes through {sorted(names.values())} for {waited:.0f} s, of {names.keys()} these were "
                    f"acknowledged: {[sent.place for sent in self._journal.sent if sent.id in names]}"
                )
        return time.monotonic() - begun

    def _reader(self) -> Consumer:
        """A new one each time: one that has been through an outage may get no records any more.

        Seen once in 41 runs, after a broker was frozen: the workers had answered within 10 s, all of it committed, and
        the probe's reader saw none of it for two minutes.
        """
        reader = Consumer(
            {
                "bootstrap.servers": self._servers,
                "group.id": f"{self._prefix}probe",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
            },
            logger=SILENT,
        )
        topic = f"{self._prefix}quarantine"
        reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(len(self._keys))])
        return reader


def _key(number: int, partitions: int) -> str:
    """A key of a partition."""
    return next(key for n in count() if partition((key := f"probe{n}").encode(), partitions) == number)
