"""Which incidents an input concerns, and what happens when it concerns none (procedure.md §1, §5).

Duplicates are sorted out first. What an input does to an incident is in the tables.
"""

from typing import Literal

from streams.escalation import dispatching, identity, memory, opening, rounds
from streams.escalation.input_context import InputContext
from streams.escalation.names import QuarantineReason
from streams.escalation.procedures import PROCEDURE_OF_KIND, Procedures
from streams.escalation.readiness import is_empty
from streams.escalation.state import Handled, Incident
from streams.escalation.tables import callbacks, merges
from streams.escalation.tables.answers import ANSWERS, Answer
from streams.escalation.tables.callbacks import CALLBACKS
from streams.escalation.tables.merges import MERGES
from streams.escalation.tables.operators import OPERATIONS
from streams.escalation.tables.partner_reports import REPORTS
from streams.escalation.values import (
    Alert,
    Attention,
    CallResult,
    DispatchReport,
    Instant,
    OperatorAction,
    Output,
    Quarantined,
    Source,
)


def on_alert(context: InputContext, alert: Alert, procedures: Procedures) -> None:
    """Merge the alert into the open incident of its procedure, open one, or quarantine it."""
    accepted = memory.of_alert(alert, context.now)
    if memory.knows(context.state.remembered, accepted):
        context.conclude_without_incident("DUPLICATE_ALERT")
        return
    name = PROCEDURE_OF_KIND.get(alert.kind)
    incident = context.by_procedure(name)
    if incident is not None:
        update = context.update(incident)
        merges.accept(update.incident, alert, context.now)
        MERGES.decide(update, alert)
    else:
        reason = opening.quarantine_reason(context.record, name, context.now)
        if reason is not None:
            _quarantine(context, alert, *reason)
            return
        assert name is not None
        assert context.record is not None
        update = opening.open_for_alert(context.record, alert, procedures[name], context.now, context.state.remembered)
    merges.raise_runaway(update)
    context.conclude(update, accepted=accepted)


def on_result(context: InputContext, result: CallResult) -> None:
    """Take the result as the answer to its call, or as a callback to each incident it concerns."""
    entry = Handled("CALL_RESULT", result.result_id)
    answered = _answered(context, result)
    concerned = (answered,) if answered is not None else _concerned(context, result)
    for incident in concerned:
        if context.is_duplicate(incident, entry):
            continue
        update = context.update(incident)
        if incident is answered:
            ANSWERS.decide(update, Answer(result.outcome, result.situation))
        else:
            CALLBACKS.decide(update, result)
        context.conclude(update, entry)
    if not concerned:
        if callbacks.is_call_for_help(result):
            _call_for_help(context, result)
        else:
            context.conclude_without_incident("NO_OPEN_INCIDENT")


def on_report(context: InputContext, report: DispatchReport) -> None:
    """Apply the partner's report to the incident it names."""
    incident = context.by_id(report.incident_id)
    if incident is None:
        context.conclude_without_incident("NO_OPEN_INCIDENT")
        return
    entry = Handled("DISPATCH_REPORT", report.report_id)
    if not context.is_duplicate(incident, entry):
        update = context.update(incident)
        REPORTS.decide(update, report)
        context.conclude(update, entry)


def on_action(context: InputContext, action: OperatorAction, procedures: Procedures) -> None:
    """Apply the operator's action; a DISPATCH that names no incident may open one."""
    accepted = memory.of_action(action, context.now)
    if memory.knows(context.state.remembered, accepted):
        context.conclude_without_incident("DUPLICATE_INPUT")
        return
    entry = Handled("OPERATOR_ACTION", action.action_id)
    names_none = is_empty(action.incident_id)
    incident = context.by_procedure("SECURITY") if names_none else context.by_id(action.incident_id or "")
    if incident is not None:
        if not context.is_duplicate(incident, entry):
            update = context.update(incident)
            OPERATIONS.decide(update, action)
            context.conclude(update, entry)
    elif names_none and action.action == "DISPATCH" and context.record is not None:
        update = opening.open_for_operator(
            context.record, action, procedures["SECURITY"], context.now, context.state.remembered
        )
        update.rule = "OPERATOR_DISPATCH"
        dispatching.begin(update)
        context.conclude(update, entry, accepted)
    else:
        context.conclude_without_incident("NO_OPEN_INCIDENT")


def _answered(context: InputContext, result: CallResult) -> Incident | None:
    """Return the incident whose outstanding call the result answers; it then concerns no other."""
    if result.direction != "OUTBOUND" or is_empty(result.command_id):
        return None
    for incident in context.state.incidents:
        if result.command_id == rounds.outstanding_id(incident):
            return incident if is_empty(result.incident_id) or result.incident_id == incident.incident_id else None
    return None


def _concerned(context: InputContext, result: CallResult) -> tuple[Incident, ...]:
    """Return the incidents that a callback concerns, FIRE first."""
    every = context.state.incidents
    if not is_empty(result.incident_id):
        named = tuple(known for known in every if known.incident_id == result.incident_id)
    elif result.command_id is not None and not is_empty(result.command_id):
        command = result.command_id
        named = tuple(known for known in every if command.startswith(known.incident_id))
    else:
        return every
    # A call for help that names an incident that is over goes to every open one.
    return named or (every if callbacks.is_call_for_help(result) else ())


def attention_without_incident(
    site_id: str, source: Source, reason: Literal["CALL_FOR_HELP", "FAILED"], *, covert: bool, now: Instant
) -> Attention:
    """Return the attention of a record that concerns no open incident; its id follows from the record's place."""
    return Attention(
        attention_id=identity.attention_id(identity.source_id(source), 1),
        incident_id=None,
        site_id=site_id,
        procedure=None,
        reason=reason,
        repeat=0,
        cause=reason,
        covert=covert,
        alert_kinds=(),
        alert_count=0,
        last_alert_at=None,
        raised_at=now,
    )


def _call_for_help(context: InputContext, result: CallResult) -> None:
    attention = attention_without_incident(
        context.site_id, context.cause.source, "CALL_FOR_HELP", covert=callbacks.is_duress(result), now=context.now
    )
    context.outputs.append(Output("attention", attention))
    context.conclude_without_incident("CALL_FOR_HELP", attention.attention_id)


def _quarantine(context: InputContext, alert: Alert, reason: QuarantineReason, missing: tuple[str, ...]) -> None:
    context.outputs.append(
        Output(
            "quarantine",
            Quarantined(
                site_id=alert.site_id,
                alert_id=alert.alert_id,
                reason=reason,
                missing=missing,
                at=context.now,
                alert=alert,
                input=context.cause.source,
                site_offset=context.site_offset,
            ),
        )
    )
