"""A story is a text of inputs, and under each of them, indented, what the core made of it.

An input line is ``HH:MM:SS verb words…``; the time counts from the story's beginning. Incidents are named
by order of opening: ``#1`` stands for the first one's id, also within other ids (``#1-c1.2``).

    settings FIRE confirms=true         replaces values of a procedure (before the first input)
    00:00:00 site S1 ann bob:EXTERNAL partners=P1,P2 disabled unsubscribed
    00:00:10 delete S1                  a tombstone
    00:00:10 alert A1 INTRUSION         site=S1 raised=00:00:10
    00:00:30 answer #1-c1.1 NO_ANSWER   an OUTBOUND result; situation UNKNOWN unless named
    00:00:30 callback IDENTIFIED NORMAL an INBOUND result; incident=… command=… contact=… ended=… id=…
    00:01:00 report #1-d1 ACCEPTED      id=… disposition=… incident=…
    00:02:00 operator CLOSE #1          or DISPATCH, with or without an incident; id=… taken=…
    00:10:00 until                      let the clock run on
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, cast, get_args

from streams.escalation.names import Direction, ProcedureName, Role
from streams.escalation.procedures import DEFAULTS, Procedure
from streams.escalation.state import EMPTY, Deadline, SiteState
from streams.escalation.step import Step, on_deadline, on_event, on_site
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
    Readiness,
    Site,
    SiteRecord,
    Source,
)
from tests.support.times import START

ADDRESS: Final = Address("1 rue des Lilas", None, "74300", "Cluses", "FR")
_LINE: Final = re.compile(r"(\d+):(\d\d):(\d\d)(?:\.(\d{3}))? +(.*)")


class Story:
    """Plays a story's inputs through the core and tells it with what came of each."""

    def __init__(self, text: str) -> None:
        self.inputs = [line for line in text.splitlines() if not line.startswith("    ")]
        self.outputs: list[Output] = []
        self.rows: list[tuple[ProcedureName, str, str]] = []  # procedure, phase before, row
        self._procedures: dict[ProcedureName, Procedure] = dict(DEFAULTS)
        self._states: dict[str, SiteState] = defaultdict(lambda: EMPTY)
        self._records: dict[str, SiteRecord] = {}
        self._offsets: dict[str, int] = defaultdict(int)
        self._aliases: dict[str, str] = {}  # incident id -> #n

    def tell(self) -> str:
        """The story with every output under its input; equal to the text when nothing has changed."""
        told: list[str] = []
        for line in self.inputs:
            told.append(line)
            told += [f"    {said}" for said in self._play(line)]
        return "\n".join(told) + "\n"

    # --- inputs -----------------------------------------------------------------------------------

    def _play(self, line: str) -> Iterator[str]:
        if line.startswith("settings "):
            _, name, *words = line.split()
            procedure = self._procedures[cast("ProcedureName", name)]
            values: dict[str, Any] = {key: _value(text) for key, text in _named(words).items()}
            self._procedures[procedure.name] = procedure._replace(**{"version": f"{name.lower()}/story"} | values)
            return
        match = _LINE.fullmatch(line)
        if match is None:
            assert not line or line.startswith("#"), f"not a line of a story: {line}"
            return
        hours, minutes, seconds, millis, said = match.groups()
        now = START + ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(millis or 0)
        yield from self._run_to(now)
        verb, *rest = self._real(said).split()
        if verb != "until":
            site_id, step = getattr(self, f"_{verb}")(now, rest)
            yield from self._say(site_id, step, now=None)

    def _run_to(self, now: int) -> Iterator[str]:
        while True:
            due = sorted(
                (deadline, site_id)
                for site_id, state in self._states.items()
                for deadline in state.deadlines()
                if deadline.at <= now
            )
            if not due:
                return
            deadline, site_id = due[0]
            yield from self._say(site_id, self._fire(deadline, site_id), now=deadline.at)

    def _fire(self, deadline: Deadline, site_id: str) -> Step:
        before = self._states[site_id]
        return self._note(before, on_deadline(site_id, before, self._records.get(site_id), deadline, deadline.at))

    def _note(self, before: SiteState, step: Step) -> Step:
        phases = {known.incident_id: known for known in before.incidents}
        decided = [output.value for output in step.outputs if isinstance(output.value, Decision)]
        rows = iter(step.rows)
        for decision in decided:
            if decision.phase_from is not None and decision.rule not in {"DUPLICATE_INPUT", "FAILED"}:
                name = phases[decision.incident_id or ""].procedure.name
                self.rows.append((name, decision.phase_from, next(rows)))
        return step

    def _site(self, now: int, words: list[str]) -> tuple[str, Step]:
        site_id, *rest = words
        named = _named(rest)
        plain = [word for word in rest if "=" not in word]
        flags = {word for word in plain if word in {"unsubscribed", "disabled", "no-address"}}
        site = Site(
            site_id,
            "unsubscribed" not in flags,
            tuple(_contact(word) for word in plain if word not in flags),
            None if "no-address" in flags else ADDRESS,
            named.get("instructions"),
            Intervention("disabled" not in flags, tuple(filter(None, named.get("partners", "P1,P2").split(",")))),
            _instant(named["test-until"]) if "test-until" in named else None,
            now,
        )
        step = on_site(self._states[site_id], self._records.get(site_id), site, now)
        self._records[site_id] = SiteRecord(self._next("sites").offset, site)
        return site_id, step

    def _delete(self, now: int, words: list[str]) -> tuple[str, Step]:
        self._next("sites")
        return words[0], on_site(self._states[words[0]], self._records.pop(words[0], None), None, now)

    def _alert(self, now: int, words: list[str]) -> tuple[str, Step]:
        alert_id, kind, *rest = words
        named = _named(rest)
        raised = _instant(named["raised"]) if "raised" in named else now
        return self._event(now, "alerts", Alert(alert_id, named.get("site", "S1"), cast("Any", kind), raised))

    def _answer(self, now: int, words: list[str]) -> tuple[str, Step]:
        command, *rest = words
        return self._result(now, "OUTBOUND", [f"command={command}", *rest])

    def _callback(self, now: int, words: list[str]) -> tuple[str, Step]:
        return self._result(now, "INBOUND", words)

    def _result(self, now: int, direction: Direction, words: list[str]) -> tuple[str, Step]:
        named = _named(words)
        outcome, *situation = [word for word in words if "=" not in word]
        return self._event(
            now,
            "call-results",
            CallResult(
                named.get("id", f"R{self._offsets['call-results'] + 1}"),
                named.get("site", "S1"),
                named.get("incident"),
                named.get("command"),
                named.get("contact"),
                direction,
                cast("Any", outcome),
                cast("Any", situation[0] if situation else "UNKNOWN"),
                False,
                None,
                None,
                _instant(named["ended"]) if "ended" in named else now,
            ),
        )

    def _report(self, now: int, words: list[str]) -> tuple[str, Step]:
        dispatch, status, *rest = words
        named = _named(rest)
        return self._event(
            now,
            "dispatch-reports",
            DispatchReport(
                named.get("id", f"P{self._offsets['dispatch-reports'] + 1}"),
                named.get("site", "S1"),
                named.get("incident", dispatch.rpartition("-")[0]),
                dispatch,
                named.get("partner", "P1"),
                cast("Any", status),
                named.get("disposition"),
                None,
                now,
            ),
        )

    def _operator(self, now: int, words: list[str]) -> tuple[str, Step]:
        verb, *rest = words
        named = _named(rest)
        incident = next((word for word in rest if "=" not in word), None)
        return self._event(
            now,
            "operator-actions",
            OperatorAction(
                named.get("id", f"O{self._offsets['operator-actions'] + 1}"),
                named.get("site", "S1"),
                incident,
                cast("Any", verb),
                "told so",
                "olga",
                _instant(named["taken"]) if "taken" in named else now,
            ),
        )

    def _event(self, now: int, topic: str, event: Event) -> tuple[str, Step]:
        before = self._states[event.site_id]
        record = self._records.get(event.site_id)
        step = on_event(before, record, event, self._next(topic), now, self._procedures)
        return event.site_id, self._note(before, step)

    def _next(self, topic: str) -> Source:
        source = Source(topic, 0, self._offsets[topic])
        self._offsets[topic] += 1
        return source

    # --- outputs ----------------------------------------------------------------------------------

    def _say(self, site_id: str, step: Step, now: int | None) -> Iterator[str]:
        self._states[site_id] = step.state
        self.outputs += step.outputs
        for incident in step.state.incidents:
            self._aliases.setdefault(incident.incident_id, f"#{len(self._aliases) + 1}")
        for output in step.outputs:
            said = "readiness: deleted" if output.value is None else _SAY[type(output.value)](output.value)
            when = f"{_clock(now)} " if now is not None else ""
            yield when + self._aliased(said)

    def _real(self, text: str) -> str:
        for incident, alias in self._aliases.items():
            text = re.sub(rf"{alias}(?!\d)", incident, text)
        return text

    def _aliased(self, text: str) -> str:
        for incident, alias in self._aliases.items():
            text = text.replace(incident, alias)
        return text


