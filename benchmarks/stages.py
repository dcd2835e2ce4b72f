"""What a chunk costs, stage by stage, without Kafka (docs/chunk-cost.md).

``python -m benchmarks.stages [--sites N] [--chunk N] [--rounds N]`` plays alerts over many sites through the worker's
own stages: one alert opens an incident at each site, two more are merged into it. The records are the client's own
message objects, made beforehand, so that only the client's network and the broker are missing.

Times are of the process's CPU, microseconds an alert, the least of the rounds. The parts below the stages are the
functions they call, alone over the same values; what is left between a stage and its parts is its own.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from confluent_kafka import Message

from schemas import encode
from schemas.contract.murmur2 import partition as partition_of
from schemas.contract.topics import INPUT_TOPICS
from service import gc_control
from streams.escalation.state import EMPTY
from streams.escalation.step import on_event
from streams.escalation.values import SiteRecord, Source
from streams.formats.codec import Codec
from streams.observe.metrics import Metrics
from streams.pipeline.batch import OutputBatch
from streams.pipeline.decide import Decider
from streams.pipeline.decode import Decoder
from streams.runtime.clock import Clock
from streams.settings import Settings, load
from streams.state.partition import Partition, SiteBytes, Store

NOW: Final = 1_767_225_600_000
MERGES: Final = 2
ALERTS: Final = "alerts"


def site_value(number: int) -> dict[str, Any]:
    """A home as most are: an owner and a second contact, an address, a word for the guard, two partners."""
    return {
        "site_id": f"site-{number:07d}",
        "subscribed": True,
        "contacts": [
            {
                "contact_id": f"c-{place}",
                "role": role,
                "first_name": "Camille",
                "last_name": f"Martin {number}",
                "phone": f"+336{number % 10**7:07d}{place}",
                "password_hash": "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$" + "x" * 43,
                "language": "fr",
            }
            for place, role in ((1, "OWNER"), (2, "MEMBER"))
        ],
        "address": {"line1": f"{number} rue de la Paix", "postal_code": "75002", "city": "Paris", "country": "FR"},
        "instructions": "Mind the dog; the key is with the neighbour.",
        "intervention": {"enabled": True, "partners": ["azur-protection", "rond-point"]},
        "updated_at": NOW - 86_400_000,
    }


def alert_value(number: int, turn: int) -> dict[str, Any]:
    """The n-th alert of a site."""
    return {
        "alert_id": f"a-{number:07d}-{turn}",
        "site_id": f"site-{number:07d}",
        "kind": "INTRUSION",
        "raised_at": NOW + turn,
        "zone": "hall",
    }


class Run:
    """A store of sites that are ready, and the stages as a worker has them."""

    def __init__(self, sites: Sequence[bytes], ids: Sequence[str], settings: Settings) -> None:
        self.settings = settings
        self.now = NOW
        self.codec = Codec()
        self.decoder = Decoder(self.codec, settings)
        self.store = Store()
        self.metrics = Metrics()
        for number in range(settings.topics.partitions):
            clock = Clock(0, lambda: self.now, lambda: self.now)
            self.store.partitions[number] = Partition(number, clock, first_inputs=dict.fromkeys(INPUT_TOPICS, 0))
        for offset, (site_id, value) in enumerate(zip(ids, sites, strict=True)):
            home = partition_of(site_id.encode(), settings.topics.partitions)
            self.store.partitions[home].sites[site_id] = SiteBytes(offset, value, checked=True)
        self.decider = Decider(self.store, self.codec, self.decoder.site_records, settings)

    def chunk(self, messages: list[Any], spent: dict[str, float]) -> None:
        """One chunk through the stages; adds the seconds of each to ``spent``."""
        clock = time.process_time
        begun = clock()
        inboxes = self.decoder.chunk(messages)
        decoded = clock()
        batch = OutputBatch()
        for _ in self.decider.decide(inboxes, frozenset(), batch):
            pass
        decided = clock()
        for overlay in batch.overlays:
            overlay.commit()
        self.metrics.count(batch.tally)
        gc_control.collect_if_due()
        counted = clock()
        assert batch.tally.decided.total() == len(messages)
        spent["decode"] = spent.get("decode", 0) + decoded - begun
        spent["decide"] = spent.get("decide", 0) + decided - decoded
        spent["after the commit"] = spent.get("after the commit", 0) + counted - decided


def messages_of(values: Iterable[dict[str, Any]], settings: Settings, begin: int) -> list[Any]:
    """Alerts as the client hands them out, in each partition from the offset ``begin``."""
    made: list[Any] = []
    offsets = dict.fromkeys(range(settings.topics.partitions), begin)
    topic = settings.topic(ALERTS)
    for value in values:
        key = value["site_id"].encode()
        home = partition_of(key, settings.topics.partitions)
        message = Message(
            topic=topic, partition=home, offset=offsets[home], key=key, value=encode("Alert", value), timestamp=(1, NOW)
        )
        offsets[home] += 1
        made.append(message)
    return made


def night(count: int, settings: Settings) -> tuple[list[bytes], list[str], list[list[Any]]]:
    """So many sites, encoded; their ids; an alert of each that opens, then those that are merged, a turn at a time."""
    values = [site_value(number) for number in range(count)]
    turns = [
        messages_of((alert_value(number, turn) for number in range(count)), settings, turn * count)
        for turn in range(1 + MERGES)
    ]
    return [encode("Site", value) for value in values], [value["site_id"] for value in values], turns


def least(function: Callable[[], Any], count: int, rounds: int) -> float:
    """Microseconds a call, the least of the rounds."""
    times: list[float] = []
    for _ in range(rounds):
        begun = time.process_time()
        function()
        times.append(time.process_time() - begun)
    return min(times) / count * 1e6


def parts(run: Run, opening: list[Any], merging: list[Any], rounds: int) -> dict[str, tuple[float, float]]:
    """What the stages call, alone: microseconds for an alert that opens, and for one that is merged."""
    codec, procedures = run.codec, run.settings.procedures()
    decode, encode_call, encode_decision = codec.decoders[ALERTS], codec.encoders["calls"], codec.encoders["decisions"]
    encoded = [message.value() for message in opening]
    count = len(encoded)
    alerts: list[Any] = [decode(value) for value in encoded]
    later: list[Any] = [decode(message.value()) for message in merging]
    held = [
        run.store.partitions[partition_of(alert.site_id.encode(), len(run.store.partitions))].sites[alert.site_id]
        for alert in alerts
    ]
    records = [SiteRecord(site.offset, codec.decode_site(site.value)) for site in held]
    source = Source(ALERTS, 0, 1)
    opened = [
        on_event(EMPTY, record, alert, source, NOW, procedures) for record, alert in zip(records, alerts, strict=True)
    ]
    states = [codec.encode_state(step.state) for step in opened]
    merged = [
        on_event(step.state, record, alert, source, NOW + 5000, procedures)
        for step, record, alert in zip(opened, records, later, strict=True)
    ]

    def each(function: Callable[..., Any], *arguments: Iterable[Any]) -> float:
        def loop() -> None:
            for _ in map(function, *arguments):
                pass

        return least(loop, count, rounds)

    def step(states: Iterable[Any], alerts: Iterable[Any], now: int) -> float:
        def loop() -> None:
            for state, record, alert in zip(states, records, alerts, strict=True):
                on_event(state, record, alert, source, now, procedures)

        return least(loop, count, rounds)

    calls = [s.outputs[0].value for s in opened]
    return {
        "alert, decode": (each(decode, encoded), each(decode, encoded)),
        "site, decode": (each(codec.decode_site, [site.value for site in held]), 0.0),
        "state, decode": (0.0, each(codec.decode_state, states)),
        "the core": (step([EMPTY] * count, alerts, NOW), step([s.state for s in opened], later, NOW + 5000)),
        "call command, encode": (each(encode_call, calls), 0.0),
        "decision, encode": (
            each(encode_decision, [s.outputs[-1].value for s in opened]),
            each(encode_decision, [s.outputs[-1].value for s in merged]),
        ),
        "state, encode": (
            each(codec.encode_state, [s.state for s in opened]),
            each(codec.encode_state, [s.state for s in merged]),
        ),
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, default=20_000)
    parser.add_argument("--chunk", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    settings = load(None, {"RONDE_TOPICS__PARTITIONS": "6"})
    sites, ids, turns = night(options.sites, settings)
    opening: dict[str, float] = {}
    merging: dict[str, float] = {}
    gc_control.collect_between_chunks()
    for _ in range(options.rounds):
        run = Run(sites, ids, settings)
        for turn, messages in enumerate(turns):
            run.now += 5000
            spent: dict[str, float] = {}
            for begin in range(0, len(messages), options.chunk):
                run.chunk(messages[begin : begin + options.chunk], spent)
            best = merging if turn else opening
            for stage, seconds in spent.items():
                best[stage] = min(best.get(stage, seconds), seconds)
    per_stage = {
        stage: (opening[stage] / options.sites * 1e6, merging[stage] / options.sites * 1e6) for stage in opening
    }
    sys.stdout.write(f"{'':24}{'opens':>8}{'merges':>8}{'mean':>8}  µs of CPU an alert\n")
    for table in (per_stage, parts(run, turns[0], turns[1], options.rounds)):
        for name, (opens, merges) in table.items():
            sys.stdout.write(f"{name:24}{opens:8.2f}{merges:8.2f}{(opens + MERGES * merges) / (1 + MERGES):8.2f}\n")
        total = tuple(sum(pair[side] for pair in table.values()) for side in (0, 1))
        sys.stdout.write(
            f"{'':24}{total[0]:8.2f}{total[1]:8.2f}{(total[0] + MERGES * total[1]) / (1 + MERGES):8.2f}\n\n"
        )


if __name__ == "__main__":
    main()
