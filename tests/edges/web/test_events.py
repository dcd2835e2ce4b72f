"""Server-sent events: order, return, cut-off, the session's end, the server's end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import httpx
import pytest

from edges.web import accounts, tokens
from edges.web.events import Channel
from edges.web.files import read_model, write_model
from edges.web.server import WebServer
from tests.edges.web.showcase import showcase
from tests.edges.web.test_sign_in import CHEAP, PASSWORD
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio
CLOSELY: Final = 0.5  # seconds, for some of which a busy machine may let a test stand still


async def first(stream: AsyncIterator[bytes | None], number: int) -> list[str]:
    found: list[str] = []
    async with asyncio.timeout(60):
        async for text in stream:
            if text is not None:
                found.append(text.decode())
            if len(found) == number:
                break
    return found


def ids(texts: list[str]) -> list[str]:
    return [text.partition("\n")[0].removeprefix("id: ") for text in texts]


async def listening(
    channel: Channel, last_id: str | None = None
) -> tuple[AsyncIterator[bytes | None], asyncio.Task[list[str]]]:
    stream = channel.listen(last_id, 0.05)
    before = channel.clients
    task = asyncio.create_task(first(stream, 3))
    await until(lambda: channel.clients > before)
    return stream, task


async def test_events_come_in_order_with_ids() -> None:
    channel = Channel()
    _, task = await listening(channel)
    for number in range(3):
        channel.publish("work", {"number": number})
    texts = await task
    assert [text.partition("\n")[2] for text in texts] == [
        f'event: work\ndata: {{"number":{number}}}\n\n' for number in range(3)
    ]
    assert len(set(ids(texts))) == 3


async def test_who_comes_back_gets_what_it_missed() -> None:
    channel = Channel(kept=3)
    _, task = await listening(channel)
    for number in range(3):
        channel.publish("work", number)
    texts = await task
    channel.publish("work", 3)
    assert await first(channel.listen(ids(texts)[0], 0.05), 3) == [
        *texts[1:],
        *(await first(channel.listen(ids(texts)[2], 0.05), 1)),
    ]
    channel.publish("work", 4)
    for last_id in (
        *(ids(texts)[0], "other-3", "garbage", f"{ids(texts)[0][:8]}-99"),
        f"{ids(texts)[0][:8]}-{'9' * 5000}",  # more digits than Python takes for a number
    ):
        (reset,) = await first(channel.listen(last_id, 0.05), 1)
        assert "event: reset" in reset


async def test_who_comes_with_the_last_id_gets_what_is_new() -> None:
    channel = Channel()
    channel.publish("work", 0)
    channel.publish("age", 1.0, is_kept=False)
    drawn = channel.last_id
    channel.publish("work", 1)
    channel.publish("age", 2.0, is_kept=False)  # it was so: nobody who comes later takes it for what is
    assert channel.last_id != drawn
    _, task = await listening(channel, drawn)
    channel.publish("age", 3.0, is_kept=False)
    channel.publish("work", 2)
    missed, age, work = await task
    assert [text.partition("data: ")[2].strip() for text in (missed, age, work)] == ["1", "3.0", "2"]
    assert ids([missed]) == ids([age])
    assert ids([work]) == [channel.last_id]


async def test_events_that_follow_each_other_closely_come_together() -> None:
    channel = Channel(gather=CLOSELY)
    stream = channel.listen(None, 0.05)
    assert await anext(stream) is None
    channel.publish("work", "first")
    assert b'data: "first"' in (await anext(stream) or b""), "the first one waits for nothing"
    for number in range(3):
        channel.publish("work", number)
    (together,) = await first(stream, 1)
    assert [line for line in together.splitlines() if line.startswith("data")] == [
        "data: 0", "data: 1", "data: 2"
    ]  # fmt: skip
    channel.publish("work", 3)
    assert "data: 3" in (await first(stream, 1))[0]
    channel.close()
    assert [text async for text in stream] == []


async def test_who_comes_while_events_are_gathered_has_each_once() -> None:
    channel = Channel(gather=CLOSELY)
    early = channel.listen(None, 0.05)
    assert await anext(early) is None
    channel.publish("work", 1)
    last = (await anext(early) or b"").decode().partition("\n")[0].removeprefix("id: ")
    channel.publish("work", 2)
    late = channel.listen(last, 0.05)
    assert b"data: 2" in (await anext(late) or b"")
    assert await anext(late) is None
    assert "data: 2" in (await first(early, 1))[0]
    channel.publish("work", 3)
    for stream in (early, late):
        assert "data: 3" in (await first(stream, 1))[0]


async def test_many_slow_writes_leave_the_loop_its_time() -> None:
    channel = Channel(gather=0.001)
    written: list[float] = []

    async def write() -> None:
        async for piece in channel.listen(None, 60):
            if piece is not None:
                time.sleep(0.02)  # noqa: ASYNC251 - a write that takes the loop's time
                written.append(time.monotonic())

    tasks = [asyncio.create_task(write()) for _ in range(2)]
    await until(lambda: channel.clients == 2)
    async with asyncio.timeout(60):
        while len(written) < 8:
            channel.publish("work", len(written))
            await asyncio.sleep(0.005)
    channel.close()
    await asyncio.gather(*tasks)
    began = written[::2]
    pauses = [later - earlier for earlier, later in pairwise(began[:-1])]  # the last piece is the channel's end
    assert min(pauses) >= 0.1


async def test_a_slow_browser_is_cut_off_and_holds_nobody_up() -> None:
    channel = Channel(queued=3)
    slow = channel.listen(None, 0.05)
    assert await anext(slow) is None
    for number in range(10):
        channel.publish("work", number)
    assert channel.clients == 0
    assert [text async for text in slow if text is not None][-1:] == [
        f"id: {channel._name}-3\nevent: work\ndata: 2\n\n".encode()
    ]


@pytest.mark.slow
async def test_a_stream_ends_with_the_session_the_role_the_token_and_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "hashed", CHEAP.hash)
    users = tmp_path / "users.json"
    people = ("zoe", "ann", "eve", "bob")
    for name in people:
        accounts.add(users, name, "operator", (), PASSWORD)
    machines = {name: tokens.add(tmp_path / "tokens.json", name, ("desk",)) for name in ("robot", "dialler")}
    channel = Channel()
    server = WebServer(showcase(tmp_path, channel), "127.0.0.1", 0)
    await server.start()

    cookies: dict[str, httpx.Cookies] = {}
    heard = dict.fromkeys((*people, *machines), "")

    async def listen(name: str) -> str:
        async with httpx.AsyncClient(base_url=server.address, headers={"Origin": server.address}, timeout=20) as client:
            assert (await client.get("/v1/events")).status_code == 401
            if name in machines:
                client.headers["Authorization"] = f"Bearer {machines[name]}"
            else:
                body = {"name": name, "password": PASSWORD}
                assert (await client.post("/v1/session", json=body)).status_code == 200
                cookies[name] = client.cookies
            async with client.stream("GET", "/v1/events") as response:
                assert response.headers["content-type"].startswith("text/event-stream")
                async for text in response.aiter_text():
                    heard[name] += text
                return heard[name]

    tasks = {name: asyncio.create_task(listen(name)) for name in heard}
    async with asyncio.timeout(20):
        await until(lambda: channel.clients == len(heard))
        channel.publish("work", 1)
        await until(lambda: all("event: work" in text for text in heard.values()))
        content = users.read_bytes()
        users.write_text("{")  # somebody's editor is amid a change
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in tasks.values())
        users.write_bytes(content)
        accounts.remove(users, "zoe")
        assert "event: signed-out" in await tasks["zoe"]
        async with httpx.AsyncClient(base_url=server.address, cookies=cookies["eve"]) as client:
            assert (await client.delete("/v1/session", headers={"Origin": server.address})).status_code == 204
        assert "event: signed-out" in await tasks["eve"]
        known = read_model(users, accounts.Accounts)
        write_model(
            users,
            accounts.Accounts(
                users=tuple(
                    user.model_copy(update={"role": "customer"}) if user.name == "bob" else user for user in known.users
                )
            ),
        )
        assert "event: signed-out" in await tasks["bob"]
        tokens.remove(tmp_path / "tokens.json", "robot")
        assert "event: signed-out" in await tasks["robot"]
        assert not tasks["ann"].done()
        channel.close()
        await server.stop()
        texts = [await tasks[name] for name in ("ann", "dialler")]
    for text in texts:
        assert "event: work" in text
        assert "signed-out" not in text
        assert "\n:\n" in text, "a heartbeat"
