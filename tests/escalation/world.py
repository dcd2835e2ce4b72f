"""A random world around the core, from a seed: customers, telephony, partners, operators and a clock.

Every step is checked against what must always hold (procedure.md); a run is a list of steps, so that a failing seed
can be written down as a story. Used by the hypothesis tests here and by `make simulate`.
"""

import random
from collections import Counter
from typing import Any, Final, cast, get_args

from streams.escalation.names import AlertKind, OperatorVerb, Outcome, ProcedureName, ReportStatus, Situation
from streams.escalation.procedures import DEFAULTS, Procedure
from streams.escalation.state import EMPTY, Deadline, SiteState
from streams.escalation.step import Step, is_forgettable, on_deadline, on_event, on_failed_deadline, on_site
from streams.escalation.values import (
    Address,
    Alert,
    Attention,
    CallCommand,
    CallResult,
    Contact,
    Decision,
    DispatchCommand,
    DispatchReport,
    Event,
    Intervention,
    OperatorAction,
    Output,
    Quarantined,
    Site,
    SiteRecord,
    Source,
)
from tests.support.times import START

ADDRESS: Final = Address("1 rue", None, "74300", "Cluses", "FR")
TOPICS: Final = {
    Alert: "alerts",
    CallResult: "call-results",
    DispatchReport: "dispatch-reports",
    OperatorAction: "operator-actions",
}


