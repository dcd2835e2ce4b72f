"""What the disk knows of a registry's schemas, compared with the registry by a process of a later release."""

from __future__ import annotations

import json
from collections.abc import Callable

import schemas
from service.registry import Registry
from tests.schemas.test_registry import Server, connect, server

__all__ = ["connect", "server"]


def test_a_release_that_only_says_it_better_gets_another_id_of_the_same_registry(
    server: Server, connect: Callable[[], Registry]
) -> None:
    """The registry tells apart what differs in its docs alone; the id of before names the schema as well as ever."""
    before, now = schemas.load("Decision"), {**schemas.load("Decision"), "doc": "What the core decided, and why."}
    assert connect().id_of("s", before) == 1
    server.bad_day = lambda: (500, {})
    upgraded = connect()
    assert upgraded.id_of("s", now) == 1
    server.bad_day = None
    assert (upgraded.changes(), upgraded.is_confirmed) == ([], True)
    restarted = connect()
    assert restarted.id_of("s", now) == 2
    assert (restarted.take_warnings(), restarted.changes(), upgraded.changes()) == ([], [], [])


def test_what_only_the_disk_knows_is_compared_with_the_registry_once(
    server: Server, connect: Callable[[], Registry]
) -> None:
    """An id that the registry does not know is as settled as one that it does: nobody waits for its word."""
    server.schemas[7] = {"schema": json.dumps(schemas.load("Alert"))}
    connect().schema(7)
    server.schemas = {}
    server.bad_day = lambda: (500, {})
    started_without = connect()
    started_without.schema(7)
    assert not started_without.is_confirmed
    server.bad_day = None
    assert (started_without.changes(), started_without.is_confirmed) == ([], True)
