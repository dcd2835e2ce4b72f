"""Who takes part, and which topics each reads and writes: no more than its work needs (contracts.md, Topics).

Topics are named without their prefix. What is not here, nobody but an administrator may do.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from schemas.contract.topics import ENGINE_TOPICS, INPUT_TOPICS, OUTPUT_TOPICS


class Role(NamedTuple):
    """A kind of program, with the topics that it reads and writes.

    ``creates`` are topics of its own that it makes where they are missing, ``transactions`` the transactional ids
    (without prefix) that it writes by.
    """

    name: str
    work: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    creates: tuple[str, ...] = ()
    transactions: tuple[str, ...] = ()


_ALL: Final = (
    Role("worker", "decides", reads=(*INPUT_TOPICS, "state"), writes=(*OUTPUT_TOPICS, "state")),
    Role("telephony", "places calls", reads=("calls", "claims"), writes=("call-results", "claims")),
    Role(
        "desk",
        "calls, verifies passwords against their hashes, closes and dispatches",
        reads=(
            "sites", "alerts", "call-results", "dispatch-reports", "operator-actions",
            "calls", "dispatches", "attention", "decisions", "dead-letters",
            "signals", "claims", "desk-log",
        ),
        writes=("call-results", "operator-actions", "claims", "desk-log"),
    ),
    Role("partner", "sends guards", reads=("dispatches",), writes=("dispatch-reports",)),
    Role(
        "sink",
        "writes the ledger",
        reads=(
            "alerts", "call-results", "dispatch-reports", "operator-actions",
            "calls", "dispatches", "attention", "decisions", "readiness", "quarantine",
            "signals", "claims", "desk-log",
            "erasures",
        ),
        writes=(),
        creates=("erasures",),
    ),
    Role("sites", "holds the customers: the app, the CRM", reads=("readiness", "sites"), writes=("sites",)),
    Role("receiver", "receives alarms", reads=("transmitters", "signals"), writes=("signals", "alerts")),
    Role(
        "portal",
        "where customers configure their site; `ronde transmitters`",
        reads=("sites", "transmitters", "readiness"),
        writes=("sites", "transmitters"),
        transactions=("portal",),
    ),
    Role(
        "partners",
        "asks partners over HTTP, and takes their reports",
        reads=("dispatches",),
        writes=("dispatch-reports", "desk-log"),
    ),
    Role(
        "seal",
        "keeps the hash of every record in a signed tree",
        reads=(
            "decisions", "calls", "call-results", "dispatches", "dispatch-reports", "operator-actions", "alerts",
            "attention", "signals", "quarantine",
            "erasures",
        ),
        writes=(),
    ),
    Role(
        "watchdog",
        "watches all of it from another machine",
        reads=(
            "alerts", "call-results", "dispatch-reports", "operator-actions",
            "calls", "dispatches", "attention", "decisions", "readiness", "quarantine", "dead-letters",
            "claims",
        ),
        writes=("call-results", "claims"),
    ),
    Role(
        "engineer",
        "looks and mends by hand: `ronde verify`, `replay`, `quarantined`, `dlq`, `send`",
        reads=ENGINE_TOPICS,
        writes=(*INPUT_TOPICS, "dead-letters"),
        transactions=("dead-letters/settlement",),
    ),
)  # fmt: skip

ROLES: Final[Mapping[str, Role]] = MappingProxyType({role.name: role for role in _ALL})
