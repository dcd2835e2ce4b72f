"""All offsets of a partition are committed every hour."""

from __future__ import annotations

from streams.state.partition import RENEW_SECONDS
from tests.streams.messages import SETTINGS, alert, site
from tests.streams.test_escalate import Bench


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
