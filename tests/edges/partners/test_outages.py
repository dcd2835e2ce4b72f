"""A partner that fails, hangs, misleads; two processes; operators who learn that a CANCEL does not arrive."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import httpcore
import pytest
import trustme

from edges.database.postgres import connect
from edges.partners import posting
from edges.partners.posting import Answer, Poster
from tests.edges.partners.conftest import House, PartnerSystem, hang
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka

Reply = Callable[[asyncio.StreamWriter], None]


@asynccontextmanager
async def serving(*pieces: bytes, repeated: bytes = b"", is_open: bool = False) -> AsyncIterator[str]:
    """A server that answers with these bytes, then with ``repeated`` for as long as somebody reads."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            for piece in pieces:
                writer.write(piece)
            while repeated:
                writer.write(repeated)
                await writer.drain()
            if is_open:
                await asyncio.sleep(60)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def post(url: str, *, allow_private: bool = True) -> Answer:
    poster = Poster()
    try:
        return await poster.post("azur", url, [("webhook-id", "c")], b"{}", allow_private=allow_private)
    finally:
        await poster.close()


@pytest.mark.asyncio
async def test_a_gigabyte_is_read_to_64_kib() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"
    began = time.monotonic()
    async with serving(head, repeated=b"x" * 65536) as url:
        assert await post(url) == Answer("DELIVERED", 200)
    assert time.monotonic() - began < 2


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", Answer("STATUS", 500)),
        (b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", Answer("STATUS", 410)),
        (b"HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", Answer("REDIRECT", 307)),
        (b"SSH-2.0-OpenSSH\r\n", Answer("BROKEN")),
        (b"", Answer("BROKEN")),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, Answer("BROKEN")),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", Answer("DELIVERED", 200)),
    ],
)
async def test_what_is_no_yes(answer: bytes, outcome: Answer) -> None:
    async with serving(answer) as url:
        assert await post(url) == outcome


@pytest.mark.asyncio
async def test_a_body_that_dawdles_takes_nothing_back_from_its_2xx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "ANSWER_SECONDS", 0.3)
    began = time.monotonic()
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", is_open=True) as url:
        assert await post(url) == Answer("DELIVERED", 200)
    assert time.monotonic() - began < 30


@pytest.mark.asyncio
async def test_a_compressed_answer_is_not_unpacked() -> None:
    body = gzip.compress(b'{"status": "ACCEPTED"}' + b" " * 10_000_000)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with serving(head, body) as url:
        assert await post(url) == Answer("DELIVERED", 200)


@pytest.mark.asyncio
async def test_no_answer_within_ten_seconds_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert posting.ANSWER_SECONDS == 10
    monkeypatch.setattr(posting, "ANSWER_SECONDS", 0.3)
    async with serving(is_open=True) as url:
        assert await post(url) == Answer("TIMEOUT")


@pytest.mark.asyncio
async def test_no_connection_within_three_seconds_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert posting.CONNECT_SECONDS == 3
    monkeypatch.setattr(posting, "CONNECT_SECONDS", 0.3)
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait(60))
    assert await post("https://partner.example/") == Answer("TIMEOUT")
    released.set()


HOSTS: Final = (
    *("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "0", "0.0.0.0"),
    *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "[64:ff9b::7f00:1]"),
)


@pytest.mark.asyncio
@pytest.mark.parametrize("host", HOSTS)
async def test_our_own_networks_are_not_connected_to(host: str) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as url:
        port = url.rstrip("/").rpartition(":")[2]
        assert await post(f"http://{host}:{port}/", allow_private=False) == Answer("ADDRESS")


