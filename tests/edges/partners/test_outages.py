"""A partner that fails, hangs, misleads; two processes; operators who learn that a CANCEL does not arrive."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trustme

from edges.database.postgres import connect
from edges.partners import posting
from edges.partners.posting import Answer, Poster
from tests.edges.partners.conftest import House, PartnerSystem, hang
from tests.support.waiting import eventually

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


@pytest.mark.asyncio
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"])
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
async def test_a_certificate_of_nobody_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await post(f"https://localhost:{port}/") == Answer("TLS")


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
