"""What a chunk makes of a partition: the order within it, what counts how, what is committed and what is not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from schemas.avro.records import decode, encode
from schemas.contract.topics import INPUT_TOPICS
from streams.escalation.state import MEMORY_MS
from streams.pipeline import decide
from streams.pipeline.batch import OutputBatch
from streams.pipeline.decide import Decider
from streams.runtime.clock import Clock
from streams.settings import Settings
from streams.settings.sections import CanarySettings
from streams.state.partition import ArmedDeadline, Partition, SetAside, SiteBytes, Store
from tests.streams.messages import CODEC, DECODER, NUMBER, SETTINGS, SITE, SITE_RECORDS, Logged, alert, elsewhere, site

CALL_TIMEOUT = 120_000


class Bench:
    """One partition at work, its clock in the test's hand; commits what is decided."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.now = 1_000_000
        self.partition = Partition(
            NUMBER, Clock(0, lambda: self.now, lambda: self.now), first_inputs=dict.fromkeys(INPUT_TOPICS, 0)
        )
        self._store = Store()
        self._store.partitions[NUMBER] = self.partition
        self._decider = Decider(self._store, CODEC, SITE_RECORDS, settings)
        self._offsets: dict[str, int] = {}

    def record(self, topic: str, value: bytes | None, key: str = SITE) -> Logged:
        """The next record of an input topic."""
        offset = self._offsets.get(topic, 0)
        self._offsets[topic] = offset + 1
        return Logged(key.encode(), value, offset, self.now, None, SETTINGS.topic(topic))

    def decide(self, *messages: Logged, caught_up: Iterable[int] = ()) -> OutputBatch:
        """A chunk, not committed."""
        batch = OutputBatch()
        for _ in self._decider.decide(DECODER.chunk(messages), frozenset(caught_up), batch):
            pass
        return batch

    def state(self) -> bytes:
        """What is kept of the site."""
        return self.partition.states[SITE]

    def chunk(self, *messages: Logged, caught_up: Iterable[int] = ()) -> OutputBatch:
        """A chunk, committed."""
        batch = self.decide(*messages, caught_up=caught_up)
        for overlay in batch.overlays:
            overlay.commit()
        return batch


def rules(batch: OutputBatch) -> list[str]:
    """What was decided, in order."""
    topic = SETTINGS.topic("decisions")
    return [decode("Decision", record[1])["rule"] for record in batch.records if record[0] == topic and record[1]]


def written(batch: OutputBatch) -> list[str]:
    """The topics written to, without prefix, in order."""
    return [record[0].removeprefix(SETTINGS.prefix) for record in batch.records]


@pytest.fixture
def bench() -> Bench:
    """A partition with one site that is ready."""
    made = Bench()
    made.chunk(made.record("sites", site()))
    return made


def test_site_records_go_before_the_alerts_that_came_before_them() -> None:
    bench = Bench()
    early = bench.record("alerts", alert("a"))
    batch = bench.chunk(early, bench.record("sites", site()))
    assert written(batch) == ["readiness", "calls", "decisions", "state"]
    assert batch.next_offsets == [(SETTINGS.topic("alerts"), NUMBER, 1), (SETTINGS.topic("sites"), NUMBER, 1)]


def test_everything_of_a_chunk_is_keyed_placed_and_dated_as_its_input(bench: Bench) -> None:
    batch = bench.chunk(bench.record("alerts", alert("a")))
    assert {record[2:7] for record in batch.records} == {(SITE.encode(), NUMBER, None, None, bench.now)}


def test_one_state_record_for_a_site_however_many_inputs(bench: Bench) -> None:
    batch = bench.chunk(*(bench.record("alerts", alert(f"a{n}")) for n in range(5)))
    assert rules(batch) == ["OPENED"] + ["MERGED"] * 4
    assert written(batch).count("state") == 1
    assert len(bench.partition.deadlines) == 1


