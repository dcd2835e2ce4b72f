"""What the gauges show of a partition is what it holds: kept up chunk by chunk, and the same after a restore."""

from __future__ import annotations

from collections import Counter

from schemas.avro.records import decode, encode
from streams.escalation.names import OPEN_PHASES, Phase
from streams.pipeline.batch import OutputBatch
from streams.state.partition import Partition
from streams.state.rebuild import Rebuild
from tests.streams.messages import CODEC, NUMBER, SETTINGS, SITE, SITE_RECORDS, Logged, alert, site
from tests.streams.test_decide import CALL_TIMEOUT, Bench

MINUTE = 60_000
PARTNERS = {"enabled": True, "partners": ["guards"]}


def counted(partition: Partition) -> tuple[Counter[Phase], int, int]:
    """Phases and bytes, the slow way."""
    phases: Counter[Phase] = Counter()
    for value in partition.states.values():
        phases.update(incident.phase for incident in CODEC.decode_state(value).incidents)
    return phases, sum(map(len, partition.states.values())), sum(len(held.value) for held in partition.sites.values())


def shown(partition: Partition) -> tuple[Counter[Phase], int, int]:
    return +Counter(partition.phases), partition.state_bytes, partition.site_bytes


class Log(Bench):
    """A bench that keeps what a restore would read."""

    def __init__(self) -> None:
        super().__init__()
        self.states: list[Logged] = []
        self.sites: list[Logged] = []

    def chunk(self, *messages: Logged) -> OutputBatch:  # type: ignore[override]  # no partition is catching up here
        batch = super().chunk(*messages)
        for record in batch.records:
            if record[0] == SETTINGS.topic("state"):
                self.states.append(Logged(record[2], record[1], len(self.states)))
        self.sites += [message for message in messages if message.topic() == SETTINGS.topic("sites")]
        assert shown(self.partition) == counted(self.partition)
        assert shown(self.restored()) == counted(self.partition)
        return batch

    def restored(self) -> Partition:
        rebuild = Rebuild(NUMBER, CODEC, SITE_RECORDS, len(self.sites), {})
        for record in self.states:
            rebuild.take_state(record)
        for record in self.sites:
            rebuild.take_site(record)
        return rebuild.partition({}, {})

    def phases(self) -> dict[str, int]:
        return {phase: self.partition.phases[phase] for phase in OPEN_PHASES if self.partition.phases[phase]}

    def report(self, request: dict[str, str], status: str, after_ms: int) -> OutputBatch:
        self.now += after_ms
        value = {
            "report_id": f"{request['dispatch_id']}-{status}", "site_id": SITE, "incident_id": request["incident_id"],
            "dispatch_id": request["dispatch_id"], "partner_id": "partner-9", "status": status, "reported_at": 0,
        }  # fmt: skip
        return self.chunk(self.record("dispatch-reports", encode("DispatchReport", value)))


def last_request(batch: OutputBatch) -> dict[str, str]:
    topic = SETTINGS.topic("dispatches")
    return [decode("DispatchCommand", record[1]) for record in batch.records if record[0] == topic and record[1]][-1]


def dispatched(log: Log) -> dict[str, str]:
    """An alert, nobody reached in two rounds, a partner asked."""
    log.chunk(log.record("sites", site(intervention=PARTNERS)))
    log.chunk(log.record("alerts", alert("a-1")))
    assert log.phases() == {"CALLING": 1}
    log.now += CALL_TIMEOUT
    assert log.chunk().tally.unanswered_calls == 1
    assert log.phases() == {"WAITING": 1}
    log.now += 10 * MINUTE
    assert log.chunk().tally.unanswered_calls == 0
    log.now += CALL_TIMEOUT
    batch = log.chunk()
    assert log.phases() == {"DISPATCHED": 1}
    assert batch.tally.dispatches == {("guards", "REQUEST"): 1}
    return last_request(batch)


def test_an_incident_is_in_one_phase_from_its_begin_to_its_end() -> None:
    log = Log()
    request = dispatched(log)
    for status in ("ACCEPTED", "EN_ROUTE", "ON_SITE"):
        log.report(request, status, MINUTE)
        assert log.phases() == {"DISPATCHED": 1}
    log.report(request, "CLOSED", MINUTE)
    assert log.phases() == {}
    log.chunk(log.record("sites", None))
    log.now += 25 * 60 * MINUTE
    log.chunk()
    assert shown(log.partition) == (Counter(), 0, 0), "nothing is remembered of it any more"


def test_two_incidents_of_a_site_and_a_changed_record_count_as_they_are() -> None:
    log = Log()
    log.chunk(log.record("sites", site()))
    log.chunk(log.record("sites", site(instructions="mind the dog")))
    log.chunk(log.record("alerts", alert("a-1")), log.record("alerts", alert("a-2", kind="FIRE")))
    assert log.phases() == {"CALLING": 2}


def test_a_partners_answer_is_timed_from_its_first_request() -> None:
    log = Log()
    request = dispatched(log)
    log.now += 2 * MINUTE
    batch = log.chunk()
    assert batch.tally.silences == {"guards": 1}
    assert batch.tally.attentions == {("PARTNER_SILENT", "first"): 1}
    answer = log.report(request, "ACCEPTED", 30_000).tally
    assert answer.reports == {("guards", "ACCEPTED"): 1}, "by our own account of who was asked"
    assert answer.responses == [("guards", 150.0)]
    later = log.report(request, "ON_SITE", MINUTE).tally
    assert later.reports == {("guards", "ON_SITE"): 1}
    assert later.responses == []


def test_what_a_repeated_request_was_late_by_is_no_part_of_the_answers_time() -> None:
    log = Log()
    request = dispatched(log)
    log.now += 10 * MINUTE  # an outage: the request is repeated eight minutes late
    log.chunk()
    assert log.report(request, "ACCEPTED", 10_000).tally.responses == [("guards", 130.0)]


def test_a_report_on_nothing_open_is_nobodys() -> None:
    log = Log()
    request = dispatched(log)
    assert not log.report({**request, "dispatch_id": "other"}, "ACCEPTED", 0).tally.reports
    assert not log.report({**request, "incident_id": "other"}, "REJECTED", 0).tally.reports


def test_a_partner_that_rejects_has_answered_and_the_rest_is_handed_over() -> None:
    log = Log()
    batch = log.report(dispatched(log), "REJECTED", 5_000)
    assert batch.tally.reports == {("guards", "REJECTED"): 1}
    assert batch.tally.responses == [("guards", 5.0)]
    assert log.phases() == {"HANDED_OVER": 1}
    log.now += 30 * MINUTE
    assert log.chunk().tally.attentions == {("NO_PARTNER_LEFT", "again"): 1}


def test_what_went_wrong_is_told_with_its_place_once_it_is_committed() -> None:
    log = Log()
    log.chunk(log.record("sites", site()))
    told = log.chunk(log.record("alerts", b"broken")).tally.lines
    assert told == [
        (
            "error",
            "a record is a dead letter",
            {"topic": "alerts", "partition": NUMBER, "offset": 0, "reason": "UNDECODABLE"},
        )
    ]
    late = log.record("alerts", alert("a-1"))
    log.now += 31_000
    (line,) = log.chunk(late).tally.lines
    assert line.event == "an alert waited long for its call"
    assert line.facts == {"site": SITE, "partition": NUMBER, "offset": 1, "seconds": 31.0}
    log.now += CALL_TIMEOUT + 5_001
    (line,) = log.chunk().tally.lines
    assert line.event == "a deadline was late"
    assert (line.facts["site"], line.facts["seconds"]) == (SITE, 5.001)
