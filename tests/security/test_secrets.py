"""Secrets and personal data are planted wherever they may come by, and then looked for in all that is logged or shown.

Each of them has "xyzzy" in it, or is the phone, and stands for something that nobody but its owner may read: passwords
and keys of the settings; names, addresses and hashes of a site. They may be in the topics, and nowhere else.
"""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from prometheus_client import CollectorRegistry

from schemas.avro.records import encode
from service.pages import OperationPages
from service.readiness import ProcessReadiness
from sinks.settings import SinkSettings
from tests.conftest import Ran, Run
from tests.kafka.world import World, now_ms, worker
from tests.schemas.test_registry import Server
from tests.security.conftest import PARTITIONS, House
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

PLANTED = "xyzzy"
PHONE = "+33699990000"
NAME, LAST_NAME, LINE, CITY, NOTE = (f"{PLANTED}-{what}" for what in ("name", "last-name", "line", "city", "note"))
HASH, DURESS = f"$argon2id${PLANTED}-hash", f"$argon2id${PLANTED}-duress"
PASSWORD, KEY_PASSWORD, REGISTRY_USER, REGISTRY_PASSWORD = (
    f"{PLANTED}-{what}" for what in ("password", "key-password", "registry-user", "registry-password")
)
LOGIN = b64encode(f"{REGISTRY_USER}:{REGISTRY_PASSWORD}".encode()).decode()  # as it goes over HTTP


def clean(*told: str) -> None:
    """Nothing planted is shown."""
    for text in told:
        for secret in (PLANTED, PHONE[1:], LOGIN):
            assert secret not in text, text[max(0, text.index(secret) - 300) : text.index(secret) + 100]


def site(site_id: str, **fields: Any) -> dict[str, Any]:
    contact = {
        "contact_id": f"{site_id}-1", "role": "OWNER", "first_name": NAME, "last_name": LAST_NAME, "phone": PHONE,
        "password_hash": HASH, "duress_hash": DURESS,
    }  # fmt: skip
    return {
        "site_id": site_id,
        "subscribed": True,
        "contacts": [contact],
        "address": {"line1": LINE, "line2": None, "postal_code": "75001", "city": CITY, "country": "FR"},
        "instructions": NOTE,
        "intervention": {"enabled": True, "partners": ["guards"]},
        "updated_at": "2026-01-01T00:00:00Z",
        **fields,
    }


def bad_sites() -> list[str]:
    """Lines that are no sites, each because of something that nobody must read."""
    good = site("S9")
    contact, address = good["contacts"][0], good["address"]
    wrong: list[dict[str, Any]] = [
        {"contacts": NAME},
        {"contacts": [NAME]},
        {"contacts": [{**contact, "phone": [PHONE]}]},
        {"contacts": [{**contact, "phone": int(PHONE)}]},
        {"contacts": [{**contact, "role": [NAME]}]},
        {"contacts": [{**contact, "password_hash": {"hash": HASH}}]},
        {"contacts": [{**contact, "first_name": NAME * 2000}]},
        {"contacts": [{**contact, "contact_id": NAME * 20}]},
        {"address": LINE},
        {"address": {**address, "city": [CITY]}},
        {"instructions": [NOTE]},
        {"updated_at": NAME},
        {"intervention": {"enabled": NAME, "partners": []}},
        {"subscribed": NAME},
    ]
    lines = [json.dumps({**good, **one}) for one in wrong]
    return [*lines, f'{{"site_id": "{NAME}', f'"{NAME}"', json.dumps(good)[:-1] + f', "x": {NAME}}}', f"\x00{NAME}"]


@pytest.fixture
def registry() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def planted(house: House, registry: Server) -> dict[str, Any]:
    """Sections of settings full of secrets, all of which are needed."""
    address = registry.url.replace("//", f"//{REGISTRY_USER}:{REGISTRY_PASSWORD}@")
    certificate = house.broker.certificate("watched", KEY_PASSWORD)
    return {
        "kafka": {**certificate, "ssl.key.password": KEY_PASSWORD, "debug": "conf,security,broker"},
        "registry": {"url": address},
        "worker": {"host": "0.0.0.0"},
        "log": {"level": "debug"},
        "postgres": {"password": PASSWORD},
    }