@pytest.mark.asyncio
async def test_a_name_is_judged_where_it_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def rebound(*_: object, **__: object) -> list[object]:
        return [(2, 1, 6, "", ("169.254.169.254", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    assert await post("https://partner.example/", allow_private=False) == Answer("ADDRESS")


class Addresses(httpcore.AsyncMockBackend):
    """The addresses of a name; those in ``silent`` never answer, those in ``closed`` refuse."""

    def __init__(self, silent: Collection[str], closed: Collection[str]) -> None:
        super().__init__([b"HTTP/1.1 204 No Content\r\n\r\n"])
        self.silent, self.closed = silent, closed
        self.tried: list[str] = []

    async def connect_tcp(self, host: str, *rest: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        self.tried.append(host)
        if host in self.silent:
            await asyncio.sleep(60)
        if host in self.closed:
            raise httpcore.ConnectError
        return await super().connect_tcp(host, *rest, **more)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("silent", "closed", "outcome", "tried"),
    [
        ((), (), Answer("DELIVERED", 204), ["1.1.1.1"]),
        (("1.1.1.1",), (), Answer("DELIVERED", 204), ["1.1.1.1", "8.8.8.8"]),
        ((), ("1.1.1.1",), Answer("DELIVERED", 204), ["1.1.1.1", "8.8.8.8"]),
        (("1.1.1.1",), ("8.8.8.8",), Answer("DELIVERED", 204), ["1.1.1.1", "8.8.8.8", "9.9.9.9"]),
        ((), ("1.1.1.1", "8.8.8.8", "9.9.9.9"), Answer("UNREACHABLE"), ["1.1.1.1", "8.8.8.8", "9.9.9.9"]),
    ],
)
async def test_an_address_that_does_not_answer_is_not_the_last_and_a_private_one_is_none(
    monkeypatch: pytest.MonkeyPatch, silent: Collection[str], closed: Collection[str], outcome: Answer, tried: list[str]
) -> None:
    network = Addresses(silent, closed)
    monkeypatch.setattr(httpcore, "AnyIOBackend", lambda: network)
    names = [(2, 1, 6, "", (address, 80)) for address in ("1.1.1.1", "10.0.0.1", "8.8.8.8", "9.9.9.9")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: names)
    assert await post("http://partner.example/", allow_private=False) == outcome
    assert network.tried == tried


@pytest.mark.asyncio
async def test_a_name_server_that_hangs_delays_its_own_partner_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    released, look_up = threading.Event(), socket.getaddrinfo

    def hanging(host: str, *rest: Any, **more: Any) -> Any:
        if host == "slow.example":
            released.wait(60)
        return look_up("127.0.0.1" if host == "slow.example" else host, *rest, **more)

    poster = Poster()
    async with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") as url:
        monkeypatch.setattr(socket, "getaddrinfo", hanging)
        slow = url.replace("127.0.0.1", "slow.example")
        waiting = [asyncio.create_task(poster.post("slow", slow, [], b"{}", allow_private=True)) for _ in range(40)]
        await asyncio.sleep(0)
        assert await poster.post("azur", url, [], b"{}", allow_private=True) == Answer("DELIVERED", 200)
        assert not any(task.done() and task.result().is_delivered for task in waiting)
        released.set()
        await asyncio.gather(*waiting)
    await poster.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "not_after", "is_trusted", "outcome"),
    [
        ("localhost", None, False, Answer("TLS")),
        ("localhost", datetime(2020, 1, 1, tzinfo=UTC), True, Answer("TLS")),
        ("elsewhere.example", None, True, Answer("TLS")),
        ("localhost", None, True, Answer("BROKEN")),  # the certificate is good
    ],
)
async def test_a_certificate_of_nobody_of_another_or_of_the_past_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, not_after: datetime | None, *, is_trusted: bool, outcome: Answer
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=not_after).configure_cert(context)
    if is_trusted:
        trusting = ssl.create_default_context()
        authority.configure_trust(trusting)
        monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await post(f"https://localhost:{port}/") == outcome


def test_a_partner_that_hangs_delays_nobody_else(house: House, system: PartnerSystem) -> None:
    house.add(system)
    hanging = PartnerSystem()
    hanging.answer = hang
    house.add(hanging, "slow")
    process = house.start()
    process.wait_ready()
    for number in range(40):
        house.dispatch(partner_id="slow", dispatch_id=f"s{number}-d1", site_id=f"S{number}")
    eventually(lambda: len(hanging.hooks) >= 16, "its room is full")
    at = time.time()
    for number in range(10):
        house.dispatch(dispatch_id=f"i{number}-d1")
    hooks = system.wait(10)
    assert max(hook.at for hook in hooks) - at < 1.0
    assert len(hanging.hooks) <= 31
    hanging.close()


def test_operators_learn_of_a_cancel_that_does_not_arrive(house: House, system: PartnerSystem) -> None:
    house.add(system)
    system.answer = lambda _: (503, b"")
    house.start().wait_ready()
    sent = house.dispatch("CANCEL")
    system.wait()
    assert house.broker.read("desk-log") == []
    with connect(house.settings.postgres, "test") as database:  # as if it had been read so long ago
        database.execute("UPDATE partners.commands SET stored_at = stored_at - 28000")
    [event] = eventually(lambda: house.broker.read("desk-log"), "it is in the log of desks", 45)
    assert event["at"] - sent["issued_at"] >= 2_000
    assert (event["action"], event["subject"], event["site_id"]) == ("UNDELIVERED", "i1-d1-c1", "S14")
    assert event["detail"] == "CANCEL azur"


