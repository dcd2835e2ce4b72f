"""The attempts of several processes over one database; the partner does as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest
from psycopg.errors import InsufficientPrivilege

from edges.errors import DatabaseAwayError
from edges.partners.metrics import PartnersMetrics
from edges.partners.page_tokens import VALID_MS, dispatch_of
from edges.partners.posting import Answer
from edges.partners.sending import Sender
from edges.partners.sql import query
from edges.partners.store import Dispatch, Step, Store
from service.clock import now_ms
from service.postgres import connect
from tests.edges.partners.serving import Served, command
from tests.support import waiting

if TYPE_CHECKING:
    from edges.partners.posting import Poster

DELIVERED = Answer("DELIVERED", 204)


class Partner:
    """Stands for the poster: ``begun`` have been claimed, ``out`` have their first byte out."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.out: list[str] = []
        self.body = b""  # the last one
        self.before: Callable[[str], Awaitable[None]] = _at_once
        self.after: Callable[[str], Awaitable[None]] = _at_once
        self.answer = DELIVERED

    async def post(
        self, _id: str, _url: str, headers: Sequence[tuple[str, str]], body: bytes, *, going: Any, **_: Any
    ) -> Answer:
        command_id = dict(headers)["webhook-id"]
        self.begun.append(command_id)
        self.body = body
        await self.before(command_id)
        await going()
        self.out.append(command_id)
        await self.after(command_id)
        return self.answer


until = partial(waiting.until, seconds=60.0)


async def _at_once(_: str) -> None:
    pass


def sending(
    partners: Served,
    partner: Partner,
    test: Callable[[Sender], Coroutine[Any, Any, None]],
    page_url: str | None = None,
) -> PartnersMetrics:
    """Run a test beside a sender; its metrics."""
    metrics = PartnersMetrics()

    async def run() -> None:
        sender = Sender(partners.store, cast("Poster", partner), partners.reporter, metrics, page_url)
        task = asyncio.create_task(sender.run())
        try:
            await test(sender)
        finally:
            task.cancel()
            await asyncio.wait((task,))

    partners.run(run())
    return metrics


def states(partners: Served) -> dict[str, str]:
    return dict(partners.sql("SELECT command_id, state FROM partners.commands"))


def dispatch(number: int, site_id: str) -> Dispatch:
    return Dispatch(f"i{number}-d1", "azur", site_id, f"i{number}", is_test=False)


def reported(partners: Served) -> list[str]:
    return [orjson.loads(record.value or b"")["report_id"] for record in partners.kafka.written]


def test_a_command_that_another_process_has_overtaken_does_not_go(partners: Served) -> None:
    partner, released = Partner(), asyncio.Event()

    async def before(_: str) -> None:
        await released.wait()

    async def test(_: Sender) -> None:
        await until(lambda: partner.begun == ["i1-d1-r1"])
        await asyncio.to_thread(partners.put, command("i1-d1", "CANCEL"))
        other = Store(partners.store._pool, "other", 1)
        [cancel] = await other.claim((), ())
        await other.note([(cancel, DELIVERED)])
        await asyncio.sleep(0.3)
        released.set()
        await asyncio.sleep(0.3)

    partner.before = before
    partners.put(command("i1-d1"))
    sending(partners, partner, test)
    assert partner.out == []
    assert states(partners) == {"i1-d1-r1": "SUPERSEDED", "i1-d1-c1": "DELIVERED"}


def test_a_cancel_goes_at_once_though_the_partner_s_room_is_full(partners: Served) -> None:
    partner = Partner()

    async def after(command_id: str) -> None:
        if command_id.endswith("r1"):
            await asyncio.sleep(60)

    async def test(sender: Sender) -> None:
        await until(lambda: len(partner.out) >= 16)
        count = len(partner.out)
        await asyncio.to_thread(partners.put, command("i0-d1", "CANCEL"))
        sender.wake()
        await until(lambda: "i0-d1-c1" in partner.out)
        assert len(partner.out) == count + 1

    partner.after = after
    for number in range(20):
        partners.put(command(f"i{number}-d1"))
    sending(partners, partner, test)


