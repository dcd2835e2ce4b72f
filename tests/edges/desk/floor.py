"""A floor of operators: desks as processes, and who works at them over HTTP as a page does."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from argon2 import PasswordHasher
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from edges.values import CONSTRUCTORS
from edges.web import accounts, tokens
from edges.web.files import write_model
from edges.web.values import write_instant
from schemas.avro.decoder import decoder
from schemas.contract.topics import TOPICS
from tests.conftest import SettingsFile
from tests.kafka.world import World
from tests.support.ronde_process import RONDE, RondeProcess
from tests.support.waiting import PATIENCE, eventually

PARTITIONS: Final = 3
PASSWORD: Final = "a long night shift"
CHEAP: Final = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
WORD: Final = "corail"
THREAT: Final = "azur"
_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # httpx would read all authorities for each client
ANSWERED_SECONDS: Final = 3.5  # 3 s, and what a loaded machine adds


def people(folder: Path, **roles: accounts.Role) -> None:
    """Make accounts, whose hashes are cheap."""
    made = datetime.now(UTC).replace(microsecond=0)
    users = tuple(
        accounts.Account(
            name=name,
            role=role,
            sites=("S1",) if role == "customer" else (),
            password=CHEAP.hash(PASSWORD),
            created_at=made,
        )
        for name, role in roles.items()
    )
    write_model(folder / "users.json", accounts.Accounts(users=users))


def contacts(site_id: str, count: int = 2) -> list[dict[str, Any]]:
    """Contacts whose words are `WORD` and `THREAT`."""
    return [
        {
            "contact_id": f"{site_id}-{number}",
            "role": "OWNER",
            "first_name": ("Hélène", "Bob", "Cleo")[number],
            "last_name": "Durand",
            "phone": f"+3363998000{number}",
            "password_hash": CHEAP.hash(WORD),
            "duress_hash": CHEAP.hash(THREAT),
            "language": "fr",
        }
        for number in range(count)
    ]


class DeskProcess(RondeProcess):
    """One desk."""

    def __init__(
        self, name: str, settings_file: SettingsFile, folder: Path, python: Sequence[str] = RONDE, **sections: Any
    ) -> None:
        settings = settings_file(
            topics={"partitions": PARTITIONS},
            desk={"id": name, "port": 0, "pages_port": 0, "data_dir": str(folder / name)},
            web={
                "users_file": str(folder / "users.json"),
                "tokens_file": str(folder / "tokens.json"),
                "session_key": "k" * 32,
            },
            **sections,
        )
        super().__init__(name, ["desk", "--settings", settings], settings.with_suffix(f".{name}.log"), python)
        self._folder = folder
        self._clients: list[OperatorClient] = []

    def wait_listening(self) -> str:
        """Its address, once it has read everything."""

        def probe() -> str | None:
            assert self.is_alive, self.tail()
            return self.field("desk listens", "address")

        address: str = eventually(probe, f"{self.name} listens", PATIENCE)
        return address

    def operator(self, name: str) -> OperatorClient:
        """Somebody who has signed in."""
        return self._keep(OperatorClient(self.wait_listening(), name))

    def machine(self, name: str) -> OperatorClient:
        """A program with a token."""
        token = tokens.add(self._folder / "tokens.json", name, ("desk",))
        return self._keep(OperatorClient(self.wait_listening(), name, token))

    def _keep(self, client: OperatorClient) -> OperatorClient:
        self._clients.append(client)
        return client

    def close(self) -> None:
        """End it, and all who work at it."""
        for client in self._clients:
            client.http.close()
        self.kill()


class OperatorClient:
    """An operator at a desk."""

    def __init__(self, address: str, name: str, token: str | None = None) -> None:
        self.name = name
        headers = {"origin": address} if token is None else {"authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=address, headers=headers, timeout=30, verify=_NO_TLS)
        if token is None:
            answer = self.http.post("/v1/session", json={"name": name, "password": PASSWORD})
            assert answer.status_code == 200, answer.text

    def work(self) -> list[dict[str, Any]]:
        answer = self.http.get("/v1/work")
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()
        return items

    def wait_item(self, fits: Callable[[dict[str, Any]], Any], what: str = "an item") -> dict[str, Any]:
        """The first item that fits."""
        item: dict[str, Any] = eventually(
            lambda: next((item for item in self.work() if fits(item)), None), f"{what} for {self.name}"
        )
        return item

    def wait_call(self, site_id: str, round_: int = 1, position: int = 1, item: str = "CALL") -> dict[str, Any]:
        return self.wait_item(
            lambda found: (
                (found["site_id"], found["item"], found["round"], found["position"])
                == (site_id, item, round_, position)
            ),
            f"{item} {round_}.{position} of {site_id}",
        )

    def post(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return self.http.post(path, json=body)

    def take(self, subject: str, *, over: bool = False) -> httpx.Response:
        return self.post(f"/v1/work/{subject}/take", {"over": True} if over else None)

    def word(self, command_id: str, word: str) -> httpx.Response:
        return self.post(f"/v1/calls/{command_id}/word", {"word": word})

    def result(self, command_id: str, outcome: str, situation: str = "UNKNOWN", **more: Any) -> httpx.Response:
        body = {"outcome": outcome, "situation": situation, "at": now(), **more}
        return self.http.put(f"/v1/calls/{command_id}/result", json=body)

    def incident(self, incident_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/v1/incidents/{incident_id}")
        assert answer.status_code == 200, answer.text
        incident: dict[str, Any] = answer.json()
        return incident


def stream(ann: OperatorClient, last_id: str | None = None) -> Generator[tuple[str, str, dict[str, Any]], None, None]:
    """Events as they come: id, name, data."""
    headers = {"last-event-id": last_id} if last_id else {}
    with ann.http.stream("GET", "/v1/events", headers=headers, timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in answer.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "event" in fields:
                yield fields.get("id", ""), fields["event"], json.loads(fields["data"])
                fields = {}


def written(world: World, topic: str) -> list[Any]:
    """All that desks have written to a topic."""
    settings = world.settings
    consumer = Consumer(
        {
            **settings.client("consumer"),
            "group.id": "written",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    name, read = settings.topic(topic), decoder(str(TOPICS[topic].schema), CONSTRUCTORS)
    values, left = [], PARTITIONS
    try:
        consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
        give_up = time.monotonic() + PATIENCE
        while left:
            assert time.monotonic() < give_up, f"{name} could not be read to its end"
            for message in consumer.consume(1000, 0.1):
                error, value = message.error(), message.value()
                if error is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    left -= 1
                elif value is not None:
                    values.append(read(value))
    finally:
        consumer.close()
    return values


def now() -> str:
    return write_instant(int(time.time() * 1000))


def code(answer: httpx.Response) -> str:
    """The code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["code"])