def test_while_postgres_is_away_nothing_is_taken_and_afterwards_nothing_is_missing(
    house: House, system: PartnerSystem
) -> None:
    house.add(system)
    process = house.start()
    process.wait_ready()
    house.dispatch()
    system.wait()
    with house.client(process, "partner:azur") as azur:
        with house.without_postgres():
            eventually(lambda: not process.is_ready(), "it says that it is not ready")
            house.dispatch("CANCEL")
            answer = azur.put("/v1/dispatches/i1-d1/closed")
            assert (answer.status_code, answer.json()["code"]) == (503, "UNCONFIRMED")
            assert process.page("health")[0] == 200
        assert system.wait(2)[-1].id == "i1-d1-c1"
        process.wait_ready()
        assert azur.put("/v1/dispatches/i1-d1/closed").json() == {"report_id": "i1-d1-closed"}
    assert [report["report_id"] for report in house.broker.read("dispatch-reports")] == ["i1-d1-closed"]


def test_two_processes_share_the_partners(house: House, system: PartnerSystem) -> None:
    house.add(system)
    first, second = (house.start({"RONDE_PARTNERS__ID": name}) for name in ("p1", "p2"))
    for process in (first, second):
        process.wait_ready()
    ids = set()
    for number in range(30):
        ids.add(house.dispatch(dispatch_id=f"i{number}-d1", site_id=f"S{number}")["command_id"])
    system.wait(30)
    first.kill()
    for number in range(30, 60):
        ids.add(house.dispatch(dispatch_id=f"i{number}-d1", site_id=f"S{number}")["command_id"])
    eventually(lambda: {hook.id for hook in system.hooks} == ids, "all are posted", 40)

    def are_noted() -> bool:  # of one whose answer was not noted the lease ends first
        rows = json.loads(house.command("attempts", "azur", "--limit", "100", "--json"))
        return {row["state"] for row in rows} == {"DELIVERED"}

    eventually(are_noted, "all are noted", 40)


def test_a_secret_is_rotated(house: House, system: PartnerSystem) -> None:
    house.add(system)
    old = system.secret
    house.start().wait_ready()
    new = house.command("rotate", "azur").strip()
    assert new != old
    house.dispatch(dispatch_id="i1-d1")
    system.wait()
    system.secret = new
    house.dispatch(dispatch_id="i2-d1")
    system.wait(2)
    assert house.command("rotate", "azur", "--end").strip() == new
    house.dispatch(dispatch_id="i3-d1")
    system.wait(3)


def test_while_kafka_is_frozen_webhooks_go_out_and_reports_are_kept(
    house: House, system: PartnerSystem, kafka: Kafka
) -> None:
    house.add(system)
    system.answer = lambda _: (503, b"")
    process = house.start()
    process.wait_ready()
    house.dispatch()
    system.wait()
    with house.client(process, "partner:azur") as azur:
        assert float(azur.get("/v1/dispatches").headers["ronde-age"]) < 5
        kafka.pause()
        try:
            system.answer = lambda _: (200, b'{"status": "ACCEPTED"}')
            count = len(system.hooks)
            system.wait(count + 1)
            eventually(lambda: "DELIVERED" in house.command("attempts", "--json"), "it is noted")
            for step in ("accepted", "en-route", "en-route"):
                answer = azur.put(f"/v1/dispatches/i1-d1/{step}")
                assert (answer.status_code, answer.json()["code"]) == (503, "UNCONFIRMED")
            eventually(lambda: "kafka" in process.reasons(), "it says that it is not ready")
            eventually(lambda: float(azur.get("/v1/dispatches").headers["ronde-age"]) > 5, "its pages say their age")
            assert process.page("health")[0] == 200
        finally:
            kafka.resume()
        process.wait_ready()
        eventually(lambda: len(house.broker.read("dispatch-reports")) >= 2, "they are written")
        assert azur.put("/v1/dispatches/i1-d1/en-route").status_code == 202
    reports = [report["report_id"] for report in house.broker.read("dispatch-reports")]
    assert reports == ["i1-d1-accepted", "i1-d1-en-route"]


def test_a_start_while_kafka_is_frozen_serves_pages_and_posts(
    house: House, system: PartnerSystem, kafka: Kafka
) -> None:
    house.add(system)
    process = house.start()
    process.wait_ready()
    house.dispatch()
    system.wait()
    kafka.pause()
    try:
        assert process.stop() == 0
        process.start()
        with house.client(process, "partner:azur") as azur:
            eventually(lambda: azur.get("/v1/dispatches").is_success, "it lists")
            house.command("test", "azur")
            system.wait(2)
            assert azur.put("/v1/dispatches/i1-d1/accepted").status_code == 503
        assert "kafka" in process.reasons()
    finally:
        kafka.resume()
    process.wait_ready()
    eventually(lambda: house.broker.read("dispatch-reports"), "what was said meanwhile is written")