def test_deadlines_due_go_before_the_inputs_in_their_order(bench: Bench) -> None:
    bench.chunk(bench.record("alerts", alert("a")))
    fire = bench.record("alerts", alert("f", kind="FIRE"))
    bench.now += 10
    bench.chunk(fire)
    bench.now += CALL_TIMEOUT
    batch = bench.chunk(bench.record("alerts", alert("b")))
    assert rules(batch) == ["WAIT_STARTED", "WAIT_STARTED", "WAIT_CUT_SHORT"]
    assert batch.tally.lateness == [0.01, 0.0]


def test_deadlines_alone_are_written_with_an_offset_of_their_partition(bench: Bench) -> None:
    """It fences: the group refuses it from a worker without which it went on, and a restore waits for it."""
    bench.chunk(bench.record("alerts", alert("a")))
    bench.now += CALL_TIMEOUT
    batch = bench.decide()
    assert rules(batch) == ["WAIT_STARTED"]
    assert batch.next_offsets == [(SETTINGS.topic("alerts"), NUMBER, 1)]


def test_whatever_is_written_without_inputs_is_written_with_an_offset_of_its_partition(bench: Bench) -> None:
    """A state set aside, a site that is forgotten, a deadline that comes with the end of what waited."""
    fence = [(SETTINGS.topic("alerts"), NUMBER, 1)]
    bench.chunk(bench.record("alerts", alert("a")))
    bench.partition.waiting = {"alerts": 1}
    bench.now += CALL_TIMEOUT
    batch = bench.chunk(caught_up=[NUMBER])
    assert (rules(batch), batch.next_offsets) == (["WAIT_STARTED"], fence)
    bench.partition.set_aside.append(SetAside(b"other", b"broken", [], 9, "UNDECODABLE", "it ends early"))
    batch = bench.chunk()
    assert (written(batch), batch.next_offsets) == (["dead-letters", "attention", "state"], fence)
    bench.chunk(all_is_well(bench, bench.now, "r"))
    bench.now += MEMORY_MS
    batch = bench.chunk()
    assert [record[:2] for record in batch.records] == [(SETTINGS.topic("state"), None)]
    assert batch.next_offsets == fence


def test_a_site_is_used_again_after_it_was_encoded(bench: Bench) -> None:
    bench.chunk(bench.record("alerts", alert("a")), bench.record("alerts", alert("f", kind="FIRE")))
    bench.now += CALL_TIMEOUT
    batch = bench.chunk()  # the first of the two deadlines seals the state that the second one finds
    assert rules(batch) == ["WAIT_STARTED", "WAIT_STARTED"]
    assert written(batch).count("state") == 1
    assert bench.partition.phases == {"WAITING": 2, "CALLING": 0}
    bench.now += 600_000
    assert rules(bench.chunk()) == ["WAIT_ENDED", "WAIT_ENDED"]
    assert bench.chunk().is_empty


def test_an_overtaken_deadline_does_nothing(bench: Bench) -> None:
    batch = bench.chunk(bench.record("alerts", alert("a")))
    call = decode("CallCommand", batch.records[0][1] or b"")
    result = {
        "result_id": "r", "site_id": SITE, "command_id": call["command_id"], "direction": "OUTBOUND",
        "outcome": "IDENTIFIED", "situation": "NORMAL", "ended_at": 0,
    }  # fmt: skip
    assert rules(bench.chunk(bench.record("call-results", encode("CallResult", result)))) == ["RESOLVED"]
    bench.now += CALL_TIMEOUT
    assert bench.partition.seconds_to_wake() == 0
    assert bench.chunk().is_empty
    assert bench.partition.deadlines == []


def test_deadlines_by_themselves_come_in_portions(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"site-of-many-{n}" for n in range(400)]
    ours = [name for name in names if not SITE_RECORDS.is_misplaced(name.encode(), NUMBER)]
    bench.chunk(*(bench.record("sites", site(name), name) for name in ours))
    bench.chunk(*(bench.record("alerts", alert("a", name), name) for name in ours))
    bench.now += CALL_TIMEOUT
    monkeypatch.setattr(bench._decider, "_chunk_max", 10)
    assert len(rules(bench.chunk())) == 10
    assert len(rules(bench.chunk(bench.record("alerts", alert("b"))))) == 10 + 1


