"""The server within a process's loop: its address, its end, what it logs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.requests import ClientDisconnect

from edges.web import requests, tokens
from edges.web.application import WebApplication
from edges.web.server import WebServer, stop_signal
from service import logs
from tests.edges.web.example import example
from tests.machine import stretched

_both = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no socket here takes both IPv6 and IPv4")


@pytest.mark.asyncio
async def test_an_answer_under_way_is_finished_and_nothing_else_begins() -> None:
    app = FastAPI()
    began = asyncio.Event()

    @app.get("/slow")
    async def slow() -> str:
        began.set()
        await asyncio.sleep(0.5)
        return "done"

    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    async with httpx.AsyncClient(base_url=server.address) as client:
        asking = asyncio.create_task(client.get("/slow"))
        await began.wait()
        stopped = asyncio.create_task(server.stop())
        assert (await asking).json() == "done"
        await stopped
        with pytest.raises(httpx.ConnectError):
            await client.get("/slow")


@pytest.mark.slow
@pytest.mark.asyncio
async def test_what_takes_too_long_is_cut_within_5_seconds() -> None:
    app = WebApplication("example", "0")
    began = asyncio.Event()

    @app.get("/endless")
    async def endless() -> None:
        began.set()
        await asyncio.Event().wait()

    server = WebServer(app, "::1", 0)
    await server.start()
    assert server.address.startswith("http://[::1]:")
    async with httpx.AsyncClient(base_url=server.address) as client:
        asking = asyncio.create_task(client.get("/endless"))
        await began.wait()
        start = time.monotonic()
        await server.stop()
        assert time.monotonic() - start < stretched(5)
        assert (await asking).json()["code"] == "UNCONFIRMED"


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_request_that_is_never_finished_does_not_keep_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "REQUEST_SECONDS", 0.3)
    app = FastAPI()
    left = asyncio.Event()

    @app.post("/")
    async def post(request: Request) -> int:
        try:
            return len(await request.body())
        except ClientDisconnect:
            left.set()
            raise

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(0.6)
        return "done"

    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    port = int(server.address.rpartition(":")[2])
    whole = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    async with asyncio.timeout(60):
        for begun in (b"", whole[:9], whole[:-1], whole + whole[:-1]):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            answers = await reader.read()
            assert answers.count(b"200 OK") == begun.count(whole)
            writer.close()
            await writer.wait_closed()
        await left.wait()
        async with httpx.AsyncClient(base_url=server.address) as client:
            for _ in range(2):
                assert (await client.get("/slow")).json() == "done"
    await server.stop()


@pytest.mark.asyncio
async def test_an_address_that_is_taken_is_an_error_at_once() -> None:
    server = WebServer(FastAPI(), "127.0.0.1", 0)
    await server.start()
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        await WebServer(FastAPI(), "127.0.0.1", port).start()
    await server.stop()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("host", "trusted", "seen"),
    [
        ("127.0.0.1", ["127.0.0.0/8"], "192.0.2.7"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["10.0.0.1"], "127.0.0.1"),
        # To this socket the proxy is ::ffff:127.0.0.1.
        pytest.param("::", ["127.0.0.0/8"], "192.0.2.7", marks=_both),
        pytest.param("::", ["::1", "127.0.0.1"], "192.0.2.7", marks=_both),
        pytest.param("::", ["128.0.0.0/8", "10.0.0.1"], "::ffff:127.0.0.1", marks=_both),
    ],
)
async def test_an_address_is_believed_from_a_proxy_that_is_trusted(host: str, trusted: list[str], seen: str) -> None:
    app = FastAPI()

    @app.get("/")
    async def who(request: Request) -> list[str]:
        assert request.client is not None
        return [request.client.host, request.url.scheme]

    server = WebServer(app, host, 0, trusted_proxies=trusted)
    await server.start()
    headers = {"X-Forwarded-For": "203.0.113.9, 192.0.2.7", "X-Forwarded-Proto": "https"}
    async with httpx.AsyncClient(base_url=server.address.replace("[::]", "127.0.0.1")) as client:
        address, scheme = (await client.get("/", headers=headers)).json()
    await server.stop()
    assert (address, scheme) == (seen, "https" if seen == "192.0.2.7" else "http")


@pytest.mark.asyncio
async def test_sigterm_is_the_process_s_own() -> None:
    server = WebServer(FastAPI(), "127.0.0.1", 0)
    stopping = asyncio.create_task(stop_signal())
    await server.start()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(stopping, 5)
    await server.stop()


@pytest.mark.asyncio
async def test_a_log_line_has_the_request_s_id_and_no_word_of_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure("json", "debug")
    token = tokens.add(tmp_path / "tokens.json", "panel", ("alerts",))
    server = WebServer(example(tmp_path), "127.0.0.1", 0)
    await server.start()
    body = {"alert_id": "id-of-it", "kind": "FIRE", "raised_at": "2026-01-01T23:00:00Z", "zone": "broken"}
    async with httpx.AsyncClient(base_url=server.address, headers={"Authorization": f"Bearer {token}"}) as client:
        response = await client.post("/v1/sites/site-of-it/alerts", json=body)
    await server.stop()
    assert response.status_code == 500
    text = capfd.readouterr().err
    lines = [json.loads(line) for line in text.splitlines() if "edges.web" in line]
    assert [line["event"] for line in lines] == ["a request failed", "request"]
    assert {line["request"] for line in lines} == {response.headers["x-request-id"]}
    assert lines[1]["route"] == "/v1/sites/{site_id}/alerts"
    ours = "".join(line for line in text.splitlines() if '"edges.' in line or '"uvicorn' in line)
    for secret in ("site-of-it", "id-of-it", "secret words", token):
        assert secret not in ours


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # without a host
        b"GET / HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS, where there is none
    ],
)
async def test_what_is_no_http_is_a_problem_too(head: bytes) -> None:
    server = WebServer(WebApplication("example", "0"), "127.0.0.1", 0)
    await server.start()
    reader, writer = await asyncio.open_connection(*server.address.removeprefix("http://").split(":"))
    writer.write(head + b"\r\n")
    answer = await reader.read()
    writer.close()
    await server.stop()
    fields, _, body = answer.partition(b"\r\n\r\n")
    assert fields.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"content-type: application/problem+json" in fields.lower()
    assert b"default-src 'self'" in fields
    assert json.loads(body)["code"] == "BROKEN_REQUEST"


@pytest.mark.asyncio
async def test_an_answer_waits_for_no_delayed_acknowledgement() -> None:
    server = WebServer(FastAPI(), "127.0.0.1", 0)
    await server.start()
    async with httpx.AsyncClient(base_url=server.address) as client:
        await client.get("/")
        (connection,) = server._server.server_state.connections
        connected = connection.transport.get_extra_info("socket")
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "its head and body are two writes"
    await server.stop()
