"""One attempt: a partner that fails, hangs or misleads, and addresses that are not connected to."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import httpcore
import pytest
import trustme

from edges.partners import posting
from edges.partners.posting import Answer, Poster
from tests.machine import stretched

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


async def going() -> None:
    """Let it go."""


async def post(url: str, *, allow_private: bool = True) -> Answer:
    poster = Poster()
    try:
        return await poster.post("azur", url, [("webhook-id", "c")], b"{}", allow_private=allow_private, going=going)
    finally:
        await poster.close()


@pytest.mark.asyncio
async def test_a_gigabyte_is_read_to_64_kib() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"
    began = time.monotonic()
    async with serving(head, repeated=b"x" * 65536) as url:
        assert await post(url) == Answer("DELIVERED", 200)
    assert time.monotonic() - began < stretched(2)


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
@pytest.mark.parametrize(
    ("head", "repeated", "outcome"),
    [
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", Answer("BROKEN")),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n", Answer("DELIVERED", 200)),
    ],
)
async def test_of_an_answer_in_crumbs_a_limited_number_is_read(head: bytes, repeated: bytes, outcome: Answer) -> None:
    async with serving(head, repeated=repeated * 1000) as url:
        assert await post(url) == outcome


@pytest.mark.asyncio
async def test_what_a_partner_answers_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with serving(b"HTTP/1.1 200 OK\r\nset-cookie: Gerard\r\ncontent-length: 6\r\n\r\nGerard") as url:
        assert await post(url) == Answer("DELIVERED", 200)
    assert "Gerard" not in caplog.text


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


@pytest.mark.slow
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
        waiting = [
            asyncio.create_task(poster.post("slow", slow, [], b"{}", allow_private=True, going=going))
            for _ in range(40)
        ]
        await asyncio.sleep(0)
        assert await poster.post("azur", url, [], b"{}", allow_private=True, going=going) == Answer("DELIVERED", 200)
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


@pytest.mark.asyncio
async def test_tls_that_breaks_amid_a_body_takes_nothing_back_from_its_2xx(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(trusting)
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")
        await writer.drain()
        os.write(writer.get_extra_info("socket").fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))  # a record of nobody's
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await post(f"https://localhost:{port}/") == Answer("DELIVERED", 200)
