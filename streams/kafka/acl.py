"""Roles as the broker's access rules: what a principal of each role is allowed, no more (`schemas.contract.roles`).

To read or to write a topic includes, in Kafka, to see it; to read as a group, to see the group.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, Literal, NamedTuple, TypeAlias

from schemas.contract.roles import Role
from schemas.contract.topics import ENGINE_TOPICS, TOPICS

Resource: TypeAlias = Literal["topic", "group", "transactional-id"]
Pattern: TypeAlias = Literal["literal", "prefixed"]
Operation: TypeAlias = Literal["READ", "WRITE", "CREATE", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"]

# kafka-acls asks for it where the broker wants to know who calls.
COMMAND_CONFIG: Final = "admin.properties"


class Grant(NamedTuple):
    """Operations that are allowed on one thing of the broker; ``name`` is its name there, or how it begins."""

    resource: Resource
    name: str
    pattern: Pattern
    operations: tuple[Operation, ...]


def grants(role: Role, prefix: str, group: str) -> list[Grant]:
    """What a role needs on topics of this prefix, reading as ``group``."""
    uses: tuple[tuple[Operation, tuple[str, ...]], ...] = (
        ("READ", role.reads),
        ("WRITE", role.writes),
        ("CREATE", role.creates),
    )
    allowed: dict[str, list[Operation]] = {}
    for operation, topics in uses:
        for topic in topics:
            allowed.setdefault(topic, []).append(operation)
    if role.name == "worker":  # compares its topics with the contract before it starts
        for topic in ENGINE_TOPICS:
            allowed[topic].append("DESCRIBE_CONFIGS")
    elif role.name == "engineer":  # compares all of them: `ronde topics check`
        for topic in TOPICS:
            allowed.setdefault(topic, ["DESCRIBE"]).append("DESCRIBE_CONFIGS")
    found = [Grant("topic", f"{prefix}{topic}", "literal", tuple(allowed[topic])) for topic in sorted(allowed)]
    if role.name == "worker":
        # It tells the group when a silent member counts as dead; its transactions are named after group and worker.
        found.append(Grant("group", group, "literal", ("READ", "ALTER_CONFIGS")))
        found.append(Grant("transactional-id", f"{group}-", "prefixed", ("WRITE",)))
    elif role.name == "engineer":  # looks up to where the workers' group has read, and joins none
        found.append(Grant("group", group, "literal", ("DESCRIBE",)))
    elif role.reads:
        found.append(Grant("group", group, "literal", ("READ",)))
    found += [Grant("transactional-id", f"{prefix}{name}", "literal", ("WRITE",)) for name in role.transactions]
    return found


def own_group(role: Role, prefix: str, principal: str) -> str:
    """The group that a principal outside of ronde reads as: its own, so that nobody else's place can be moved."""
    return f"{prefix}{role.name}.{principal.partition(':')[2]}"


def commands(grants: Iterable[Grant], principal: str, servers: str) -> Iterator[str]:
    """The same as commands of Kafka's own tool, one for all that is allowed alike."""

    def alike(grant: Grant) -> tuple[str, ...]:
        return (grant.resource, grant.pattern, *grant.operations)

    for _, same in groupby(sorted(grants, key=alike), alike):
        some = list(same)
        first = some[0]
        words = [["kafka-acls", "--bootstrap-server", servers, "--command-config", COMMAND_CONFIG]]
        words.append(["--add", "--allow-principal", principal])
        words.append([word for operation in first.operations for word in ("--operation", _word(operation))])
        words += [[f"--{first.resource}", grant.name] for grant in some]
        if first.pattern != "literal":
            words.append(["--resource-pattern-type", first.pattern])
        yield " \\\n    ".join(map(shlex.join, words))


def _word(operation: Operation) -> str:
    """An operation as Kafka's tool spells it."""
    return operation.title().replace("_", "")