def test_inputs_that_waited_go_first_and_no_deadline_fires_until_then(bench: Bench) -> None:
    bench.chunk(bench.record("alerts", alert("a")))
    bench.partition.waiting = {"alerts": 3}
    bench.now += CALL_TIMEOUT
    assert bench.partition.seconds_to_wake() is None
    assert rules(bench.chunk(bench.record("alerts", alert("waited-1")))) == ["MERGED"]
    last, later = bench.record("alerts", alert("waited-2")), bench.record("alerts", alert("came-later"))
    assert rules(bench.chunk(last, later, caught_up=[NUMBER])) == ["MERGED", "WAIT_STARTED", "WAIT_CUT_SHORT"]
    assert bench.partition.waiting == {}


def test_an_older_site_record_that_passes_again_is_published_and_not_in_force() -> None:
    bench = Bench()
    bench.partition.sites[SITE] = SiteBytes(7, site(), checked=True)
    older = bench.record("sites", site(subscribed=False))
    batch = bench.chunk(older)
    assert written(batch) == ["readiness"]
    assert bench.partition.sites[SITE].offset == 7
    bench.chunk(bench.record("sites", None))  # an older tombstone
    assert bench.partition.sites[SITE].offset == 7


def test_a_deleted_sites_last_record_stays_with_its_incident(bench: Bench) -> None:
    bench.chunk(bench.record("alerts", alert("a")))
    bench.chunk(bench.record("sites", None))
    assert SITE not in bench.partition.sites
    bench.now += CALL_TIMEOUT
    bench.chunk()
    bench.now += 600_000
    assert rules(bench.chunk()) == ["WAIT_ENDED"]


def test_what_finds_nothing_in_the_wrong_partition_is_a_dead_letter() -> None:
    bench, lost = Bench(), elsewhere()
    batch = bench.chunk(bench.record("alerts", alert("a", lost), lost))
    assert written(batch) == ["dead-letters"]
    assert batch.tally.dead_lettered == {("alerts", NUMBER, "WRONG_PARTITION"): 1}
    assert batch.tally.taken == {("alerts", NUMBER): 1}


def test_every_input_of_a_chunk_ends_once(bench: Bench) -> None:
    messages = [
        bench.record("alerts", b"poison"),
        bench.record("alerts", alert("a")),
        bench.record("alerts", alert("a")),
        bench.record("alerts", alert("o", kind="OTHER")),
        bench.record("sites", site()),
        bench.record("sites", b"poison"),
        bench.record("operator-actions", None),
    ]
    tally = bench.chunk(*messages).tally
    assert tally.taken == {("alerts", NUMBER): 4, ("sites", NUMBER): 2, ("operator-actions", NUMBER): 1}
    assert tally.decided == {("alerts", NUMBER): 2}
    assert tally.quarantined == {("alerts", NUMBER): 1}
    assert tally.published == {("sites", NUMBER): 1}
    assert tally.dead_lettered.total() == 3


def test_an_input_that_was_handled_and_comes_again_is_not_decided_twice(bench: Bench) -> None:
    """A consumer that goes back by itself: the worker ends, and its successor reads from the committed offset."""
    first, second, third = (bench.record("alerts", alert(name)) for name in "abc")
    bench.chunk(first, second)
    with pytest.raises(AssertionError, match="not read again"):
        bench.decide(second, third)
    assert rules(bench.decide(third)) == ["MERGED"]


