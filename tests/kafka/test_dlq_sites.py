"""Dead letters of `sites` on a real broker: an older configuration never replaces a later one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.contract.topics import Log
from streams.dlq.settlement import Settlement
from streams.kafka.dead_letters import LetterId
from tests.conftest import Run
from tests.kafka.conftest import WorkerFile
from tests.kafka.letters import put_away, reading, records, settled
from tests.kafka.world import World, now_ms


@pytest.fixture
def file(world: World, worker_file: WorkerFile) -> Path:
    """The settings that lead to the world's topics."""
    return worker_file("dlq")


def test_a_site_configured_anew_since_is_not_put_back(world: World, run: Run, file: Path) -> None:
    """The old address would replace the new one."""
    _, offset = world.site("S1")
    old = put_away(world, "S1", b"old", topic="sites", offset=offset)
    newer = put_away(world, "S1", b"newer", topic="sites", offset=offset)
    assert settled(run, "replay", old, "--settings", file) == {old: "replayed"}
    assert settled(run, "replay", newer, "--settings", file) == {newer: "replayed"}, (
        "put back, the older is no hindrance"
    )
    assert [record.value for record in records(world, "sites")][1:] == [b"old", b"newer"]

    stale = put_away(world, "S1", b"stale", topic="sites", offset=offset)
    world.site("S1")
    assert settled(run, "replay", stale, "--settings", file) == {stale: "superseded"}


def misplaced(world: World, value: bytes, number: int, at: int) -> str:
    """A site record of S1 that went to another partition, and the letter that was made of it; the letter's id."""
    _, offset = world.put("sites", value, "S1", number, at=at)
    return put_away(world, "S1", value, topic="sites", reason="WRONG_PARTITION", offset=offset, number=number)


def test_a_misplaced_site_record_counts_by_when_it_came_not_when_its_letter_was_written(
    world: World, run: Run, file: Path
) -> None:
    now, elsewhere = now_ms(), (world.home("S1") + 1) % 4
    world.put("sites", b"in force", "S1", world.home("S1"), at=now - 2000)
    stale = misplaced(world, b"stale", elsewhere, now - 3000)
    newer = misplaced(world, b"newer", elsewhere, now - 1000)
    unknown = put_away(world, "S1", b"unknown", topic="sites", offset=77, number=elsewhere)
    assert settled(run, "replay", stale, "--settings", file) == {stale: "superseded"}
    assert settled(run, "replay", unknown, "--settings", file) == {unknown: "superseded"}, "its record is gone"
    assert settled(run, "replay", newer, "--settings", file) == {newer: "replayed"}
    assert "may be later" in run("dlq", "replay", stale, "--settings", file).out
    home = [record.value for record in records(world, "sites") if record.partition == world.home("S1")]
    assert home == [b"in force", b"newer"]


def test_misplaced_site_records_are_put_back_in_the_order_in_which_they_came(
    world: World, run: Run, file: Path
) -> None:
    now, (low, middle, high) = now_ms(), sorted({0, 1, 2, 3} - {world.home("S1")})
    for value, number, age in ((b"v1", high, 4000), (b"v2", low, 3000), (b"v4", middle, 1000), (b"v3", high, 2000)):
        misplaced(world, value, number, now - age)
    ran = run("dlq", "replay", "--reason", "WRONG_PARTITION", "--yes", "--settings", file)
    assert (ran.exit, ran.out.splitlines()[-1]) == (0, "4 replayed")
    home = [record.value for record in records(world, "sites") if record.partition == world.home("S1")]
    assert home == [b"v1", b"v2", b"v3", b"v4"]


def test_a_site_record_in_an_open_transaction_is_waited_for(
    world: World, client_log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A portal writes so: its record is in force once it commits, and stands before the one put back."""
    now, home = now_ms(), world.home("S1")
    stale = LetterId(*map(int, misplaced(world, b"stale", (home + 1) % 4, now - 2000).split("-")))
    portal = Producer({**world.settings.client("producer"), "transactional.id": "portal"}, logger=client_log)
    portal.init_transactions()
    portal.begin_transaction()
    portal.produce(world.settings.topic("sites"), b"newer", b"S1", home, timestamp=now - 1000)
    portal.flush()
    with reading(world) as logs:
        high_watermarks = logs.offsets.high_watermarks
        endings: list[threading.Timer] = []

        def asked(of: Iterable[Log]) -> dict[Log, int]:
            """The portal commits a moment after the ends of the logs were asked for the last time."""
            ends = high_watermarks(of)
            if ends.keys() == {("sites", home)}:
                endings.append(threading.Timer(0.5, portal.commit_transaction, [10.0]))
                endings[-1].start()
            return ends

        monkeypatch.setattr(logs.offsets, "high_watermarks", asked)
        assert [one.outcome for one in Settlement(logs).replay([stale])] == ["superseded"]
        assert len(endings) == 1
        endings[0].join()
