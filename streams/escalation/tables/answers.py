"""The answer to the outstanding call: the table of procedure.md §4, row by row."""

from typing import Final, NamedTuple

from streams.escalation import dispatching, rounds
from streams.escalation.incident_update import IncidentUpdate
from streams.escalation.names import Outcome, Situation
from streams.escalation.tables.table import Row, Table, always


class Answer(NamedTuple):
    """The answer to the outstanding call."""

    outcome: Outcome
    situation: Situation


# A call that timed out takes the same rows.
TIMED_OUT: Final = Answer("NO_ANSWER", "UNKNOWN")


def _close(update: IncidentUpdate, _answer: Answer) -> None:
    update.close()


def _dispatch_covertly(update: IncidentUpdate, _answer: Answer) -> None:
    update.note_duress()
    dispatching.begin(update)


ANSWERS: Final = Table[Answer](
    "answers",
    (
        Row(
            ("CALLING", "CONFIRMING"),
            "1: outcome DURESS_CODE",
            lambda _, answer: answer.outcome == "DURESS_CODE",
            "DURESS",
            _dispatch_covertly,
        ),
        Row(
            ("CALLING", "CONFIRMING"),
            "2: situation ABNORMAL, outcome not NO_ANSWER",
            lambda _, answer: answer.situation == "ABNORMAL" and answer.outcome != "NO_ANSWER",
            "CONFIRMED_ABNORMAL",
            dispatching.begin,
        ),
        Row(
            ("CALLING", "CONFIRMING"),
            "3: IDENTIFIED, NORMAL",
            lambda _, answer: answer == ("IDENTIFIED", "NORMAL"),
            "RESOLVED",
            _close,
        ),
        Row(
            ("CONFIRMING",),
            "4: not (IDENTIFIED, UNKNOWN)",
            lambda _, answer: answer != ("IDENTIFIED", "UNKNOWN"),
            "CONFIRMATION_FAILED",
            dispatching.begin,
        ),
        Row(
            ("CALLING",),
            "5: the procedure confirms, round 2, WRONG_CODE, NORMAL",
            lambda update, answer: (
                answer == ("WRONG_CODE", "NORMAL") and update.incident.round == 2 and update.incident.procedure.confirms
            ),
            "CODE_REPEAT_ASKED",
            rounds.ask_again,
        ),
        Row(
            ("CALLING", "CONFIRMING"),
            "6: a contact is left in the round",
            lambda update, _: rounds.has_contact_left(update.incident),
            "NEXT_CONTACT",
            rounds.call_next,
        ),
        Row(
            ("CALLING",),
            "7: round 1",
            lambda update, _: update.incident.round == 1,
            "WAIT_STARTED",
            rounds.wait,
        ),
        Row(
            ("CALLING", "CONFIRMING"),
            "8: round 2",
            always,
            "NOBODY_REACHED",
            dispatching.begin,
        ),
    ),
)