def test_a_process_that_is_stopped_leaves_its_attempts_to_others_at_once(partners: Served) -> None:
    partner = Partner()

    async def after(command_id: str) -> None:
        await asyncio.sleep(0.2 if command_id.startswith("i1") else 60)

    async def test(_: Sender) -> None:
        await until(lambda: len(partner.out) == 2)

    partner.after = after
    for number in (1, 2):
        partners.put(command(f"i{number}-d1"))
    sending(partners, partner, test)
    assert states(partners) == {"i1-d1-r1": "DELIVERED", "i2-d1-r1": "PENDING"}
    other = Store(partners.store._pool, "other", 1)
    assert [attempt.command_id for attempt in partners.run(other.claim((), ()))] == ["i2-d1-r1"]


def test_an_answer_that_accepts_is_not_lost_while_postgres_is_away(
    partners: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = Partner()
    partner.answer = Answer("DELIVERED", 200, is_accepted=True)
    away = [DatabaseAwayError("away"), DatabaseAwayError("away")]
    found = Store.dispatch

    async def dispatch(store: Store, dispatch_id: str) -> Dispatch | None:
        if away:
            raise away.pop()
        return await found(store, dispatch_id)

    async def test(_: Sender) -> None:
        await until(lambda: states(partners) == {"i1-d1-r1": "DELIVERED"})

    monkeypatch.setattr(Store, "dispatch", dispatch)
    partners.put(command("i1-d1"))
    sending(partners, partner, test)
    assert reported(partners) == ["i1-d1-accepted"]
    assert len(partner.out) == 1


def test_an_amend_that_is_accepted_by_its_answer_is_logged(partners: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its REQUEST never arrived the partner may believe to have accepted; a report is what counts."""
    partner, told = Partner(), list[tuple[str, dict[str, str]]]()
    partner.answer = Answer("DELIVERED", 200, is_accepted=True)
    log = SimpleNamespace(info=lambda event, **fields: told.append((event, fields)))

    async def test(_: Sender) -> None:
        await until(lambda: states(partners) == {"i1-d1-a1": "DELIVERED"})

    monkeypatch.setattr("edges.partners.sending._log", log)
    partners.put(command("i1-d1", "AMEND"))
    sending(partners, partner, test)
    assert told == [("an answer accepts no REQUEST", {"partner": "azur", "dispatch": "i1-d1", "action": "AMEND"})]
    assert reported(partners) == []


def test_an_answer_that_cannot_be_noted_keeps_no_later_one(partners: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A right that was taken away for a moment does not pass by itself; the lease ends, and it is posted again."""
    partner, failures = Partner(), [InsufficientPrivilege("for a moment")]
    note = Store.note

    async def refused(store: Store, answers: Any) -> Any:
        if failures:
            raise failures.pop()
        return await note(store, answers)

    async def test(_: Sender) -> None:
        await until(lambda: not failures)
        partners.put(command("i2-d1"))
        await until(lambda: states(partners)["i2-d1-r1"] == "DELIVERED")
        partners.sql("UPDATE partners.commands SET leased_until = 0")
        await until(lambda: states(partners)["i1-d1-r1"] == "DELIVERED")

    monkeypatch.setattr(Store, "note", refused)
    partners.put(command("i1-d1"))
    sending(partners, partner, test)
    assert sorted(partner.out) == ["i1-d1-r1", "i1-d1-r1", "i2-d1-r1"]


def test_an_answer_that_comes_after_its_lease_counts(partners: Served) -> None:
    partners.put(command("i1-d1"))

    async def test() -> None:
        [first] = await partners.store.claim((), ())
        partners.sql("UPDATE partners.commands SET leased_until = 0")
        [second] = await partners.store.claim((), ())
        assert not await partners.store.is_in_force(first)
        assert await partners.store.is_in_force(second)
        await partners.store.note([(first, DELIVERED)])
        await partners.store.note([(second, Answer("TIMEOUT"))])
        assert await partners.store.claim((), ()) == []

    partners.run(test())
    assert states(partners) == {"i1-d1-r1": "DELIVERED"}


@pytest.mark.parametrize("answer", [DELIVERED, Answer("TIMEOUT")])
def test_a_command_to_be_posted_again_during_an_attempt_is_posted_again(partners: Served, answer: Answer) -> None:
    partners.put(command("i1-d1"))
    now = now_ms()

    async def test() -> None:
        [first] = await partners.store.claim((), ())
        with connect(partners.settings, "test") as session:
            session.execute(query("resend"), {"id": "i1-d1-r1", "now": now, "since": now})
        await partners.store.note([(first, answer)])
        [second] = await partners.store.claim((), ())
        await partners.store.note([(second, DELIVERED), (first, answer)])
        assert await partners.store.claim((), ()) == []

    partners.run(test())
    assert states(partners) == {"i1-d1-r1": "DELIVERED"}


def test_a_request_to_be_posted_again_has_a_minute_for_it(partners: Served) -> None:
    partners.put(command("i1-d1"))
    partners.sql("UPDATE partners.commands SET state = 'GIVEN_UP', gives_up_at = 0")
    now = now_ms()
    with connect(partners.settings, "test") as session:
        session.execute(query("resend"), {"id": "azur", "now": now, "since": 0})
    assert partners.sql("SELECT state, gives_up_at FROM partners.commands") == [("PENDING", now + 60_000)]


def test_what_is_posted_again_is_as_old_as_that(partners: Served) -> None:
    """Else the link in it has expired, it is said to wait since the day before, and its first byte to be as late."""
    partner, now = Partner(), now_ms()

    async def test(_: Sender) -> None:
        await until(lambda: states(partners) == {"i1-d1-a1": "DELIVERED"})

    partners.put(command("i1-d1", "AMEND"), now - VALID_MS - 1)
    partners.sql("UPDATE partners.commands SET state = 'GIVEN_UP'")
    with connect(partners.settings, "test") as session:
        session.execute(query("resend"), {"id": "i1-d1", "now": now, "since": now})
    [waiting] = partners.run(partners.store.pending())
    assert (waiting["pending"], waiting["oldest"]) == (1, now), "nobody is called because of the day before"
    metrics = sending(partners, partner, test, "https://guards.example")
    token = orjson.loads(partner.body)["page_url"].removeprefix("https://guards.example/guard#")
    key = partners.run(partners.store.page_key())
    assert dispatch_of(key, token, now + VALID_MS - 1000) == "i1-d1"
    assert dispatch_of(key, token, now + VALID_MS + 1) is None
    assert (metrics.registry.get_sample_value("ronde_partners_first_byte_seconds_sum") or 0) < VALID_MS / 1000


def test_what_a_partner_has_reported_on_is_posted_again_only_by_its_name(partners: Served) -> None:
    """An AMEND behind an answer is news, until all is over."""
    for number, (action, said) in enumerate(
        [
            ("REQUEST", "accepted"),
            ("AMEND", "accepted"),
            ("CANCEL", "closed"),
            ("REQUEST", None),
            ("CANCEL", None),
            ("AMEND", "rejected"),
            ("CANCEL", "rejected"),
        ]
    ):
        partners.put(command(f"i{number}-d1", action))
        if said is not None:
            partners.run(partners.store.report(dispatch(number, "S14"), Step(said, 0)))
    partners.sql("UPDATE partners.commands SET state = 'GIVEN_UP'")

    def resent(id_: str) -> dict[str, bool]:
        with connect(partners.settings, "test") as session:
            rows = session.execute(query("resend"), {"id": id_, "now": now_ms(), "since": 0}).fetchall()
        return {command_id: is_reported for command_id, _, is_reported in rows}

    left_out = {"i0-d1-r1": True, "i2-d1-c1": True, "i5-d1-a1": True}
    posted = ["i1-d1-a1", "i3-d1-r1", "i4-d1-c1", "i6-d1-c1"]
    assert resent("azur") == left_out | dict.fromkeys(posted, False)
    assert sorted(id_ for id_, state in states(partners).items() if state == "PENDING") == posted
    for id_ in ("i0-d1-r1", "i2-d1", "i5-d1"):
        assert list(resent(id_).values()) == [False]
    assert set(states(partners).values()) == {"PENDING"}