def _named(words: list[str]) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words if "=" in word)


def _value(text: str) -> object:
    return {"true": True, "false": False}.get(text, int(text) if text.isdigit() else text)


def _instant(text: str) -> int:
    hours, minutes, seconds = text.split(":")
    return START + ((int(hours) * 60 + int(minutes)) * 60) * 1000 + round(float(seconds) * 1000)


def _clock(instant: int) -> str:
    seconds, millis = divmod(instant - START, 1000)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{clock}.{millis:03}" if millis else clock


def _contact(word: str) -> Contact:
    """``ann``, ``ann:EXTERNAL``, and what lacks: ``ann-phone``, ``ann-password``, ``ann-name``."""
    name, _, role = word.partition(":")
    name, *lacks = name.split("-")
    assert not role or role in get_args(Role), role
    return Contact(
        contact_id=name,
        role=cast("Role", role or "OWNER"),
        first_name=name.capitalize(),
        last_name=None if "name" in lacks else "Martin",
        phone=None if "phone" in lacks else "+33639980001",
        password_hash=None if "password" in lacks else "hash",
    )


def _say_call(call: CallCommand) -> str:
    target = f" of {call.target_command_id}" if call.target_command_id else ""
    kinds = ",".join(call.alert_kinds) or "no alert"
    return f"{call.action} {call.command_id}{target}: {call.contact_id}, {kinds}, until {_clock(call.expires_at)}"


