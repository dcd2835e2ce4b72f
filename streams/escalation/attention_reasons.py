"""Why a person must look at an incident: the reasons of an attention (procedure.md §8 lists the same names)."""

from typing import Final, Literal, TypeAlias, get_args

AttentionReason: TypeAlias = Literal[
    "INTERVENTION_DISABLED",  # handed over: the site's customer wants no guard
    "NO_PARTNER",  # handed over: no partner is known
    "NO_PARTNER_LEFT",  # handed over: every partner rejected, or was silent
    "CANCEL_UNCONFIRMED",  # handed over: a partner may be on the way though it was asked not to be
    "PARTNER_SILENT",  # the first time-out of a dispatch
    "PARTNER_LATE",  # accepted, and not there in time
    "UNCLOSED",  # on site, and no report in time
    "CLOSED_UNAWARE",  # handed over: the guard went without knowing everything
    "CLOSED_UNVISITED",  # handed over: nobody was there
    "DURESS",  # somebody acts under threat
    "RUNAWAY",  # an incident has more alerts than a person raises
    "CALL_FOR_HELP",  # a call for help while no incident is open
    "FAILED",  # the core raised an error, or a state was set aside
]
ATTENTION_REASONS: Final[tuple[AttentionReason, ...]] = get_args(AttentionReason)
