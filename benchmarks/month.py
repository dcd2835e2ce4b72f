"""A month of incidents in virtual time, as the log of one partition: people and partners who act by a seed alone.

What a contact says when called in a round, and what a partner does when asked, follows from the seed and the incident,
and so do alerts and callbacks at their times. The same month under another procedure is then what would have happened,
to compare `ronde whatif` with. Used by its tests and by ``python -m benchmarks.month``.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple, cast

from schemas.avro.framing import single_object
from schemas.avro.generated import writer
from schemas.avro.loader import load
from schemas.contract.topics import INPUT_TOPICS
from streams.escalation.procedures import DEFAULTS, Procedures
from streams.escalation.values import (
    Address,
    Alert,
    CallResult,
    Contact,
    Decision,
    DispatchReport,
    Event,
    Instant,
    Intervention,
    OperatorAction,
    Site,
    Source,
)
from streams.formats.topic_values import TopicValues, shipped
from streams.kafka.reading import LogRecord
from streams.simulation.simulation import Record, Simulation
from streams.whatif.change import Change
from streams.whatif.comparison import Comparison
from streams.whatif.partition import PartitionWhatIf

START: Final = 1_767_225_600_000  # 2026-01-01T00:00:00Z

MONTH_MS: Final = 30 * 24 * 3_600_000
SECOND: Final = 1000
_TOPICS: Final = {
    Alert: "alerts",
    CallResult: "call-results",
    DispatchReport: "dispatch-reports",
    OperatorAction: "operator-actions",
    Site: "sites",
}
_WRITERS: Final[dict[type, Any]] = {
    kind: writer(load(kind.__name__), single_object(load(kind.__name__))) for kind in _TOPICS
}
_TAKEN: Final = frozenset({"calls", "dispatches", "decisions", "quarantine", *INPUT_TOPICS})


class Due(NamedTuple):
    """A deadline may be due."""


class Month:
    """Plays it at once. ``logs`` are the records by topic, ``decisions`` those of each incident."""

    def __init__(
        self,
        incidents: int,
        sites: int,
        seed: int,
        procedures: Procedures = DEFAULTS,
        *,
        length_ms: int = MONTH_MS,
        has_operators: bool = True,
    ) -> None:
        """With operators, an incident that is handed over is closed within the hour."""
        self.logs: defaultdict[str, list[LogRecord]] = defaultdict(list)
        self.decisions: defaultdict[str, list[Decision]] = defaultdict(list)
        self._seed = seed
        self._pushed = 0
        self._simulation = Simulation(procedures)
        self._queue: list[tuple[Instant, int, Any]] = []
        self._end = START + length_ms + 6 * 3_600_000
        self._has_operators = has_operators
        self._asked: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._gone: set[str] = set()
        self._encoders = shipped().encoders
        self._plan(random.Random(seed), incidents, sites, length_ms)  # noqa: S311  # to repeat it
        self._run()

    def _plan(self, plan: random.Random, incidents: int, sites: int, length_ms: int) -> None:
        for number in range(sites):
            self._push(START, _site(number))
        for number in range(incidents):
            site_id = f"S{plan.randrange(sites)}"
            at = START + 1 + plan.randrange(length_ms)
            kind = "FIRE" if plan.random() < 0.1 else plan.choice(["INTRUSION", "INTRUSION", "TAMPER", "HOLD_UP"])
            self._push(at, Alert(f"A{number}", site_id, kind, at))  # type: ignore[arg-type]
            for more in range(plan.choices([0, 1, 3], [8, 3, 1])[0]):
                later = at + plan.choice([5, 40, 300, 700]) * SECOND + more * 7000
                self._push(later, Alert(f"A{number}.{more}", site_id, kind, later))  # type: ignore[arg-type]
            if plan.random() < 0.25:
                later = at + plan.randrange(30, 1500) * SECOND
                outcome = plan.choices(["IDENTIFIED", "WRONG_CODE", "DURESS_CODE"], [8, 2, 1])[0]
                self._push(later, _result(f"B{number}", site_id, None, outcome, "NORMAL", later))

    def _run(self) -> None:
        while self._queue and self._queue[0][0] <= self._end:
            at, _, what = heappop(self._queue)
            for record in list(self._simulation.advance(at)):
                self._emit(record)
            if isinstance(what, Due) or (isinstance(what, DispatchReport) and what.report_id in self._gone):
                continue
            topic = _TOPICS[type(what)]
            log = self.logs[topic]
            log.append(LogRecord(topic, 0, len(log), at, what.site_id.encode(), _WRITERS[type(what)](what), []))
            source = Source(topic, 0, len(log) - 1)
            handle = self._simulation.site if isinstance(what, Site) else None
            records = handle(what.site_id, what, source, at) if handle else self._simulation.event(what, source, at)
            for record in records:
                self._emit(record)

    def _emit(self, record: Record) -> None:
        at, topic, key, value = record
        value = cast("Any", value)
        if topic not in _TAKEN:
            return
        log = self.logs[topic]
        encoded = self._encoders[topic](value)  # type: ignore[index]
        log.append(LogRecord(topic, 0, len(log), at, key.encode(), encoded, []))
        react = {"calls": self._answer, "dispatches": self._report, "decisions": self._note}.get(topic)
        if react is not None:
            react(value, at)

    def _note(self, decision: Decision, at: Instant) -> None:
        if decision.incident_id is not None:
            self.decisions[decision.incident_id].append(decision)
        if decision.deadline is not None:
            self._push(decision.deadline, Due())
        if self._has_operators and decision.phase_to == "HANDED_OVER" and decision.phase_from != "HANDED_OVER":
            closed_at = at + self._mind(decision.incident_id, "operator").randrange(60, 3600) * SECOND
            name = f"{decision.incident_id}-close-{closed_at}"
            self._push(
                closed_at, OperatorAction(name, decision.site_id, decision.incident_id, "CLOSE", "", "olga", closed_at)
            )

    def _answer(self, call: Any, at: Instant) -> None:
        if call.action == "CANCEL":
            self._gone.add(call.target_command_id)
            return
        person = self._mind(call.incident_id, call.round, call.contact_id, call.action)
        delay = person.randrange(5, 150) * SECOND
        said = person.choices(
            ["nothing", "NO_ANSWER", "IDENTIFIED", "NOT_IDENTIFIED", "WRONG_CODE", "DURESS_CODE", "ABNORMAL"],
            [25, 30, 30, 5, 7, 1, 2],
        )[0]
        if said == "nothing":
            return
        situation = {"ABNORMAL": "ABNORMAL", "NO_ANSWER": "UNKNOWN"}.get(said, "NORMAL")
        outcome = "IDENTIFIED" if said == "ABNORMAL" else said
        name = f"{call.command_id}-r"
        self._push(at + delay, _result(name, call.site_id, call, outcome, situation, at + delay))

    def _report(self, command: Any, at: Instant) -> None:
        if command.action == "CANCEL":
            for step in ("ACCEPTED", "REJECTED", "EN_ROUTE", "ON_SITE", "CLOSED"):
                self._gone.add(f"{command.dispatch_id}-{step}")
            mind = self._mind(command.incident_id, command.partner_id, "cancel")
            self._push(at + mind.randrange(10, 100) * SECOND, _told(command, "CLOSED", at, "-after-cancel"))
        if command.action != "REQUEST" or command.attempt != 1:
            return
        partner = (command.incident_id, command.partner_id)
        mind = self._mind(*partner, self._asked[partner])
        self._asked[partner] += 1
        way = mind.choices([(), ("REJECTED",), ("ACCEPTED", "EN_ROUTE", "ON_SITE", "CLOSED")], [1, 1, 8])[0]
        for step in way:
            at += mind.randrange(20, {"ACCEPTED": 200, "REJECTED": 90}.get(step, 1200)) * SECOND
            self._push(at, _told(command, step, at))

    def _mind(self, *of: object) -> random.Random:
        return random.Random(f"{self._seed} {of}")  # noqa: S311  # to repeat it

    def _push(self, at: Instant, what: Event | Site | Due) -> None:
        self._pushed += 1
        heappush(self._queue, (at, self._pushed, what))

    def compare(self, change: Change) -> Comparison:
        """Compare the month with another procedure."""
        known = {(name, one.version): one for name, one in DEFAULTS.items()}
        begins = dict.fromkeys(INPUT_TOPICS, 0)
        whatif = PartitionWhatIf(0, 1, known, DEFAULTS, change, TopicValues(), begins)
        for topic in ("decisions", *sorted(self.logs.keys() - {"decisions"})):
            for record in self.logs[topic]:
                whatif.take(record)
        return whatif.compare()


def _site(number: int) -> Site:
    contacts = tuple(
        Contact(f"c{place}", "OWNER", "Ann", "Martin", f"+3363998{number % 1000:03}{place}", "hash", None, "fr")
        for place in range(1 + number % 3)
    )
    address = Address(f"{number} rue des Lilas", None, "74300", "Cluses", "FR")
    partners = ("P1", "P2") if number % 4 else ("P1",)
    return Site(f"S{number}", True, contacts, address, None, Intervention(True, partners), None, START)


def _result(name: str, site_id: str, call: Any, outcome: Any, situation: Any, ended_at: Instant) -> CallResult:
    command, incident = (None, None) if call is None else (call.command_id, call.incident_id)
    contact = "c0" if call is None else call.contact_id
    direction: Any = "INBOUND" if call is None else "OUTBOUND"
    return CallResult(
        name, site_id, incident, command, contact, direction, outcome, situation, False, None, "olga", ended_at
    )


def _told(command: Any, status: Any, at: Instant, suffix: str = "") -> DispatchReport:
    name = f"{command.dispatch_id}-{status}{suffix}"
    partner = command.partner_id
    return DispatchReport(
        name, command.site_id, command.incident_id, command.dispatch_id, partner, status, "done", None, at
    )


def changes() -> Iterator[tuple[str, Change]]:
    """The changes that are timed."""
    yield "nothing", Change()
    yield "wait 300 s", Change({"SECURITY": {"wait_seconds": 300}, "FIRE": {"wait_seconds": 300}})
    yield "call 60 s", Change({"SECURITY": {"call_timeout_seconds": 60}, "FIRE": {"call_timeout_seconds": 60}})


def main() -> None:
    """Time the comparison of a month; the number of incidents is the argument (100,000)."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    begun = time.perf_counter()
    gc.set_threshold(1_000_000)  # as `ronde whatif` does
    month = Month(count, max(count // 3, 1), 1)
    records = sum(map(len, month.logs.values()))
    sys.stdout.write(f"{len(month.decisions):,} incidents, {records:,} records: {time.perf_counter() - begun:.0f} s\n")
    for name, change in changes():
        begun = time.process_time()
        comparison = month.compare(change)
        spent = time.process_time() - begun
        sys.stdout.write(
            f"{name}: {spent:.1f} s of a core; {dict(comparison.verdicts)}; guards more {comparison.more_guards}, "
            f"fewer {comparison.fewer_guards}\n"
        )


if __name__ == "__main__":
    main()