def test_the_core_failing_on_an_input_leaves_the_site_as_it_was(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("Ada Lovelace")

    monkeypatch.setattr(decide, "_on_event", fail)
    message = bench.record("alerts", alert("a"))._replace(headers_=[("trace", b"t-1")])
    batch = bench.chunk(message)
    (letter,) = batch.records
    headers = dict(letter[7])  # type: ignore[misc]  # a dead letter has headers
    assert headers["dlq.reason"] == "FAILED"
    assert "Ada Lovelace" in str(headers["dlq.error"])
    assert headers["trace"] == b"t-1"
    assert bench.partition.states == {}


def test_nothing_counts_before_the_commit(bench: Bench) -> None:
    bench.decide(bench.record("alerts", alert("a")), bench.record("sites", None))
    assert bench.partition.states == {}
    assert bench.partition.deadlines == []
    assert SITE in bench.partition.sites


def test_a_state_that_cannot_be_used_holds_back_its_partition_alone(bench: Bench) -> None:
    bench.partition.states[SITE] = b"broken"
    batch = bench.decide(bench.record("alerts", alert("a")))
    assert set(batch.unusable[NUMBER]) == {SITE}
    assert batch.is_empty
    assert batch.overlays == []


def test_a_state_set_aside_leaves_a_letter_an_attention_and_a_tombstone(bench: Bench) -> None:
    bench.partition.set_aside.append(SetAside(SITE.encode(), b"broken", [], 9, "UNDECODABLE", "it ends early"))
    assert bench.partition.seconds_to_wake() == 0
    batch = bench.chunk()
    assert written(batch) == ["dead-letters", "attention", "state"]
    attention = decode("Attention", batch.records[1][1] or b"")
    assert attention["attention_id"] == f"state-{NUMBER}-9-t1"
    assert batch.records[2][1] is None
    assert bench.chunk().is_empty


# --- what fits nowhere ------------------------------------------------------------------------------


def crowd(people: int, **fields: str) -> list[dict[str, str]]:
    """So many contacts."""
    return [{"contact_id": f"c{number}", "role": "OWNER", **fields} for number in range(people)]


def largest_crowd() -> list[dict[str, str]]:
    """Contacts who fill a site record to its last bytes, and the state of each of its incidents too."""
    name = "x" * 8192
    return crowd(60, phone="+33600000001", password_hash="x", first_name=name, last_name=name)


def reasons(batch: OutputBatch) -> list[str]:
    """What the dead letters of a batch are for."""
    return [dict(record[7])["dlq.reason"] for record in batch.records if len(record) > 7]  # type: ignore[misc]


def test_a_site_with_more_wrong_than_its_readiness_has_room_for_is_a_dead_letter(bench: Bench) -> None:
    nobody = bench.record("sites", site(contacts=crowd(80_000)))
    batch = bench.chunk(nobody, bench.record("alerts", alert("a")))
    assert written(batch) == ["dead-letters", "calls", "decisions", "state"]
    assert reasons(batch) == ["FAILED"]
    # A restore finds the same record in the log, and must not put it in force either.
    bench.partition.sites[SITE] = SiteBytes(nobody.offset(), nobody.value() or b"", checked=False)
    batch = bench.chunk(bench.record("alerts", alert("f", kind="FIRE")))
    assert decode("Quarantined", batch.records[0][1] or b"")["reason"] == "UNKNOWN_SITE"


def test_an_input_that_makes_a_state_too_large_is_a_dead_letter_alone(bench: Bench) -> None:
    bench.chunk(bench.record("sites", site(contacts=largest_crowd())))
    alerts = [bench.record("alerts", alert("a")), bench.record("alerts", alert("f", kind="FIRE"))]
    batch = bench.decide(*alerts)
    assert batch.unusable == {NUMBER: {}}, "which of the two it was shows when they are read again"
    assert batch.is_empty
    batch = bench.chunk(*alerts)
    assert written(batch) == ["calls", "decisions", "dead-letters", "state"]
    assert reasons(batch) == ["FAILED"]
    assert reasons(bench.chunk(bench.record("sites", None))) == ["FAILED"], "the record would stay with the incident"
    assert rules(bench.chunk(bench.record("alerts", alert("b")))) == ["MERGED"]


def test_a_deadline_that_makes_a_state_too_large_hands_the_incident_over(bench: Bench) -> None:
    bench.chunk(bench.record("alerts", alert("a")), bench.record("alerts", alert("f", kind="FIRE")))
    bench.chunk(bench.record("sites", site(contacts=largest_crowd())))
    for _ in range(2):  # the calls, then the waits
        bench.now += 600_000
        batch = bench.decide()
        if batch.unusable:
            bench.partition.deadlines = [
                ArmedDeadline(*due, SITE) for due in CODEC.decode_state(bench.state()).deadlines()
            ]
            batch = bench.decide()
        for overlay in batch.overlays:
            overlay.commit()
    assert rules(batch) == ["WAIT_ENDED", "FAILED"]


def all_is_well(bench: Bench, ended_at: int, result_id: str) -> Logged:
    """A call from the customer's side, ended at a time by the clock of telephony."""
    value = {
        "result_id": result_id, "site_id": SITE, "direction": "INBOUND", "command_id": None, "incident_id": None,
        "contact_id": None, "outcome": "IDENTIFIED", "situation": "NORMAL", "ended_at": ended_at,
        "operator": None,
    }  # fmt: skip
    return bench.record("call-results", encode("CallResult", value))


@pytest.mark.parametrize(("ended_after", "rule"), [(5_000, "RESOLVED_BY_CALLBACK"), (-5_000, "STALE_CALLBACK")])
@pytest.mark.parametrize("waited", [10_000, 110_000])
def test_a_callback_is_judged_by_the_clock_of_those_who_report_it(
    bench: Bench, ended_after: int, rule: str, waited: int
) -> None:
    ahead = 50 * 60_000
    wall = bench.now
    bench.partition.clock = Clock(wall + ahead, lambda: bench.now, lambda: bench.now)
    bench.chunk(bench.record("alerts", alert("a")))
    bench.now += waited
    batch = bench.chunk(all_is_well(bench, wall + ended_after, "r"))
    assert rules(batch) == [rule]
    (headers,) = [record[7] for record in batch.records if len(record) == 8]
    assert headers == [("clock.ahead_ms", str(ahead - waited // 20))], "a replay judges alike"


def test_a_clock_wrongly_set_back_makes_no_old_callback_fresh(bench: Bench) -> None:
    """The partition's time is right then, as the record's own says: the wall clock alone is behind."""
    alerted_at = bench.now
    bench.partition.clock = Clock(0, lambda: bench.now - 50 * 60_000, lambda: bench.now)
    bench.partition.clock._last = float(alerted_at)
    bench.chunk(bench.record("alerts", alert("a")))
    bench.now += 10_000
    assert rules(bench.chunk(all_is_well(bench, alerted_at - 5_000, "r"))) == ["STALE_CALLBACK"]


@pytest.mark.parametrize("sent_at", [0, -1])
def test_an_alert_whose_record_has_no_time_is_called_for_and_not_measured(bench: Bench, sent_at: int) -> None:
    batch = bench.chunk(bench.record("alerts", alert("a"))._replace(timestamp_=sent_at))
    assert "calls" in written(batch)
    assert batch.tally.calling_alerts == []
    assert not [line for line in batch.tally.lines if "waited long" in line.event]


def test_the_canary_is_left_out_of_the_objectives_and_proves_nothing_of_telephony() -> None:
    settings = SETTINGS.model_copy(update={"canary": CanarySettings(site=SITE)})
    for given, counted in ((SETTINGS, 1), (settings, 0)):
        bench = Bench(given)
        bench.chunk(bench.record("sites", site()))
        tally = bench.chunk(bench.record("alerts", alert("a"))).tally
        assert (tally.calls["CALL"], len(tally.calling_alerts)) == (1, counted)
        bench.now += CALL_TIMEOUT
        tally = bench.chunk().tally
        assert (len(tally.lateness), tally.unanswered_calls) == (1, counted)
        tally = bench.chunk(all_is_well(bench, bench.now, "r")).tally
        assert (tally.decided.total(), tally.results.total()) == (1, counted)
