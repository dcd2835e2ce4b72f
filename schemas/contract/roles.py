"""Who takes part, and which topics each reads and writes: no more than its work needs (contracts.md, Topics).

Topics are named without their prefix. What is not here, nobody but an administrator may do.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from schemas.contract.topics import INPUT_TOPICS, OUTPUT_TOPICS


class Role(NamedTuple):
    """One kind of program. ``creates`` are topics of its own that it makes where they are missing."""

    name: str
    work: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    creates: tuple[str, ...] = ()


_ALL: Final = (
    Role("worker", "decides", reads=(*INPUT_TOPICS, "state"), writes=(*OUTPUT_TOPICS, "state")),
    Role("telephony", "places calls", reads=("calls",), writes=("call-results",)),
    Role(
        "desk",
        "calls, verifies passwords against their hashes, closes and dispatches",
        reads=("calls", "attention", "decisions", "sites"),
        writes=("call-results", "operator-actions"),
    ),
    Role("partner", "sends guards", reads=("dispatches",), writes=("dispatch-reports",)),
    Role(
        "sink",
        "writes the ledger",
        reads=(
            "alerts", "call-results", "dispatch-reports", "operator-actions",
            "calls", "dispatches", "attention", "decisions", "readiness", "quarantine",
            "erasures",
        ),
        writes=(),
        creates=("erasures",),
    ),
    Role("sites", "holds the customers: the app, the CRM", reads=("readiness", "sites"), writes=("sites",)),
    Role("receiver", "receives alarms", reads=(), writes=("alerts",)),
)  # fmt: skip

ROLES: Final[Mapping[str, Role]] = MappingProxyType({role.name: role for role in _ALL})
