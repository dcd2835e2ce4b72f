"""All offsets of a partition are committed every hour."""

from __future__ import annotations

import pytest

from schemas.contract.topics import BrokerLog
from streams.kafka.offset_notes import OffsetNotes, read_notes
from streams.state.partition import RENEW_SECONDS
from tests.streams.messages import NUMBER, SETTINGS, alert, site
from tests.streams.test_decide import CALL_TIMEOUT, Bench


def test_how_far_a_log_was_read_is_noted_where_it_is_further_than_its_inputs() -> None:
    """A transaction's marker behind the last input, which retention deletes with it: no input is lost then."""
    bench = Bench()
    bench.chunk(bench.record("sites", site()), bench.record("alerts", alert("a")))
    bench.partition.passed |= {"alerts": 2, "sites": 1}
    bench.partition.renewed_at -= RENEW_SECONDS
    alerts, sites = (BrokerLog((SETTINGS.topic(topic), NUMBER)) for topic in ("alerts", "sites"))
    noted = bench.decide().notes
    assert (noted[alerts].words(), noted[sites].words()) == ("passed=2", "")
    bench.now += CALL_TIMEOUT
    assert bench.chunk().notes == {alerts: OffsetNotes(passed=2)}, "the offset that fences keeps the note"


def test_all_offsets_are_committed_again_in_time_so_that_kafka_forgets_none() -> None:
    bench = Bench()
    bench.chunk(bench.record("sites", site()))
    bench.chunk(bench.record("alerts", alert("a")))
    assert bench.decide().is_empty
    everything = {"alerts": 1, "sites": 1, "call-results": 0, "dispatch-reports": 0, "operator-actions": 0}
    for messages in ((), (bench.record("alerts", alert("b")),)):
        bench.partition.renewed_at -= RENEW_SECONDS
        assert bench.partition.seconds_to_renew() == 0
        batch = bench.decide(*messages)
        everything["alerts"] = 1 + len(messages)
        assert {(topic.removeprefix(SETTINGS.prefix), at) for topic, _, at in batch.next_offsets} == {
            *everything.items()
        }
        assert bench.partition.seconds_to_renew() > 0


@pytest.mark.parametrize(
    ("metadata", "notes"),
    [
        ("deleted=3", OffsetNotes(3)),
        ("deleted=3 passed=12", OffsetNotes(3, 12)),
        ("passed=12", OffsetNotes(0, 12)),
        ("deleted=3 passed=12 failed=5,9", OffsetNotes(3, 12, (5, 9))),
        ("failed=,x,7", OffsetNotes(failed=(7,))),
        ("", OffsetNotes()),
        (None, OffsetNotes()),
        ("set by hand deleted=\u0663 passed=-1 =", OffsetNotes()),
    ],
)
def test_what_is_noted_is_read_and_nothing_of_what_another_program_wrote(
    metadata: str | None, notes: OffsetNotes
) -> None:
    assert read_notes(metadata) == notes
