"""What is wrong with how somebody comes to the broker is reported at once, once, and with what to do."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # they are documented there
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from streams.kafka import admin
from tests.conftest import Ran, Run
from tests.kafka.world import worker
from tests.machine import stretched
from tests.security.broker import User
from tests.security.conftest import House
from tests.support.waiting import eventually

COMMANDS = (("topics", "check"), ("worker",), ("sites", "import", "SITES"))


@pytest.fixture
def attempt(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command with settings that cannot work; it must say so without waiting for better."""
    monkeypatch.setattr(admin, "ANSWER_SECONDS", 90.0)
    (tmp_path / "sites.jsonl").write_text("", encoding="utf-8")

    def command(arguments: tuple[str, ...], file: Path) -> Ran:
        begun = time.monotonic()
        done = run(*(tmp_path / "sites.jsonl" if one == "SITES" else one for one in arguments), "--settings", file)
        assert time.monotonic() - begun < stretched(30)
        assert (done.exit, done.out) == (1, "")
        assert "Traceback" not in done.err
        return done

    return command


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_wrong_password(house: House, attempt: Any, arguments: tuple[str, ...]) -> None:
    user = house.broker.user("worker")._replace(password="not-it")
    said = attempt(arguments, house.file(user)).err
    assert said.count("\n") == 1
    assert f"the broker at {house.broker.servers} does not accept our credentials" in said
    assert "invalid credentials with SASL mechanism SCRAM-SHA-512" in said
    assert "Correct kafka.sasl.username, kafka.sasl.password and kafka.sasl.mechanism" in said
    assert "not-it" not in said


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_certificate_that_nobody_we_trust_signed(house: House, attempt: Any, arguments: tuple[str, ...]) -> None:
    untrusting = {"ssl.ca.location": str(house.broker.another_authority)}
    said = attempt(arguments, house.file(house.broker.admin, kafka=untrusting)).err
    assert said.count("\n") == 1
    assert f"the broker at {house.broker.servers} cannot be trusted" in said
    assert "certificate verify failed" in said
    assert "Name the authority that signed its certificate in kafka.ssl.ca.location" in said


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_user_without_rights(house: House, attempt: Any, arguments: tuple[str, ...]) -> None:
    said = attempt(arguments, house.file(house.broker.user("stranger"))).err
    role, topic = ("sites", "sites") if arguments[0] == "sites" else ("worker", "alerts")
    assert f"the broker at {house.broker.servers} does not let us" in said
    if arguments == ("topics", "check"):  # it names the first of all topics, those of the edges too
        assert "this takes an administrator of the broker" in said
    else:
        assert f"topic {house.prefix}{topic}" in said
        assert f"`ronde topics acl --role {role} --principal User:NAME --apply`" in said


def test_a_mechanism_that_the_broker_does_not_have(house: House, attempt: Any) -> None:
    said = attempt(("topics", "check"), house.file(house.broker.admin, kafka={"sasl.mechanism": "PLAIN"})).err
    assert "broker's supported mechanisms: SCRAM-SHA-512" in said
    assert "kafka.sasl.mechanism" in said


def test_a_listener_that_speaks_another_protocol(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker just closes the connection, so this takes as long as waiting for one that is away."""
    monkeypatch.setattr(admin, "ANSWER_SECONDS", 1.0)
    done = run(
        "topics", "check", "--settings", house.file(house.broker.admin, kafka={"security.protocol": "plaintext"})
    )
    assert done.exit == 1
    assert "Disconnected" in done.err
    assert "see whether that listener speaks PLAINTEXT (kafka.security.protocol)" in done.err


def withdraw(house: House, user: User, log: logging.Logger, resource: str, name: str) -> None:
    """Take one right away again."""
    client = AdminClient(house.settings(house.broker.admin).client("admin"), logger=log)
    one = AclBindingFilter(
        ResourceType[resource], name, ResourcePatternType.ANY, user.principal, "*",
        AclOperation.WRITE, AclPermissionType.ALLOW,
    )  # fmt: skip
    (removed,) = (answer.result() for answer in client.delete_acls([one]).values())
    assert len(removed) == 1
    eventually(lambda: not client.describe_acls(one).result(), "the right is gone")


@pytest.mark.usefixtures("topics")
def test_one_right_that_lacks_is_named_alone(house: House, attempt: Any, client_log: logging.Logger) -> None:
    user = house.admit("worker")
    withdraw(house, user, client_log, "TOPIC", f"{house.prefix}state")
    said = attempt(("worker",), house.file(user)).err.splitlines()
    assert said[0].endswith("does not let us do all that the role worker needs:")
    assert said[1:-1] == [f"  topic {house.prefix}state: write"]


@pytest.mark.usefixtures("topics")
def test_transactions_that_are_not_allowed_end_the_worker(house: House, client_log: logging.Logger) -> None:
    user = house.admit("worker")
    withdraw(house, user, client_log, "TRANSACTIONAL_ID", f"{house.prefix}workers-")
    with worker(house.file(user)) as process:
        assert process.wait() == 1
        said = process.log.read_text(encoding="utf-8").splitlines()[-1]
        assert said.startswith("ronde: ")
        assert "Transactional Id authorization failed" in said
        assert "`ronde topics acl --role worker --principal User:NAME --apply`" in said
