"""What a worker shows of what is open: right after a restore, and moving with the partitions."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.kafka.conftest import PARTITIONS, WorkerFile
from tests.kafka.world import World, worker
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually


def shown(process: RondeProcess, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric, by their labels."""
    families = text_string_to_metric_families(process.page("metrics")[1])
    return {
        tuple(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def calling(process: RondeProcess) -> float:
    return process.metric("ronde_incidents_open", phase="CALLING")


def holds(process: RondeProcess) -> float:
    return process.metric("ronde_partitions")


def test_open_incidents_move_with_their_partitions_and_come_back_with_a_restart(
    world: World, worker_file: WorkerFile
) -> None:
    sites = [world.site_in(number) for number in range(PARTITIONS)]
    with worker(worker_file("a")) as first:
        first.wait_ready()
        for site in sites:
            world.live_site(site)
            world.alert(site, "an alert")
        eventually(lambda: calling(first) == PARTITIONS, "every incident shown")
        (held,) = {len(shown(first, f"ronde_{what}")) for what in ("state_bytes", "state_records", "site_bytes")}
        assert held == PARTITIONS
        with worker(worker_file("b")) as second:
            eventually(lambda: holds(first) == holds(second) == PARTITIONS / 2, "shared partitions")
            eventually(lambda: calling(first) == calling(second) == PARTITIONS / 2, "each its own incidents")
            assert len(shown(first, "ronde_state_bytes")) == PARTITIONS / 2, "nothing of what it gave up"
            first.stop()
            eventually(lambda: calling(second) == PARTITIONS, "all of them at the one that is left")
            eventually(lambda: set(shown(second, "ronde_input_lag_seconds").values()) == {0.0}, "no lag")
            assert second.metric("ronde_ready") == 1
            assert second.metric("ronde_inputs_decided_total") == 0, "what it has not decided it does not count"
