"""What passes by itself, as a failover of PostgreSQL or a process that was asleep, and what does not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import psycopg
import pytest
from confluent_kafka import KafkaError

from edges.errors import EdgeError
from edges.kafka.framing import Framing
from edges.partners import intake
from edges.partners.api_partners import ApiPartners
from edges.partners.intake import Intake
from edges.portal import relay
from edges.portal.relay import Relay, RelaySettings
from edges.settings import Connection
from schemas.avro.errors import RegistryRefused, RegistryUnreachable
from service.postgres_settings import PostgresSettings
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from confluent_kafka import Message

NOWHERE: Final = Connection("none.", "none", 1, {"bootstrap.servers": "127.0.0.1:1"}, {})
ERRORS: Final = (
    psycopg.errors.AdminShutdown,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.UndefinedTable,
)


def a_relay(away: list[str]) -> Relay:
    settings = RelaySettings("a", NOWHERE, PostgresSettings())
    return Relay(settings, dict, lambda thing, _reason: away.append(thing))


def an_intake(away: list[str]) -> Intake:
    return Intake(
        NOWHERE,
        PostgresSettings(),
        lambda data: data,
        ApiPartners(Path("tokens.json"), Path("users.json")),
        stored=lambda _count: None,
        report=lambda thing, _reason: away.append(thing),
    )


@pytest.mark.slow
@pytest.mark.parametrize(("module", "make"), [(relay, a_relay), (intake, an_intake)])
def test_a_thread_goes_on(module: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = iter([error("said by PostgreSQL") for error in ERRORS] + [EdgeError("enough")])

    def fail(*_values: Any) -> Any:
        raise next(errors)

    monkeypatch.setattr(module, "connect", fail)
    monkeypatch.setattr(module, "EDGE_SECONDS", 0.01)
    away: list[str] = []
    thread = make(away)
    thread.start()
    try:
        eventually(lambda: thread.failure is not None, "what does not pass ends it")
        assert isinstance(thread.failure, EdgeError)
        assert away == ["postgres"] * len(ERRORS)
    finally:
        thread.stop(5.0)


class _Refusal:
    """What librdkafka hands out in place of a record."""

    def error(self) -> KafkaError:
        return KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)

    def partition(self) -> None:
        """Of no partition."""


def test_who_may_not_read_as_a_group_is_told_the_rules_of_that_group() -> None:
    reading = an_intake([])
    with pytest.raises(EdgeError, match=r"`ronde topics acl --role partners --group none`"):
        reading._good(cast("list[Message]", [_Refusal()]), {})


def test_a_registry_that_is_away_is_asked_again_and_one_that_refuses_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    framing = Framing(NOWHERE)
    answers = iter([RegistryUnreachable("away"), RegistryRefused("not compatible")])

    def writer(_topic: str) -> Any:
        raise next(answers)

    monkeypatch.setattr(framing, "writer", writer)
    monkeypatch.setattr("edges.kafka.framing.REGISTRY_SECONDS", 0.0)
    said: list[str | None] = []
    with pytest.raises(EdgeError, match="not compatible"):
        asyncio.run(framing.writers(("claims",), said.append))
    assert said == ["away"]
