"""More deadlines due than a chunk takes, as after an outage: those of an input's site go first, the others follow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.avro.records import decode
from schemas.contract.murmur2 import partition as partition_of
from schemas.contract.topics import INPUT_TOPICS
from streams.escalation import step as core
from streams.escalation.state import SiteState
from streams.pipeline import decide
from streams.pipeline.batch import OutputBatch
from streams.pipeline.decide import Decider
from streams.runtime.clock import Clock
from streams.state.partition import ArmedDeadline, Partition, SiteBytes, Store
from tests.streams.messages import CODEC, NUMBER, SETTINGS, SITE, SITE_RECORDS, Logged, alert, site
from tests.streams.test_decide import CALL_TIMEOUT, Bench, rules
from tests.streams.test_unusable_states import OPENED_AT, state

MOST = 3
OTHERS = [
    name
    for name in (f"other-{number}" for number in range(200))
    if partition_of(name.encode(), SETTINGS.topics.partitions) == NUMBER
][:10]


def decided(batch: OutputBatch) -> list[tuple[str, str]]:
    """Of each decision its site and its rule, in order."""
    values = [
        decode("Decision", record[1] or b"") for record in batch.records if record[0] == SETTINGS.topic("decisions")
    ]
    return [(value["site_id"], value["rule"]) for value in values]


def of_site(bench: Bench, alert_id: str, name: str = SITE, kind: str = "INTRUSION") -> Logged:
    """An alert of a site."""
    return bench.record("alerts", alert(alert_id, name, kind=kind), name)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A partition in which the calls of ten sites have timed out, and then two of another one."""
    made = Bench()
    made.chunk(*(made.record("sites", site(name), name) for name in [*OTHERS, SITE]))
    made.chunk(*(of_site(made, "a", name) for name in OTHERS))
    made.now += 1000
    made.chunk(of_site(made, "a"))
    made.now += 1000
    made.chunk(of_site(made, "f", kind="FIRE"))
    made.now += CALL_TIMEOUT
    monkeypatch.setattr(made._decider, "_chunk_max", MOST)
    return made


def test_an_input_waits_for_the_deadlines_of_its_own_site_and_for_a_portion_of_the_others(bench: Bench) -> None:
    batch = bench.chunk(of_site(bench, "b"))
    assert decided(batch) == [
        *((name, "WAIT_STARTED") for name in sorted(OTHERS, key=incident_of(bench))[:MOST]),
        (SITE, "WAIT_STARTED"),
        (SITE, "WAIT_STARTED"),
        (SITE, "WAIT_CUT_SHORT"),
    ]
    assert batch.tally.lateness == [2.0] * MOST + [1.0, 0.0]


def incident_of(bench: Bench) -> Callable[[str], str]:
    """The incident of a site, by which deadlines of one instant go."""
    return lambda name: CODEC.decode_state(bench.partition.states[name]).incidents[0].incident_id


def test_the_others_follow_at_once_and_none_fires_twice(bench: Bench) -> None:
    fired = decided(bench.chunk(of_site(bench, "b")))
    while bench.partition.seconds_to_wake() == 0:
        batch = bench.chunk()
        assert len(rules(batch)) <= MOST
        fired += decided(batch)
    assert sorted(fired) == sorted(
        [*((name, "WAIT_STARTED") for name in OTHERS), *[(SITE, "WAIT_STARTED")] * 2, (SITE, "WAIT_CUT_SHORT")]
    )


def test_inputs_without_end_do_not_keep_the_others_from_firing(bench: Bench) -> None:
    fired = [decided(bench.chunk(of_site(bench, f"b{number}"))) for number in range(4)]
    assert {name for batch in fired for name, _ in batch} == {*OTHERS, SITE}


def test_a_deadline_that_one_before_it_drops_does_not_fire(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that are due at a site: the first closes the other's incident."""
    on_deadline = core.on_deadline

    def closing(site_id: str, state: SiteState, *arguments: object) -> core.Step:
        step = on_deadline(site_id, state, *arguments)  # type: ignore[arg-type]
        if site_id != SITE:
            return step
        others = tuple(incident for incident in step.state.incidents if incident.phase != "CALLING")
        return core.Step(step.state._replace(incidents=others), step.outputs, [])

    monkeypatch.setattr(decide, "_on_deadline", closing)
    batch = bench.chunk(of_site(bench, "b"))
    assert [rule for name, rule in decided(batch) if name == SITE] == ["WAIT_STARTED", "WAIT_CUT_SHORT"]


def test_deadlines_wait_for_inputs_that_waited_also_those_of_their_sites(bench: Bench) -> None:
    waited, came, later = of_site(bench, "w"), of_site(bench, "b"), of_site(bench, "c")
    bench.partition.waiting = {"alerts": came.offset()}
    assert decided(bench.chunk(waited, came)) == [(SITE, "MERGED")] * 2, "another topic's inputs are still waited for"
    ours = [rule for name, rule in decided(bench.chunk(later, caught_up=[NUMBER])) if name == SITE]
    assert ours == ["WAIT_STARTED", "WAIT_STARTED", "WAIT_CUT_SHORT"]


def test_a_site_on_whose_deadlines_the_core_fails_is_found_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    on_deadline, fails = core.on_deadline, [0]

    def failing(site_id: str, *arguments: object) -> core.Step:
        if site_id == SITE:
            fails[0] += 1
            raise ValueError("the core fails")
        return on_deadline(site_id, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(decide, "_on_deadline", failing)
    monkeypatch.setattr(decide, "_on_failed_deadline", failing)
    batch = bench.decide(of_site(bench, "b"), of_site(bench, "c"))
    assert batch.unusable[NUMBER].keys() == {SITE}
    assert fails == [2], "of the first deadline, and of its hand-over"


@pytest.mark.parametrize(("chunk_max", "each"), [(24, 4), (1, 1)])
def test_partitions_share_what_a_transaction_takes(chunk_max: int, each: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its turn, also where they are more than its deadlines."""
    store, now = Store(), OPENED_AT + CALL_TIMEOUT
    for number in range(SETTINGS.topics.partitions):
        clock = Clock(0, lambda: now, lambda: now)
        store.partitions[number] = Partition(number, clock, first_inputs=dict.fromkeys(INPUT_TOPICS, 0))
    for name in map(str, range(120)):
        partition = store.partitions[partition_of(name.encode(), SETTINGS.topics.partitions)]
        value = state(name)
        partition.put_site(name, SiteBytes(0, site(name), checked=True))
        partition.put_state(name, value)
        partition.arm(ArmedDeadline(*deadline, name) for deadline in CODEC.decode_state(value).deadlines())
    decider = Decider(store, CODEC, SITE_RECORDS, SETTINGS)
    monkeypatch.setattr(decider, "_chunk_max", chunk_max)
    turns: list[list[int]] = []
    while any(partition.seconds_to_wake() == 0 for partition in store.partitions.values()):
        batch = OutputBatch()
        for _ in decider.decide({}, frozenset(), batch):
            pass
        for overlay in batch.overlays:
            overlay.commit()
        turns.append([record[3] for record in batch.records if record[0] == SETTINGS.topic("decisions")])
    assert sum(map(len, turns)) == 120
    assert max(map(len, turns)) == each * len(store.partitions)
    assert {number: turns[0].count(number) for number in store.partitions} == dict.fromkeys(store.partitions, each)
