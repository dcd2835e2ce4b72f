"""What the broker lets us do, asked before work begins: a missing right is named at once.

Without asking, a consumer that may not read waits for ever, and a producer that may not write fails in the middle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from service.pauses import KAFKA_SECONDS
from streams.kafka.acl import Grant
from streams.kafka.admin import Admin, BrokerError, remedy

if TYPE_CHECKING:
    from streams.settings import Settings

# Without it the worker goes on, and says so: the group's time-outs are the broker's then.
_SPARED: Final = frozenset({"ALTER_CONFIGS"})

_PASSING: Final = frozenset({"COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR"})
_PATIENCE_SECONDS: Final = 5.0  # with a broker that is still finding out who keeps a group


def require(settings: Settings, role: str, grants_needed: Collection[Grant]) -> frozenset[str]:
    """Ask whether all of this is allowed; the topics among it (by name on the broker) that are there.

    What the broker does not say counts as allowed: of a topic that is not there, of transactional ids.
    Raises `BrokerError`, which names all that lacks.
    """
    admin = Admin(settings, role)
    topics = _allowed(admin, _of(grants_needed, "topic"), admin.describe_topics)
    groups = _allowed(admin, _of(grants_needed, "group"), admin.describe_groups)
    lacking = []
    for grant in grants_needed:
        allowed = {"topic": topics, "group": groups}.get(grant.resource, {}).get(grant.name)
        operations = [] if allowed is None else sorted(set(grant.operations) - allowed - _SPARED)
        if operations:
            lacking.append(f"  {grant.resource} {grant.name}: {', '.join(map(_word, operations))}")
    if lacking:
        raise BrokerError(
            f"the broker at {admin.servers} does not let us do all that the role {role} needs:\n"
            + "\n".join(lacking)
            + f"\n{remedy(role)}"
        )
    return frozenset(topics)


def _of(grants_needed: Iterable[Grant], resource: str) -> list[str]:
    return [grant.name for grant in grants_needed if grant.resource == resource]


def _allowed(
    admin: Admin, names: list[str], describe: Callable[[list[str]], Mapping[str, Future[Any]]]
) -> dict[str, frozenset[str] | None]:
    """By name, what is allowed on each that is there; None: the broker does not say."""
    from confluent_kafka import KafkaError  # noqa: PLC0415 - heavy

    operations_of: dict[str, frozenset[str] | None] = {}
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while names:
        again = []
        for name, outcome in admin.outcomes(describe(names)).items():
            if not isinstance(outcome, KafkaError):
                operations = outcome.authorized_operations
                operations_of[name] = frozenset(operation.name for operation in operations) if operations else None
            elif outcome.name().endswith("_AUTHORIZATION_FAILED"):
                operations_of[name] = frozenset()
            elif outcome.name() in _PASSING and time.monotonic() < give_up:
                again.append(name)
        names = again
        if names:
            time.sleep(KAFKA_SECONDS)
    return operations_of


def _word(operation: str) -> str:
    return operation.lower().replace("_", " ")