class World:
    """One site, everything that can happen to it, and everything it said."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now = START
        self.state: SiteState = EMPTY
        self.record: SiteRecord | None = None
        self.outputs: list[Output] = []
        self.story: list[str] = []
        self._offsets: Counter[str] = Counter()
        self._versions: dict[str, int] = {}
        self._closed: set[str] = set()
        self._ids: set[str] = set()
        self._live: dict[str, set[str]] = {}  # incident -> dispatches begun, neither cancelled nor over
        self._procedures: dict[ProcedureName, Procedure] = {
            name: procedure._replace(
                version=f"{procedure.version}-random",
                confirms=self.random.random() < 0.7,
                default_partner=self.random.choice([None, "PD"]),
                requests=self.random.choice([1, 2, 3]),
                runaway_threshold=self.random.choice([1, 2, 5, 30]),
                amend_interval_seconds=self.random.choice([1, 60, 600]),
            )
            for name, procedure in DEFAULTS.items()
        }

    def run(self, steps: int) -> None:
        """Let so many things happen."""
        self._edit()
        for _ in range(steps):
            # Most things happen close together; some after hours, so that every deadline fires somewhere.
            gap = self.random.choice([0, 1, 1000, 1000, 10_000, 10_000, 60_000, 120_000, 120_000, 600_000])
            if self.random.random() < 0.01:
                gap = 20_000_000
            self.run_to(self.now + self.random.choice([gap, self.random.randint(0, gap)]))
            self._happen()

    def run_to(self, until: int) -> None:
        """Fire what falls due, each at its own instant, in order."""
        while due := sorted(deadline for deadline in self.state.deadlines() if deadline.at <= until):
            self.fire(due[0], max(self.now, due[0].at))
        self.now = max(self.now, until)

    def fire(self, deadline: Deadline, now: int) -> None:
        """Let one deadline fall due; now and then the core is made to fail on it."""
        self.now = now
        self.story.append(f"{now - START} {deadline}")
        door = on_failed_deadline if self.random.random() < 0.01 else on_deadline
        arguments = ("S1", self.state, self.record, deadline, now)
        step = self._twice(door(*arguments), door(*arguments))
        decisions = [output.value for output in step.outputs if isinstance(output.value, Decision)]
        assert len(decisions) == 1, "a deadline fires once"
        assert deadline not in step.state.deadlines(), "a deadline that fired is armed no more"
        self._take(step, None)

    # --- what can happen --------------------------------------------------------------------------

    def _happen(self) -> None:
        phases = {incident.phase for incident in self.state.incidents}
        calling = bool(phases & {"CALLING", "CONFIRMING", "WAITING"})
        sent = bool(phases & {"DISPATCHED", "HANDED_OVER"})
        happenings = [self._edit, self._alert, self._result, self._report, self._operator]
        self.random.choices(happenings, [1, 6, 1 + 14 * calling + 4 * sent, 1 + 8 * sent, 1])[0]()

    def _edit(self) -> None:
        pick = self.random.choice
        offset = self._next("sites").offset
        if self._offsets["sites"] > 1 and self.random.random() < 0.1:
            site = None
        else:
            site = Site(
                "S1",
                pick([True] * 9 + [False]),
                tuple(self._contact(place) for place in range(pick([0] + [1, 2, 3] * 5))),
                pick([ADDRESS] * 18 + [None, ADDRESS._replace(line1=" ")]),
                pick([None, "mind the dog"]),
                Intervention(
                    pick([True, True, True, False]), pick([(), ("P1",), ("P1", "P2"), ("", "P2", "P3", "P2")])
                ),
                pick([None, None, None, self.now + 30_000]),
                self.now,
            )
        self.story.append(f"{self.now - START} {site}")
        arguments = (self.state, self.record, site, self.now)
        step = self._twice(on_site(*arguments), on_site(*arguments))
        self.record = None if site is None else SiteRecord(offset, site)
        self._take(step, None)

    def _contact(self, place: int) -> Contact:
        pick = self.random.choice
        if self.random.random() < 0.85:
            return Contact(f"c{place}", "OWNER", "Ann", "Martin", "+33639980001", "hash")
        return Contact(
            f"c{place}",
            pick(["OWNER", "OWNER", "MEMBER", "EXTERNAL"]),
            pick(["Ann", None, " "]),
            pick(["Martin", None]),
            pick(["+33639980001", "+33639980001", "0639980001", None]),
            pick(["hash", "hash", ""]),
        )

    def _alert(self) -> None:
        kind = cast("AlertKind", self.random.choice([*get_args(AlertKind), "INTRUSION", "FIRE"]))
        raised = self.random.choice([self.now, self.now, START])
        self._event(Alert(f"A{self.random.randint(1, 50)}", "S1", kind, raised))

    def _result(self) -> None:
        pick = self.random.choice
        commands = [output.value.command_id for output in self.outputs if isinstance(output.value, CallCommand)]
        incident = pick([None, None, None, "", self._some_incident()])
        command = pick([None, "", "gone-c1.1", *commands[-1:] * 9, *commands[-3:]])
        outcomes = ["NO_ANSWER"] * 5 + ["NOT_IDENTIFIED", "WRONG_CODE", "WRONG_CODE", "IDENTIFIED", "IDENTIFIED"]
        self._event(
            CallResult(
                self._id("R"),
                "S1",
                incident,
                command,
                None,
                pick(["OUTBOUND", "OUTBOUND", "INBOUND"]),
                cast("Outcome", "DURESS_CODE" if self.random.random() < 0.03 else pick(outcomes)),
                cast("Situation", "ABNORMAL" if self.random.random() < 0.05 else pick(["NORMAL", "NORMAL", "UNKNOWN"])),
                pick([True, False]),
                None,
                None,
                self.now - pick([0, 0, 100_000]),
            )
        )

    def _report(self) -> None:
        pick = self.random.choice
        commands = [output.value for output in self.outputs if isinstance(output.value, DispatchCommand)]
        command = pick(commands[-4:]) if commands else None
        self._event(
            DispatchReport(
                self._id("D"),
                "S1",
                command.incident_id if command else "gone",
                command.dispatch_id if command else "gone-d1",
                "P1",
                cast("ReportStatus", pick(get_args(ReportStatus))),
                pick([None, "seen"]),
                None,
                self.now,
            )
        )

    def _operator(self) -> None:
        verb = cast("OperatorVerb", self.random.choice(get_args(OperatorVerb)))
        named = self._some_incident()
        incident = named if verb == "CLOSE" else self.random.choice([None, named])
        taken = self.random.choice([self.now, START])
        self._event(OperatorAction(self._id("O"), "S1", incident, verb, "so", "olga", taken))

    def _some_incident(self) -> str:
        return self.random.choice(["gone", *[incident.incident_id for incident in self.state.incidents] * 5])

    def _id(self, letter: str) -> str:
        return f"{letter}{self.random.randint(1, 400)}"

    def _event(self, event: Event) -> None:
        self.story.append(f"{self.now - START} {event}")
        source = self._next(TOPICS[type(event)])
        arguments: Any = (self.state, self.record, event, source, self.now, self._procedures)
        self._take(self._twice(on_event(*arguments), on_event(*arguments)), event)

    def _next(self, topic: str) -> Source:
        self._offsets[topic] += 1
        return Source(topic, 0, self._offsets[topic] - 1)

    # --- what must hold ---------------------------------------------------------------------------

    def _twice(self, once: Step, again: Step) -> Step:
        """The same input on the same state gives the same; so the first time changed nothing it was given."""
        assert repr(once) == repr(again)
        return once

    def _take(self, step: Step, event: Event | None) -> None:
        decisions = [output.value for output in step.outputs if isinstance(output.value, Decision)]
        quarantined = [output.value for output in step.outputs if isinstance(output.value, Quarantined)]
        if event is not None:
            assert bool(decisions) != bool(quarantined), "an input ends in decisions or in quarantine"
            assert len(quarantined) <= 1
        for decision in decisions:
            self._check_decision(decision)
        named = [name for decision in decisions for name in decision.outputs]
        emitted = [name for output in step.outputs if (name := _id_of(output)) is not None]
        assert sorted(named) == sorted(emitted), "every output is named by exactly one decision"
        for name in named:
            assert name not in self._ids, f"{name} is emitted twice"
            self._ids.add(name)
        self._follow_dispatches(step, event)
        self._check_state(step.state)
        self.state = step.state
        self.outputs += step.outputs

    def _check_decision(self, decision: Decision) -> None:
        if decision.incident_id is None:
            assert (decision.version, decision.phase_from, decision.phase_to) == (0, None, None)
            return
        assert decision.incident_id not in self._closed, "nothing happens after a close"
        assert decision.version == self._versions.get(decision.incident_id, 0) + 1, "versions have no gaps"
        assert (decision.phase_from is None) == (decision.version == 1)
        assert (decision.deadline is None) == (decision.phase_to == "CLOSED")
        ahead = decision.deadline is None or decision.deadline >= self.now  # equal: due, and next in line
        assert ahead, "every open incident has a deadline ahead"
        assert (decision.round is not None) == (decision.phase_to in {"CALLING", "CONFIRMING"})
        self._versions[decision.incident_id] = decision.version
        if decision.phase_to == "CLOSED":
            self._closed.add(decision.incident_id)

    def _follow_dispatches(self, step: Step, event: Event | None) -> None:
        if isinstance(event, DispatchReport) and event.status in {"REJECTED", "CLOSED"}:
            rules = {output.value.rule for output in step.outputs if isinstance(output.value, Decision)}
            if rules & {"PARTNER_REJECTED", "CLOSED_UNVISITED", "CLOSED_UNAWARE", "INTERVENTION_CLOSED"}:
                self._live.get(event.incident_id, set()).discard(event.dispatch_id)
        for output in step.outputs:
            command = output.value
            if isinstance(command, DispatchCommand):
                live = self._live.setdefault(command.incident_id, set())
                if command.action == "REQUEST":
                    live.add(command.dispatch_id)
                elif command.action == "CANCEL":
                    live.discard(command.dispatch_id)
                assert len(live) <= 1, f"two guards on their way: {live}"

    def _check_state(self, state: SiteState) -> None:
        names = [incident.procedure.name for incident in state.incidents]
        assert names == sorted(set(names)), "at most one open incident a procedure, FIRE first"
        for incident in state.incidents:
            assert incident.deadline is not None
            assert incident.deadline >= self.now  # equal: due, and next in line
            assert incident.phase != "CLOSED"
            assert len(incident.handled) <= 64
        assert len(state.remembered) <= 256
        assert state.last_record is None or state.incidents
        assert not (is_forgettable(state, self.now) and state.incidents)


def _id_of(output: Output) -> str | None:
    value = output.value
    if isinstance(value, CallCommand | DispatchCommand):
        return value.command_id
    return value.attention_id if isinstance(value, Attention) else None
