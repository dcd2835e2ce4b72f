"""A database that is slow, each question within its own time: the answer comes in time, and what was said is kept."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from psycopg.errors import InsufficientPrivilege

from edges.errors import DatabaseAwayError
from edges.partners import answering
from edges.partners.page_tokens import page_token
from edges.partners.store import Store
from edges.web import tokens
from service.clock import now_ms
from tests.edges.partners.serving import Served, command
from tests.edges.partners.test_app import signed_in
from tests.edges.partners.test_sending import reported
from tests.support.waiting import eventually

QUESTIONS: Final = ("dispatch", "page_key", "page", "report", "waiting_reports", "dispatches", "age")
TAP: Final = {"reported_at": "2026-01-01T00:00:00.000Z"}


class Slow:
    """Each question waits until the database is ``thawed``, and fails then if there is a ``failure``."""

    def __init__(self, partners: Served, patch: pytest.MonkeyPatch) -> None:
        self._partners = partners
        self._patch = patch
        self._thawed = asyncio.Event()
        self.begun: list[str] = []
        self.failure: Exception | None = None
        for name in QUESTIONS:
            self._slow(name)
        self.freeze()

    def _slow(self, name: str) -> None:
        ask = getattr(Store, name)

        async def slow(*arguments: Any, **keywords: Any) -> Any:
            self.begun.append(name)
            await self._thawed.wait()
            if self.failure is not None:
                raise self.failure
            return await ask(*arguments, **keywords)

        self._patch.setattr(Store, name, slow)

    def freeze(self) -> None:
        """From now on no question is answered, and a request has hardly any time."""
        self._patch.setattr(answering, "CONFIRM_SECONDS", 0.05)
        self._thawed.clear()

    def thaw(self) -> None:
        """All are answered, those too that were asked before; a request has all the time it needs."""

        async def thaw() -> None:
            self._thawed.set()

        self._patch.setattr(answering, "CONFIRM_SECONDS", 60.0)
        self._partners.run(thaw())


@pytest.fixture
def slow(partners: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    made = Slow(partners, monkeypatch)
    yield made
    made.thaw()


@pytest.fixture
def machine(partners: Served) -> Iterator[httpx.Client]:
    """The partner's system."""
    token = tokens.add(partners.web.tokens_file, "azur", ("partner:azur",))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=partners.address, headers=headers, timeout=30) as client:
        yield client


@pytest.fixture
def telephone(partners: Served) -> Iterator[httpx.Client]:
    """The guard's, with the page's link."""
    partners.put(command("i1-d1"))
    token = page_token(partners.run(partners.store.page_key()), "i1-d1", now_ms() + 60_000)
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=partners.address, headers=headers, timeout=30) as client:
        yield client


def code(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


@pytest.mark.usefixtures("telephone")
def test_a_report_is_answered_in_time_and_stored_once(partners: Served, machine: httpx.Client, slow: Slow) -> None:
    path = "/v1/dispatches/i1-d1/accepted"
    assert code(machine.put(path)) == (503, "UNCONFIRMED")
    slow.thaw()
    eventually(lambda: reported(partners) == ["i1-d1-accepted"], "what was begun goes on")
    assert machine.put(path).json() == {"report_id": "i1-d1-accepted"}
    assert partners.sql("SELECT report_id FROM partners.reports") == [("i1-d1-accepted",)]
    assert reported(partners) == ["i1-d1-accepted"]


def test_a_tap_is_answered_in_time_and_stored_once(partners: Served, telephone: httpx.Client, slow: Slow) -> None:
    assert code(telephone.put("/v1/guard/accepted", json=TAP)) == (503, "UNCONFIRMED")
    assert code(telephone.put("/v1/guard/accepted", json=TAP)) == (503, "UNCONFIRMED")
    slow.thaw()
    eventually(lambda: slow.begun.count("waiting_reports") == 2, "what was begun goes on")
    assert telephone.put("/v1/guard/accepted", json=TAP).json() == {"report_id": "i1-d1-accepted"}
    assert partners.sql("SELECT report_id FROM partners.reports") == [("i1-d1-accepted",)]
    assert reported(partners) == ["i1-d1-accepted"]


def test_pages_and_lists_are_answered_in_time(
    partners: Served, machine: httpx.Client, telephone: httpx.Client, slow: Slow
) -> None:
    partners.user("ann", "customer", "azur")
    assert code(telephone.get("/v1/guard")) == (503, "UNCONFIRMED")
    assert code(machine.get("/v1/dispatches")) == (503, "UNCONFIRMED")
    with signed_in(partners, "ann") as ann:
        assert ann.get("/").status_code == 503
    assert slow.begun == ["page_key", "age", "dispatches"]


def test_a_body_that_is_late_is_waited_for(partners: Served, telephone: httpx.Client, slow: Slow) -> None:
    """On a telephone with little reception: there is nothing yet that could be confirmed."""
    address, body = urlsplit(partners.address), orjson.dumps(TAP)
    head = [
        "PUT /v1/guard/accepted HTTP/1.1",
        f"Host: {address.netloc}",
        f"Authorization: {telephone.headers['authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=1) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        with pytest.raises(TimeoutError):
            connection.recv(1)
        slow.thaw()
        connection.sendall(body)
        eventually(lambda: reported(partners) == ["i1-d1-accepted"], "it is taken")


def test_what_fails_after_its_answer_is_logged(
    telephone: httpx.Client, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    log = SimpleNamespace(error=lambda event, route, **_: told.append((event, route)))
    monkeypatch.setattr(answering, "_log", log)
    slow.failure = DatabaseAwayError("away")
    assert code(telephone.get("/v1/guard")) == (503, "UNCONFIRMED")
    slow.thaw()
    assert code(telephone.get("/v1/guard")) == (503, "UNCONFIRMED")
    assert told == []
    slow.freeze()
    slow.failure = InsufficientPrivilege("for good")
    assert code(telephone.put("/v1/guard/accepted", json=TAP)) == (503, "UNCONFIRMED")
    slow.thaw()
    eventually(lambda: told == [("a request failed", "/v1/guard/{step}")], "it is logged")
