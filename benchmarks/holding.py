"""A worker's memory, and the records of an incident (docs/sizing.md). No Kafka.

``python -m benchmarks.holding [--sites N]`` rebuilds partitions from the records of N sites, as a restore does, then of
as many open incidents, and prints of each: bytes of its value, resident memory, CPU of the rebuilding. Then it plays
one incident from its alert to the guard's report, nobody reached in two rounds, and adds up the values it writes, by
topic.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections import Counter
from typing import Any, Final

import psutil

from benchmarks.stages import NOW, alert_value, site_value
from schemas import encode
from schemas.contract.murmur2 import partition as partition_of
from streams.escalation.state import EMPTY
from streams.escalation.step import on_event
from streams.escalation.values import Alert, DispatchCommand, DispatchReport, SiteRecord, Source
from streams.formats.codec import Codec
from streams.formats.site_records import SiteRecords
from streams.settings import load
from streams.simulation.simulation import Simulation
from streams.state.partition import Partition
from streams.state.rebuild import Rebuild
from tests.streams.messages import Logged

PARTITIONS: Final = 6
MINUTE: Final = 60_000


def resident() -> int:
    """Return the resident bytes of this process."""
    gc.collect()
    return psutil.Process().memory_info().rss


class Rebuilds:
    """Rebuilds partitions, and measures the cost of each kind of record."""

    def __init__(self) -> None:
        settings = load(None, {"RONDE_TOPICS__PARTITIONS": str(PARTITIONS)})
        self.codec = Codec()
        self.procedures = settings.procedures()
        site_records = SiteRecords(self.codec, settings)
        self.rebuilds = [Rebuild(number, self.codec, site_records, 1 << 60, {}) for number in range(PARTITIONS)]

    def take_sites(self, count: int) -> float:
        """Seconds of CPU, without those of making the records."""
        return self._take(count, self._site, "take_site")

    def take_states(self, count: int) -> float:
        """The same."""
        return self._take(count, self._state, "take_state")

    def partitions(self) -> tuple[list[Partition], float]:
        """What came of it, and the seconds of CPU."""
        begun = time.process_time()
        made = [rebuild.partition({}, {}) for rebuild in self.rebuilds]
        return made, time.process_time() - begun

    def _take(self, count: int, record: Any, take: str) -> float:
        spent = 0.0
        for begin in range(0, count, 10_000):
            logged = [record(number) for number in range(begin, min(begin + 10_000, count))]
            begun = time.process_time()
            for message in logged:
                getattr(self.rebuilds[partition_of(message.key_, PARTITIONS)], take)(message)
            spent += time.process_time() - begun
        return spent

    def _site(self, number: int) -> Logged:
        value = site_value(number)
        return Logged(value["site_id"].encode(), encode("Site", value), number)

    def _state(self, number: int) -> Logged:
        site = SiteRecord(number, self.codec.decode_site(encode("Site", site_value(number))))
        alert: Any = self.codec.decoders["alerts"](encode("Alert", alert_value(number, 0)))
        state = on_event(EMPTY, site, alert, Source("alerts", 0, number), NOW, self.procedures).state
        return Logged(alert.site_id.encode(), self.codec.encode_state(state), number)


def incident() -> tuple[Counter[str], Counter[str]]:
    """Records and bytes of values, by topic, of an incident in which nobody is reached and a guard comes."""
    codec, simulation = Codec(), Simulation()
    records: Counter[str] = Counter()
    size: Counter[str] = Counter()
    site, raised = site_value(1), alert_value(1, 0)
    list(simulation.site(site["site_id"], codec.decode_site(encode("Site", site)), Source("sites", 0, 0), NOW))

    def write(topic: str, value: bytes) -> None:
        records[topic] += 1
        size[topic] += len(value)

    def see(emitted: Any) -> list[Any]:
        seen = list(emitted)
        for record in seen:
            write(record.topic, codec.encoders[record.topic](record.value))
        return [record.value for record in seen]

    alert = encode("Alert", raised)
    write("alerts", alert)
    seen = see(simulation.event(Alert(*codec.decoders["alerts"](alert)), Source("alerts", 0, 0), NOW))
    now = NOW
    while not (asked := [value for value in seen if isinstance(value, DispatchCommand)]):
        now += MINUTE
        seen += see(simulation.advance(now))
    for offset, status in enumerate(("ACCEPTED", "EN_ROUTE", "ON_SITE", "CLOSED")):
        report = {
            "report_id": f"{asked[0].dispatch_id}-{offset}", "site_id": site["site_id"], "status": status,
            "incident_id": asked[0].incident_id, "dispatch_id": asked[0].dispatch_id,
            "partner_id": asked[0].partner_id, "reported_at": now,
        }  # fmt: skip
        value = encode("DispatchReport", report)
        write("dispatch-reports", value)
        dispatch_report = DispatchReport(*codec.decoders["dispatch-reports"](value))
        see(simulation.event(dispatch_report, Source("dispatch-reports", 0, offset), now))
    return records, size


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, default=300_000)
    options = parser.parse_args()
    out, count = sys.stdout.write, options.sites
    held = Rebuilds()
    empty = resident()
    site_seconds = held.take_sites(count)
    with_sites = resident()
    state_seconds = held.take_states(count)
    made, seconds = held.partitions()
    del held.rebuilds
    with_states = resident()
    assert sum(partition.phases["CALLING"] for partition in made) == count
    out(f"{count} sites, then as many open incidents, in {PARTITIONS} partitions\n\n")
    out(f"{'':16}{'value':>8}{'resident':>10}{'CPU':>8}\n")
    for name, size, memory, spent in (
        ("a site", sum(part.site_bytes for part in made), with_sites - empty, site_seconds),
        ("an incident", sum(part.state_bytes for part in made), with_states - with_sites, state_seconds + seconds),
    ):
        out(f"{name:16}{size / count:6.0f} B{memory / count:8.0f} B{spent / count * 1e6:5.1f} µs\n")
    out("\nan incident on the topics, nobody reached, a guard comes\n\n")
    records, sizes = incident()
    for topic, number in records.items():
        out(f"{topic:18}{number:4} records{sizes[topic]:7} B\n")
    out(f"{'':18}{records.total():4} records{sizes.total():7} B\n")


if __name__ == "__main__":
    main()
