"""What the portal's errors mean over HTTP."""

from __future__ import annotations

from typing import Final

from edges.portal.changes import Fault, Refused
from edges.web.problems import INVALID, NOT_FOUND, FieldError, Problem, ProblemKind

REVISION_REQUIRED: Final = ProblemKind(
    428, "REVISION_REQUIRED", 'Say which revision you change: If-Match: "<revision>", as the last answer has it.'
)
REVISION_STALE: Final = ProblemKind(
    412, "REVISION_STALE", "It was changed since: read it again, and repeat your change if it is still due."
)
EXISTS: Final = ProblemKind(409, "EXISTS", "There is a site of this id already.")
IS_A_CONTACT: Final = ProblemKind(409, "IS_A_CONTACT", "The person is a contact of the site: choose another one first.")
NOT_AN_OWNER: Final = ProblemKind(422, "NOT_AN_OWNER", "The contact must be an owner of this site.")
NOT_A_MEMBER: Final = ProblemKind(422, "NOT_A_MEMBER", "The contact must be a member of this site.")
NO_WRAPPING_KEY: Final = ProblemKind(
    503, "NO_WRAPPING_KEY", "This portal cannot encrypt keys: receiver.wrapping_key is not set."
)

NO_LEDGER: Final = ProblemKind(
    409, "NO_LEDGER", "The portal's database has no ledger, so nothing is known of incidents."
)
INCIDENT_OPEN: Final = ProblemKind(409, "INCIDENT_OPEN", "Only an incident that is over can be released.")

_BY_FAULT: Final = {
    Fault.NOT_AN_OWNER: NOT_AN_OWNER,
    Fault.NOT_A_MEMBER: NOT_A_MEMBER,
    Fault.IS_A_CONTACT: IS_A_CONTACT,
    Fault.NO_SUCH_PERSON: NOT_FOUND,
    Fault.INVALID: INVALID,
}


def problem_of(refused: Refused) -> Problem:
    """The answer to a change that was refused."""
    errors = [] if refused.field is None else [FieldError(field=refused.field, message=str(refused))]
    return _BY_FAULT[refused.fault].error(errors=errors)