def _say_dispatch(command: DispatchCommand) -> str:
    covert = " covertly" if command.covert else ""
    until = f", answer by {_clock(command.respond_by)}" if command.respond_by else ""
    what = f"{command.reason}, {','.join(command.alert_kinds) or 'no alert'} x{command.alert_count}"
    return f"{command.action} {command.command_id}: {command.partner_id}{covert}, {what}{until} (cause {command.cause})"


def _say_attention(attention: Attention) -> str:
    covert = " covertly" if attention.covert else ""
    return (
        f"ATTENTION {attention.attention_id}: {attention.reason} {attention.repeat}{covert},"
        f" x{attention.alert_count} (cause {attention.cause})"
    )


def _say_decision(decision: Decision) -> str:
    if decision.incident_id is None:
        return f"{decision.rule} {decision.decision_id}, site {decision.site_offset}"
    call = f" {decision.round}.{decision.position}" if decision.round else ""
    until = f" until {_clock(decision.deadline)}" if decision.deadline else ""
    disposition = f", disposition {decision.disposition}" if decision.disposition else ""
    return (
        f"{decision.rule} {decision.decision_id}: {decision.phase_from or 'new'} -> {decision.phase_to}{call}{until}"
        f"{disposition}"
    )


def _say_quarantined(record: Quarantined) -> str:
    lacks = f" {','.join(record.missing)}" if record.missing else ""
    return f"QUARANTINE {record.alert_id}: {record.reason}{lacks}, site {record.site_offset}"


def _say_readiness(record: Readiness) -> str:
    state = "ready" if record.ready else "needs attention" if record.needs_attention else "not subscribed"
    return f"readiness: {state}" + "".join(f" {word}" for word in (*record.missing, *record.warnings))


_SAY: Final[dict[type, Any]] = {
    CallCommand: _say_call,
    DispatchCommand: _say_dispatch,
    Attention: _say_attention,
    Decision: _say_decision,
    Quarantined: _say_quarantined,
    Readiness: _say_readiness,
}
