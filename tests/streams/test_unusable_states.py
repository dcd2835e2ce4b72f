"""Several states of a partition that cannot be used: each costs its site, and the partition goes on."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import pytest

from schemas.contract.murmur2 import partition as partition_of
from schemas.contract.topics import INPUT_TOPICS
from streams.escalation import step as core
from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY
from streams.escalation.values import Alert, SiteRecord, Source
from streams.pipeline import decide
from streams.pipeline.batch import OutputBatch
from streams.pipeline.decide import Decider
from streams.pipeline.pipeline import Pipeline
from streams.state.partition import Store, Unusable
from streams.state.rebuild import Rebuild
from tests.streams.messages import CODEC, DECODER, NUMBER, SETTINGS, SITE, SITE_RECORDS, Logged, alert, site
from tests.streams.test_decide import Bench, largest_crowd

FIRST, SECOND, WELL = [
    name for name in map(str, range(200)) if partition_of(name.encode(), SETTINGS.topics.partitions) == NUMBER
][:3]
OPENED_AT = 1_000  # so long ago that all deadlines are due


def state(site_id: str) -> bytes:
    """The state of a site that had one alert."""
    record = SiteRecord(0, CODEC.decode_site(site(site_id)))
    opening = Alert("a", site_id, "INTRUSION", OPENED_AT)
    return CODEC.encode_state(
        core.on_event(EMPTY, record, opening, Source("alerts", NUMBER, 0), OPENED_AT, DEFAULTS).state
    )


def chunk(log: Mapping[str, bytes], unusable: Mapping[str, Unusable], *messages: Logged) -> OutputBatch:
    """The first chunk of the partition that a restore makes of its states; all inputs in it waited."""
    rebuild = Rebuild(NUMBER, CODEC, SITE_RECORDS, 0, unusable)
    for offset, (site_id, value) in enumerate(log.items()):
        rebuild.take_state(Logged(site_id.encode(), value, offset, OPENED_AT))
    store, batch = Store(), OutputBatch()
    waiting = {"alerts": len(messages)} if messages else {}
    store.partitions[NUMBER] = rebuild.partition(dict.fromkeys(INPUT_TOPICS, 0), waiting)
    decider = Decider(store, CODEC, SITE_RECORDS, SETTINGS)
    for _ in decider.decide(DECODER.chunk(messages), frozenset({NUMBER}) if messages else frozenset(), batch):
        pass
    return batch


def aside(batch: OutputBatch) -> dict[bytes | None, bytes | str | None]:
    """The reasons of the dead letters, by site."""
    return {
        record[2]: dict(record[7])["dlq.reason"]  # type: ignore[misc]  # a dead letter has headers
        for record in batch.records
        if record[0] == SETTINGS.topic("dead-letters")
    }


def decided(batch: OutputBatch) -> list[bytes | None]:
    """The sites of the decisions, in order."""
    return [record[2] for record in batch.records if record[0] == SETTINGS.topic("decisions")]


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Sites on whose deadlines the core fails, twice."""
    sites: set[str] = set()
    on_deadline = core.on_deadline

    def failing(site_id: str, *arguments: object) -> core.Step:
        if site_id in sites:
            raise ValueError(f"the core fails on {site_id}")
        return on_deadline(site_id, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(decide, "_on_deadline", failing)
    monkeypatch.setattr(decide, "_on_failed_deadline", failing)
    return sites


def test_all_that_are_due_are_found_at_once_and_the_others_go_on(fails: set[str]) -> None:
    fails.add(SECOND)
    log = {FIRST: state(FIRST)[:-3], SECOND: state(SECOND), WELL: state(WELL)}  # the first fields of `FIRST` decode
    batch = chunk(log, {})
    assert batch.is_empty
    assert {site_id: one.reason for site_id, one in batch.unusable[NUMBER].items()} == {
        FIRST: "UNDECODABLE",
        SECOND: "FAILED",
    }
    batch = chunk(log, batch.unusable[NUMBER])
    assert batch.unusable == {}
    assert aside(batch) == {FIRST.encode(): "UNDECODABLE", SECOND.encode(): "FAILED"}
    assert decided(batch) == [WELL.encode()]


def test_what_inputs_and_deadlines_find_is_found_at_once(fails: set[str]) -> None:
    fails.add(SECOND)
    log = {FIRST: state(FIRST)[:-3], SECOND: state(SECOND), WELL: state(WELL)}
    waits = Logged(FIRST.encode(), alert("b", FIRST), 0, OPENED_AT, None, SETTINGS.topic("alerts"))
    batch = chunk(log, {}, waits)
    assert batch.unusable[NUMBER].keys() == {FIRST, SECOND}
    assert batch.tally.deadlines_failed == 1
    batch = chunk(log, batch.unusable[NUMBER], waits)
    assert batch.unusable == {}
    assert aside(batch) == {FIRST.encode(): "UNDECODABLE", SECOND.encode(): "FAILED"}
    assert decided(batch) == [WELL.encode()]


def test_those_found_before_are_set_aside_too_where_another_is_found(fails: set[str]) -> None:
    log = {FIRST: state(FIRST), SECOND: state(SECOND), WELL: state(WELL)}
    fails.add(FIRST)
    unusable = chunk(log, {}).unusable[NUMBER]
    assert unusable.keys() == {FIRST}
    fails.add(SECOND)
    unusable = chunk(log, unusable).unusable[NUMBER]
    assert unusable.keys() == {FIRST, SECOND}
    assert aside(chunk(log, unusable)) == dict.fromkeys((FIRST.encode(), SECOND.encode()), "FAILED")


def test_those_found_before_another_state_grew_too_large_are_not_forgotten() -> None:
    bench = Bench()
    bench.chunk(bench.record("sites", site(contacts=largest_crowd())))
    bench.partition.states["other"] = b"broken"
    alerts = [("o", "other", "INTRUSION"), ("a", SITE, "INTRUSION"), ("f", SITE, "FIRE")]
    batch = bench.decide(*(bench.record("alerts", alert(name, key, kind=kind), key) for name, key, kind in alerts))
    assert batch.is_empty
    assert {site_id: one.reason for site_id, one in batch.unusable[NUMBER].items()} == {"other": "UNDECODABLE"}


def test_what_was_found_is_forgotten_once_it_is_committed(fails: set[str]) -> None:
    fails.add(FIRST)
    log = {FIRST: state(FIRST), WELL: state(WELL)}
    batch = chunk(log, chunk(log, {}).unusable[NUMBER])
    (overlay,) = batch.overlays
    assert overlay.partition.unusable.keys() == {FIRST}
    overlay.commit()
    assert overlay.partition.unusable == {}


@pytest.mark.asyncio
async def test_a_commit_that_is_refused_forgets_none_of_them(fails: set[str]) -> None:
    fails.add(FIRST)
    found = chunk({FIRST: state(FIRST), WELL: state(WELL)}, {})
    found.next_offsets.append((SETTINGS.topic("alerts"), NUMBER + 1, 1))  # of a partition that is well
    known = {SECOND: Unusable("FAILED", "Traceback")}
    held = {NUMBER: SimpleNamespace(unusable={}), NUMBER + 1: SimpleNamespace(unusable=known)}
    refusing = SimpleNamespace(commit=lambda _: False, refusal="FENCED")
    parts = SimpleNamespace(
        _transactions=refusing, _transaction_thread=None, _metrics=Mock(), _store=SimpleNamespace(partitions=held)
    )
    assert await Pipeline.publish(cast("Pipeline", parts), found) == {
        NUMBER: found.unusable[NUMBER],
        NUMBER + 1: known,
    }
