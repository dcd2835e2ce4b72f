"""`ronde portal` beside Kafka: what its pages may claim, and the records of `sites` that are not its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from confluent_kafka import Producer

from edges.kafka.framing import Framing
from edges.portal.core import Address, Contact, Intervention, Site
from edges.settings import Connection
from edges.web import accounts
from ronde.shared.whole_settings import WholeSettings
from streams.kafka.topics import create
from streams.settings import load
from tests.conftest import SettingsFile
from tests.edges.portal.checker import published
from tests.edges.portal.serving import ANN, HOME, PASSWORD, PEOPLE
from tests.edges.portal.test_process import address, client, put
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka


pytestmark = pytest.mark.slow

WAITS: Final = "Not yet passed on"
UNCONFIRMED: Final = "Not yet confirmed"
YES: Final = "Your alerts go through"
FOREIGN: Final = ("F1", "F2")


@pytest.fixture
def settings(portal_file: SettingsFile, patient_broker: Kafka, tmp_path: Path) -> Path:
    """Of a portal and a worker, with topics on a broker that may be frozen."""
    path = portal_file(
        kafka={"bootstrap.servers": patient_broker.bootstrap_servers},
        portal={"port": 0, "pages_port": 0},
        web={"users_file": str(tmp_path / "users.json")},
    )
    create(load(path, {}, WholeSettings))
    return path


@pytest.fixture
def start(settings: Path, tmp_path: Path) -> Iterator[Callable[[str], RondeProcess]]:
    """Start a command; all are killed at the end."""
    started: list[RondeProcess] = []

    def run(command: str) -> RondeProcess:
        process = RondeProcess(command, [command, "--settings", settings], tmp_path / f"{command}.log")
        started.append(process)
        process.start()
        return process

    yield run
    for process in started:
        process.kill()


def write_foreign(connection: Connection) -> None:
    """Sites as another program writes them, which knows nothing of the portal."""
    write = Framing(connection).writer("sites")
    producer = Producer({**connection.producer, "partitioner": "murmur2_random"})
    for site_id in FOREIGN:
        contact = Contact("zed", "OWNER", "Zed", "Zorn", "+33639980009", "$h", None, "fr")
        home = Address("9 quai", None, "69001", "Lyon", "FR")
        site = Site(site_id, True, (contact,), home, "beware", Intervention(True, ("P1",)), None, 1)
        producer.produce(connection.topic("sites"), write(site), site_id.encode())
    assert producer.flush(60) == 0


@contextmanager
def sign_in(portal: RondeProcess, users: Path) -> Iterator[httpx.Client]:
    """A browser of the owner."""
    accounts.add(users, "ann@example.org", "customer", (), PASSWORD)
    with httpx.Client(base_url=address(portal), headers={"Origin": address(portal)}, timeout=30) as browser:
        answer = browser.post("/v1/session", json={"name": "ann@example.org", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield browser


def says_for(seconds: float, page: Callable[[], str], words: str) -> None:
    """Assert that a page says this all the while, and never that alerts go through."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        text = page()
        assert words in text
        assert YES not in text
        time.sleep(0.2)


def test_the_pages_claim_what_is_so_and_foreign_sites_are_left_alone(
    settings: Path, patient_broker: Kafka, start: Callable[[str], RondeProcess], tmp_path: Path
) -> None:
    connection = load(settings, {}, WholeSettings).for_edge("portal", "test", tmp_path / "edge")
    write_foreign(connection)
    worker = start("worker")
    eventually(lambda: set(FOREIGN) <= _judged(connection), "the engine has judged the foreign sites")
    portal = start("portal")
    portal.wait_ready()  # so it has read what the engine said
    with client(portal, tmp_path / "tokens.json") as api, sign_in(portal, tmp_path / "users.json") as browser:

        def page() -> str:
            answer = browser.get("/sites/S1/configuration", headers={"Accept": "text/html"})
            assert answer.status_code == 200, answer.text
            # Whenever the page says yes, Kafka has this very revision, and the engine came after it.
            if YES in answer.text:
                document = api.get("/v1/sites/S1/service").json()
                assert document["published_at"] is not None
                assert document["engine"]["at"] >= document["published_at"]
                assert WAITS not in answer.text
            return answer.text

        def press(enabled: str) -> None:
            revision = api.get("/v1/sites/S1/service").json()["revision"]
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            content = f"revision={revision}&enabled={enabled}"
            answer = browser.post("/sites/S1/intervention", content=content, headers=form)
            assert answer.status_code == 303, answer.text

        # A site that another program writes is not taken by making it here: that would empty it.
        body = {"site_id": "F1", "name": "Taken", "people": PEOPLE}
        answer = api.post("/v1/sites", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "EXISTS")
        assert api.get("/v1/sites/F1/service").status_code == 404
        assert api.delete("/v1/sites/F2", headers={"If-Match": '"1"'}).status_code == 404

        assert api.post("/v1/sites", json=body | {"site_id": "S1"}).status_code == 201
        put(api, "subscription", {"subscribed": True})
        assert YES not in page()
        put(api, "first-contact", ANN)
        put(api, "address", HOME)
        eventually(lambda: YES in page(), "the engine has judged it")

        assert worker.stop() == 0  # this is about the portal
        patient_broker.pause()
        try:
            press("no")
            says_for(3, page, WAITS)
        finally:
            patient_broker.resume()
        worker.start()
        eventually(lambda: YES in page(), "it is passed on and judged")

        assert worker.stop() == 0  # Kafka has the next one, the engine does not
        press("yes")
        eventually(lambda: WAITS not in page(), "it is passed on")
        says_for(2, page, UNCONFIRMED)
        worker.start()
        eventually(lambda: YES in page(), "it is judged")

        revision = api.get("/v1/sites/S1/service").json()["revision"]
        assert api.delete("/v1/sites/S1", headers={"If-Match": f'"{revision}"'}).status_code == 204
        eventually(lambda: _has_ended(published(connection)), "its tombstone is there")
    records = published(connection)
    for site_id in FOREIGN:
        [record] = [record for record in records if record.key == site_id]
        assert record.value is not None
        assert (record.value["instructions"], record.value["updated_at"]) == ("beware", 1)


def _judged(connection: Connection) -> set[str]:
    return {record.key for record in published(connection, "readiness", "Readiness")}


def _has_ended(records: list[Any]) -> bool:
    return [record.value for record in records if record.key == "S1"][-1] is None
