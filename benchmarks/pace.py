"""Alerts at a steady rate, from a process of its own: ``python -m benchmarks.pace``.

Each alert's id carries the wall clock taken just before it was handed to the producer, so that a reader of the id
again knows how long that took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from confluent_kafka import Producer

from benchmarks.folders import REPOSITORY
from benchmarks.logs import QUIET
from benchmarks.wires import KERNEL, RONDE, Wire

A_SITE: Final = 3  # alerts of a quiet site: the first opens, the others merge
TICK_SECONDS: Final = 0.001


class Stream(NamedTuple):
    """Alerts of one kind, ``rate`` a second. ``sites`` 0: always a new site after three alerts; else these, in turn."""

    tag: str
    rate: int
    sites: int = 0

    def site_id(self, number: int) -> str:
        """The site of the alert of this number, from 0."""
        return f"{self.tag}-{number % self.sites if self.sites else number // A_SITE:06d}"

    def site_ids(self, seconds: int) -> list[str]:
        """All of its sites in that time."""
        count = self.sites or -(-self.rate * seconds // A_SITE)
        return [f"{self.tag}-{number:06d}" for number in range(count)]


class AlertTag(NamedTuple):
    """The content of an alert's id."""

    tag: str
    number: int
    at: int  # µs

    @classmethod
    def of(cls, alert_id: str) -> AlertTag:
        """Parse an id."""
        tag, number, at = alert_id.rsplit(".", 2)
        return cls(tag, int(number), int(at))


def alert(wire: Wire, stream: Stream, number: int) -> tuple[bytes, bytes]:
    """The key and value of an alert that is sent now."""
    at = time.time_ns() // 1000
    site = stream.site_id(number)
    return site.encode(), wire.alert(f"{stream.tag}.{number}.{at}", site, at // 1000)


def start(address: str, topic: str, wire: Wire, streams: Sequence[Stream], seconds: int) -> subprocess.Popen[bytes]:
    """Begin; the process ends when all is sent."""
    command = [sys.executable, "-m", "benchmarks.pace", address, topic, "ronde" if wire is RONDE else "kernel"]
    return subprocess.Popen([*command, json.dumps(streams), str(seconds)], cwd=REPOSITORY)  # noqa: S603 - our own command line


def due(streams: Sequence[Stream], sent: list[int], elapsed: float, seconds: int) -> Iterator[tuple[Stream, int]]:
    """Return the alerts due by now; count them in ``sent``, by stream."""
    for place, stream in enumerate(streams):
        until = min(int(elapsed * stream.rate) + 1, stream.rate * seconds)
        while sent[place] < until:
            yield stream, sent[place]
            sent[place] += 1


def main() -> None:
    """Send."""
    parser = argparse.ArgumentParser()
    for name in ("address", "topic", "wire", "streams"):
        parser.add_argument(name)
    parser.add_argument("seconds", type=int)
    given = parser.parse_args()
    wire: Wire = RONDE if given.wire == "ronde" else KERNEL
    streams = [Stream(*stream) for stream in json.loads(given.streams)]
    producer = Producer(
        {**QUIET, "bootstrap.servers": given.address, "linger.ms": 1, "partitioner": "murmur2_random", "acks": "all"}
    )
    producer.list_topics(given.topic, timeout=10)  # connected before the first one is due
    sent, begun = [0] * len(streams), time.perf_counter()
    while sum(sent) < total(streams, given.seconds):
        for stream, number in due(streams, sent, time.perf_counter() - begun, given.seconds):
            key, value = alert(wire, stream, number)
            producer.produce(given.topic, value, key)
        producer.poll(0)
        time.sleep(TICK_SECONDS)
    producer.flush()


def total(streams: Sequence[Stream], seconds: int) -> int:
    """How many alerts in all."""
    return sum(stream.rate * seconds for stream in streams)


if __name__ == "__main__":
    main()
