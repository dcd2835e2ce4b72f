"""Access rules on the broker: made by its administrator, once each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.kafka.admin import ANSWER_SECONDS, Admin, BrokerError

if TYPE_CHECKING:
    from confluent_kafka.admin import AclBinding  # type: ignore[attr-defined]  # it is documented there

    from streams.kafka.acl import Grant
    from streams.settings import Settings


class CreationCounts(NamedTuple):
    """How many rules were made, how many were there, and how many the principal has beside them."""

    made: int
    there: int
    others: int


def create(settings: Settings, grants: Iterable[Grant], principal: str) -> CreationCounts:
    """Allow a principal all of this.

    Raises `BrokerError`: the broker cannot be reached, keeps no such rules, or does not take them from us.
    """
    from confluent_kafka import KafkaError  # noqa: PLC0415 - heavy

    admin = Admin(settings)
    there = _there(admin, principal)
    wanted = {rule for grant in grants for rule in _rules(grant, principal)}
    missing = sorted(wanted - there)
    created = CreationCounts(len(missing), len(wanted & there), len(there - wanted))
    if not missing:
        return created
    requests = admin.client.create_acls(missing, request_timeout=ANSWER_SECONDS)
    for rule, outcome in admin.outcomes(requests).items():
        if isinstance(outcome, KafkaError):
            if outcome.name() == "SECURITY_DISABLED":
                raise BrokerError(
                    f"the broker at {admin.servers} keeps no access rules, everybody may do everything: give it "
                    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer and super.users"
                )
            raise admin.error(f"access rules, as for {rule.name}", outcome)
    admin.wait_until(lambda: wanted <= _there(admin, principal), "took the access rules")
    return created


def _there(admin: Admin, principal: str) -> set[AclBinding]:
    """The rules of a principal; none where the broker does not show them."""
    from confluent_kafka import KafkaError  # noqa: PLC0415 - heavy
    from confluent_kafka.admin import (  # type: ignore[attr-defined] # noqa: PLC0415 - heavy
        AclBindingFilter,
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
    )

    anything: Any = None
    every = AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        principal,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    requests = admin.client.describe_acls(every, request_timeout=ANSWER_SECONDS)
    rules = admin.outcomes({"rules": requests})["rules"]
    return set() if isinstance(rules, KafkaError) else set(rules)


def _rules(grant: Grant, principal: str) -> list[AclBinding]:
    from confluent_kafka.admin import (  # type: ignore[attr-defined] # noqa: PLC0415 - heavy
        AclBinding,
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
    )

    return [
        AclBinding(
            ResourceType[grant.resource.upper().replace("-", "_")],
            grant.name,
            ResourcePatternType[grant.pattern.upper()],
            principal,
            "*",
            AclOperation[operation],
            AclPermissionType.ALLOW,
        )
        for operation in grant.operations
    ]
