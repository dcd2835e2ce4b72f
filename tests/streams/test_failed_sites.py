"""A site record on which the core failed is as if it had not come: while the worker runs, and after each restore."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.contract.topics import INPUT_TOPICS, BrokerLog
from streams.escalation.step import Step, on_site
from streams.kafka.offset_notes import MOST_FAILED, OffsetNotes, read_notes
from streams.pipeline import decide
from streams.pipeline.batch import OutputBatch
from streams.state.overlay import PartitionOverlay
from streams.state.partition import Partition
from streams.state.rebuild import Rebuild
from tests.streams.messages import CODEC, NUMBER, SETTINGS, SITE, SITE_RECORDS, Logged, alert, site
from tests.streams.test_decide import Bench, largest_crowd, reasons
from tests.streams.test_rebuild import in_force

LOG = BrokerLog((SETTINGS.topic("sites"), NUMBER))
GOOD, BAD = site(), site(instructions="BAD")  # the core fails on the second


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(state: Any, before: Any, record: Any, now: int) -> Step:
        if record is not None and record.instructions == "BAD":
            raise ValueError("the core fails on it")
        return on_site(state, before, record, now)

    monkeypatch.setattr(decide, "_on_site", fail)


def restored(log: list[Logged], passed: int, notes: OffsetNotes) -> Partition:
    """What a restore makes of a log of which so many records have passed as inputs."""
    rebuild = Rebuild(NUMBER, CODEC, SITE_RECORDS, passed, {}, notes.failed)
    for record in log:
        rebuild.take_site(record)
    return rebuild.partition({**dict.fromkeys(INPUT_TOPICS, 0), "sites": passed}, {})


def noted(batch: OutputBatch) -> OffsetNotes:
    """What a batch commits beside the offset of ``sites``."""
    return read_notes(batch.notes[LOG].words())


def test_a_tombstone_that_would_make_the_state_too_large_deletes_its_site_at_no_restore() -> None:
    bench = Bench()
    log = [bench.record("sites", site(contacts=largest_crowd())), bench.record("sites", None)]
    bench.chunk(log[0])
    alerts = [bench.record("alerts", alert("a")), bench.record("alerts", alert("f", kind="FIRE"))]
    bench.decide(*alerts)  # they are too large for one state, which is measured from here on
    bench.chunk(*alerts)
    batch = bench.chunk(log[1])
    assert reasons(batch) == ["FAILED"]
    assert in_force(bench.partition) == in_force(restored(log, 2, noted(batch))) == 0
    assert in_force(restored(log, 2, OffsetNotes())) is None, "the log alone does not say it"


@pytest.mark.usefixtures("failing")
def test_a_record_that_failed_is_noted_with_every_offset_that_is_committed_later() -> None:
    bench = Bench()
    log = [bench.record("sites", value) for value in (GOOD, BAD, GOOD, BAD)]
    assert [noted(bench.chunk(record)).failed for record in log] == [(), (1,), (1,), (1, 3)]
    assert in_force(bench.partition) == 2
    for passed in range(1, 5):
        there = log[:passed]
        assert in_force(restored(there, passed, OffsetNotes(failed=(1, 3)))) == (0, 0, 2, 2)[passed - 1]


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(
    ("waiting", "counts"),
    [
        ([BAD], 0),
        ([GOOD, BAD], 1),
        ([BAD, BAD], 0),
        ([BAD, GOOD], 2),
        ([BAD, GOOD, BAD], 2),
        ([None, BAD], None),
        ([None, BAD, GOOD, BAD], 3),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_a_record_that_a_restore_puts_in_force_and_that_fails_as_it_passes_gives_way_to_the_one_before(
    waiting: list[bytes | None], counts: int | None, together: bool
) -> None:
    bench = Bench()
    log = [bench.record("sites", value) for value in (GOOD, *waiting)]
    partition = restored(log, 1, OffsetNotes())
    bench._store.partitions[NUMBER] = partition
    for chunk in [log[1:]] if together else [[record] for record in log[1:]]:
        batch = bench.chunk(*chunk)
    assert in_force(partition) == counts
    assert in_force(restored(log, len(log), noted(batch))) == counts, "the next restore finds the same"
    assert partition.replaced_sites == {}
    assert partition.site_bytes == sum(len(held.value) for held in partition.sites.values())


def test_the_last_that_failed_are_noted_as_many_as_kafka_takes() -> None:
    bench = Bench()
    overlay = PartitionOverlay(bench.partition, CODEC, SITE_RECORDS, 0)
    for offset in range(2**63 - 1 - 2 * MOST_FAILED, 2**63 - 1):
        overlay.fail_site(SITE, offset)
    notes = bench.partition.notes("sites", 0)
    assert notes.failed[-1] == 2**63 - 2
    assert len(notes.failed) == MOST_FAILED
    assert len(notes._replace(deleted=2**63 - 1, passed=2**63 - 1).words()) < 4096