def test_nothing_planted_is_told_while_everything_goes_on(
    house: House, world: World, run: Run, registry: Server, planted: dict[str, Any], tmp_path: Path
) -> None:
    user = house.broker.user("watched")._replace(password=f"{PLANTED}-{house.prefix}")
    house.broker.make(user)
    for role in ("worker", "sites"):
        house.allow(user, role)
    file = house.file(user, **planted)
    (tmp_path / "good.jsonl").write_text("\n".join(json.dumps(site(f"S{n}")) for n in range(3)), encoding="utf-8")
    (tmp_path / "bad.jsonl").write_text("\n".join(bad_sites()), encoding="utf-8")

    told = [run(*command, "--settings", file) for command in (("settings",), ("settings", "--json"))]
    told += [run("topics", "check", *option, "--settings", file) for option in ((), ("--json",))]
    for name, lines in (("good.jsonl", 0), ("bad.jsonl", len(bad_sites()))):
        for command in (("import", tmp_path / name, "--settings", file), ("check", tmp_path / name)):
            for option in ((), ("--json",)):
                done = run("sites", *command, *option)
                assert done.exit == (1 if lines else 0), done.err
                told.append(done)
    assert registry.asked
    registry.bad_day = lambda: (401, {"error_code": 40101, "message": f"no {REGISTRY_PASSWORD}"})
    # On another disk, nothing is known of the registry yet.
    another = house.file(user, **{**planted, "worker": {"data_dir": str(tmp_path / "another")}})
    refused = run("sites", "import", tmp_path / "good.jsonl", "--settings", another)
    assert (refused.exit, "check its address and credentials (registry.url)" in refused.err) == (1, True)
    registry.bad_day = None
    told.append(refused)

    with worker(file, TEST_RONDE_FAULT="core_input:1:raise") as process:
        process.wait_ready()
        sent = send_what_goes_wrong(world)
        calls = records(house, "calls", 1)
        letters = records(house, "dead-letters", sent)
        assert PHONE.encode() in calls[0].value()  # it has come by
        assert sum(NOTE.encode() in letter.value() for letter in letters) > 5
        pages = [process.page(page)[1] for page in ("metrics", "health", "ready")]
        told_otherwise(process)
        assert process.stop() == 0
        log = process.log.read_text(encoding="utf-8")
    told += looked_through(house, run, planted)
    headers = [{name: value.decode() for name, value in letter.headers()} for letter in letters]
    assert {one["dlq.reason"] for one in headers} == {"UNDECODABLE", "KEY_MISMATCH", "TOO_LONG", "FAILED"}
    assert len(log) > 10_000  # there was much to log
    clean(log, *pages, *(json.dumps(one) for one in headers), *(f"{done.out}\n{done.err}" for done in told))


def send_what_goes_wrong(world: World) -> int:
    """Records that end as dead letters, full of what is personal; how many."""
    good = {**site("S1"), "updated_at": now_ms()}
    poison = json.dumps(site("S1")).encode()
    for topic in ("sites", "alerts", "call-results", "dispatch-reports", "operator-actions"):
        world.put(topic, poison, "S1")
        world.put(topic, encode("Site", good)[:-5], "S1")
    world.put("sites", encode("Site", good), "S2")
    world.put("sites", encode("Site", {**good, "instructions": NOTE * 2000}), "S1")
    alert = {"alert_id": NAME, "site_id": "S1", "kind": "FIRE", "raised_at": now_ms(), "zone": LINE, "detail": NOTE}
    world.put("alerts", encode("Alert", {**alert, "alert_id": "A" * 129}), "S1")  # an id is shown to any reader
    world.put("alerts", encode("Alert", {**alert, "alert_id": "fails"}), "S1")  # the core is made to fail on it
    world.put("alerts", encode("Alert", {**alert, "alert_id": "A1"}), "S1")
    return 14


