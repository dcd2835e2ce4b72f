"""What a desk refuses, with the codes of its API (docs/desk.md)."""

from __future__ import annotations

from typing import Final

from edges.web.problems import ProblemKind

HELD: Final = ProblemKind(409, "HELD", "Somebody else holds it.")
NOT_HELD: Final = ProblemKind(409, "NOT_HELD", "You do not hold it: take it first.")
OVER: Final = ProblemKind(409, "OVER", "There is nothing to take: it was answered, withdrawn, seen, or has expired.")
STALE: Final = ProblemKind(503, "STALE", "What this desk has read of that home is older than 5 s.")
NO_TRIES_LEFT: Final = ProblemKind(409, "NO_TRIES_LEFT", "Three words were tried in this call.")
TOO_MANY_WRONG_WORDS: Final = ProblemKind(
    403, "TOO_MANY_WRONG_WORDS", "Ten wrong words were tried for this home within an hour: a supervisor may go on."
)
UNREADABLE_HASH: Final = ProblemKind(
    422, "UNREADABLE_HASH", "The word of this contact was hashed in a way that this desk does not know."
)
NO_CONTACT: Final = ProblemKind(422, "NO_CONTACT", "The home has no such contact: say who is calling.")
NOT_VERIFIED: Final = ProblemKind(409, "NOT_VERIFIED", "The last word that was tried in this call does not say so.")
DURESS: Final = ProblemKind(409, "DURESS", "The word for threat was spoken: that is the answer to this call.")
EXPIRED: Final = ProblemKind(409, "EXPIRED", "The call is over; that nobody answered it is known.")
CHANGED: Final = ProblemKind(409, "CHANGED", "Something has happened that you have not seen yet. Look again.")
SUPERVISOR_ONLY: Final = ProblemKind(403, "FORBIDDEN", "Only a supervisor may do this.")
