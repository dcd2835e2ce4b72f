"""Whom an input concerns, and what is done when it finds no incident (procedure.md §1, §5).

Duplicates come before anything else. What an input does to an incident is in the tables.
"""

from streams.escalation import callbacks, dispatching, identity, memory, merges, opening, rounds
from streams.escalation.answers import ANSWERS, Answer
from streams.escalation.callbacks import CALLBACKS
from streams.escalation.merges import MERGES
from streams.escalation.names import QuarantineReason
from streams.escalation.operators import OPERATIONS
from streams.escalation.procedures import PROCEDURE_OF_KIND, Procedures
from streams.escalation.readiness import is_empty
from streams.escalation.reports import REPORTS
from streams.escalation.scene import Scene
from streams.escalation.state import Handled, Incident
from streams.escalation.values import (
    Alert,
    Attention,
    CallResult,
    DispatchReport,
    OperatorAction,
    Output,
    Quarantined,
)


def on_alert(scene: Scene, alert: Alert, procedures: Procedures) -> None:
    """Merge the alert into the open incident of its procedure, open one, or quarantine it."""
    accepted = memory.of_alert(alert, scene.now)
    if memory.knows(scene.state.remembered, accepted):
        scene.conclude_without_incident("DUPLICATE_ALERT")
        return
    name = PROCEDURE_OF_KIND.get(alert.kind)
    incident = scene.by_procedure(name)
    if incident is not None:
        turn = scene.turn(incident)
        merges.accept(turn.incident, alert, scene.now)
        MERGES.decide(turn, alert)
    else:
        refused = opening.refusal(scene.record, name, scene.now)
        if refused is not None:
            _quarantine(scene, alert, *refused)
            return
        assert name is not None
        assert scene.record is not None
        turn = opening.open_for_alert(scene.record, alert, procedures[name], scene.now, scene.state.remembered)
    merges.raise_runaway(turn)
    scene.conclude(turn, accepted=accepted)


def on_result(scene: Scene, result: CallResult) -> None:
    """Let the result answer its call, or be a callback to every incident it concerns."""
    entry = Handled("CALL_RESULT", result.result_id)
    answered = _answered(scene, result)
    concerned = (answered,) if answered is not None else _concerned(scene, result)
    for incident in concerned:
        if scene.is_duplicate(incident, entry):
            continue
        turn = scene.turn(incident)
        if incident is answered:
            ANSWERS.decide(turn, Answer(result.outcome, result.situation))
        else:
            CALLBACKS.decide(turn, result)
        scene.conclude(turn, entry)
    if not concerned:
        if callbacks.is_call_for_help(result):
            _call_for_help(scene, result)
        else:
            scene.conclude_without_incident("NO_OPEN_INCIDENT")


def on_report(scene: Scene, report: DispatchReport) -> None:
    """Let the partner's report move the incident it names."""
    incident = scene.by_id(report.incident_id)
    if incident is None:
        scene.conclude_without_incident("NO_OPEN_INCIDENT")
        return
    entry = Handled("DISPATCH_REPORT", report.report_id)
    if not scene.is_duplicate(incident, entry):
        turn = scene.turn(incident)
        REPORTS.decide(turn, report)
        scene.conclude(turn, entry)


def on_action(scene: Scene, action: OperatorAction, procedures: Procedures) -> None:
    """Do as the operator says; a DISPATCH that names no incident may open one."""
    accepted = memory.of_action(action, scene.now)
    if memory.knows(scene.state.remembered, accepted):
        scene.conclude_without_incident("DUPLICATE_INPUT")
        return
    entry = Handled("OPERATOR_ACTION", action.action_id)
    names_none = is_empty(action.incident_id)
    incident = scene.by_procedure("SECURITY") if names_none else scene.by_id(action.incident_id or "")
    if incident is not None:
        if not scene.is_duplicate(incident, entry):
            turn = scene.turn(incident)
            OPERATIONS.decide(turn, action)
            scene.conclude(turn, entry)
    elif names_none and action.action == "DISPATCH" and scene.record is not None:
        turn = opening.open_for_operator(
            scene.record, action, procedures["SECURITY"], scene.now, scene.state.remembered
        )
        turn.rule = "OPERATOR_DISPATCH"
        dispatching.begin(turn)
        scene.conclude(turn, entry, accepted)
    else:
        scene.conclude_without_incident("NO_OPEN_INCIDENT")


def _answered(scene: Scene, result: CallResult) -> Incident | None:
    """The incident whose outstanding call the result answers; it then touches no other."""
    if result.direction != "OUTBOUND" or is_empty(result.command_id):
        return None
    for incident in scene.state.incidents:
        if result.command_id == rounds.outstanding_id(incident):
            return incident if is_empty(result.incident_id) or result.incident_id == incident.incident_id else None
    return None


def _concerned(scene: Scene, result: CallResult) -> tuple[Incident, ...]:
    """The incidents that a callback goes to, FIRE first."""
    every = scene.state.incidents
    if not is_empty(result.incident_id):
        named = tuple(known for known in every if known.incident_id == result.incident_id)
    elif result.command_id is not None and not is_empty(result.command_id):
        command = result.command_id
        named = tuple(known for known in every if command.startswith(known.incident_id))
    else:
        return every
    # Somebody in danger is heard by whoever is listening.
    return named or (every if callbacks.is_call_for_help(result) else ())


def _call_for_help(scene: Scene, result: CallResult) -> None:
    attention = identity.attention_id(identity.source_id(scene.source), 1)
    scene.outputs.append(
        Output(
            "attention",
            Attention(
                attention_id=attention,
                incident_id=None,
                site_id=scene.site_id,
                procedure=None,
                reason="CALL_FOR_HELP",
                repeat=0,
                cause="CALL_FOR_HELP",
                covert=callbacks.is_duress(result),
                alert_kinds=(),
                alert_count=0,
                last_alert_at=None,
                raised_at=scene.now,
            ),
        )
    )
    scene.conclude_without_incident("CALL_FOR_HELP", attention)


def _quarantine(scene: Scene, alert: Alert, reason: QuarantineReason, lacks: tuple[str, ...]) -> None:
    scene.outputs.append(
        Output(
            "quarantine",
            Quarantined(
                site_id=alert.site_id,
                alert_id=alert.alert_id,
                reason=reason,
                missing=lacks,
                at=scene.now,
                alert=alert,
                input=scene.source,
                site_offset=scene.site_offset,
            ),
        )
    )