def looked_through(house: House, run: Run, planted: dict[str, Any]) -> list[Ran]:
    """What the commands tell that read whole topics, of dead letters above all."""
    file = house.file(house.broker.admin, **planted)
    listed = run("dlq", "list", "--json", "--settings", file)
    letters = {letter["reason"]: letter["id"] for letter in json.loads(listed.out)["letters"]}
    shown = [
        run("dlq", "show", name, *option, "--settings", file)
        for name in letters.values()
        for option in ((), ("--json",))
    ]
    assert {done.exit for done in shown} == {0}
    verified = run("verify", "--settings", file)
    assert verified.exit == 0, verified.err
    replayed = run("replay", "--site", "S1", "--settings", file)
    assert replayed.exit == 0, replayed.err
    return [listed, *shown, verified, replayed, run("dlq", "list", "--settings", file)]


def records(house: House, topic: str, number: int) -> list[Any]:
    """So many records of a topic, as they are."""
    settings = house.settings(house.broker.admin)
    consumer = Consumer({**settings.client("consumer"), "group.id": "any", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(settings.topic(topic), n, OFFSET_BEGINNING) for n in range(PARTITIONS)])
    found: list[Any] = []

    def read() -> bool:
        found.extend(message for message in consumer.consume(100, 0.1) if message.error() is None)
        return len(found) >= number

    eventually(read, f"{number} records of {topic}")
    consumer.close()
    return found


def told_otherwise(process: RondeProcess) -> None:
    """The pages are where the settings want them, and only when the settings say so for everybody."""
    sockets = psutil.Process(process.process.pid).net_connections("inet")
    assert [one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN] == ["0.0.0.0"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kafka": {"sasl.password": [PASSWORD]}},
        {"kafka": {"ssl.key.pem": PASSWORD, "security.protocol": "ssl"}},
        {"kafka": {"ssl.keystore.location": "/none", "ssl.keystore.password": PASSWORD}},
        {"kafka": {"sasl.oauthbearer.config": PASSWORD, "sasl.mechanism": "OAUTHBEARER", "linger.ms": -1}},
        {"kafka": {"sasl.pasword": PASSWORD}},
        {"kafka": PASSWORD},
        {"registry": {"url": f"{PASSWORD}@registry"}},
        {"registry": {"url": f"https://user:{PASSWORD}/@registry"}},
        {"registry": {"url": {"password": PASSWORD}}},
        {"postgres": {"password": [PASSWORD]}},
        {"postgres": {"pasword": PASSWORD}},
    ],
    ids=str,
)
@pytest.mark.parametrize("command", [("settings", "--json"), ("topics", "check")], ids=" ".join)
def test_settings_that_are_refused_keep_their_secrets(
    house: House, run: Run, wrong: dict[str, Any], command: tuple[str, ...]
) -> None:
    done = run(*command, "--settings", house.file(house.broker.admin, **wrong))
    assert (done.exit, done.out) == (2, "")
    assert "the settings cannot be used" in done.err
    clean(done.err)


def test_a_key_that_its_password_does_not_open(house: House, run: Run) -> None:
    certificate = house.broker.certificate("locked", KEY_PASSWORD)
    file = house.file(house.broker.admin, kafka={**certificate, "ssl.key.password": PASSWORD})
    done = run("topics", "check", "--settings", file)
    assert done.exit == 2
    assert "kafka.ssl.key.location" in done.err
    clean(done.err)


def test_pages_are_for_this_machine_alone_unless_told_otherwise(house: House) -> None:
    settings = house.settings(house.broker.admin)
    assert (settings.worker.host, SinkSettings().host) == ("127.0.0.1", "127.0.0.1")
    pages = OperationPages(SinkSettings().host, 0, ProcessReadiness(), CollectorRegistry())
    port = int(pages.address.rpartition(":")[2])
    try:
        with socket.socket() as other:  # the same port is free on every other address
            other.bind(("127.0.0.2", port))
    finally:
        pages.close()
