"""What the process keeps in PostgreSQL, one use a method; all state of commands, attempts and reports is there.

Every method raises `DatabaseAwayError` when PostgreSQL has not answered within 3 s, and a question that takes its turn
after one that nobody waits for any more within 6 s; what it was asked may be done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import psycopg

from edges.database.postgres import Pool
from edges.database.questions import Questions
from edges.errors import DatabaseAwayError
from edges.partners import schedule, steps
from edges.partners.posting import Answer
from edges.partners.sql import query
from edges.values import DispatchReport

SECONDS: Final = 3.0
LEASE_MS: Final = 20_000  # longer than an attempt takes
_AT_ONCE: Final = 16
_OPEN_MS: Final = 7 * 24 * 3600 * 1000
_FORGET_AT_ONCE: Final = 500  # each second: well within the time of a question, on a slow disk too
_KEPT_MS: Final = 30 * 24 * 3600 * 1000

R = TypeVar("R")


def now_ms() -> int:
    """The time, in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Attempt(NamedTuple):
    """An attempt that begins: the command, and where it goes."""

    command_id: str
    dispatch_id: str
    partner_id: str
    action: str
    value: str
    began_at: int  # when it was stored, or was to be posted again
    gives_up_at: int
    number: int
    url: str
    allow_private: bool
    secrets: list[str]
    claimed_at: int


class Dispatch(NamedTuple):
    """Whose a dispatch is."""

    dispatch_id: str
    partner_id: str
    site_id: str
    incident_id: str
    is_test: bool


class Step(NamedTuple):
    """What a partner says of a dispatch; a tap has its own time, by which one that is sent twice is known."""

    step: str
    reported_at: int
    reason: str | None = None
    disposition: str | None = None
    is_tap: bool = False


class Store:
    """The database, over a pool of connections; `dispatches` has so many ``partitions``."""

    def __init__(self, pool: Pool, owner: str, partitions: int) -> None:
        self._pool = pool
        self._owner = owner
        self._partitions = partitions
        self._questions = Questions(psycopg.errors.UndefinedColumn)  # which the intake is about to add
        self._claiming = asyncio.Lock()
        self._giving_up = asyncio.Lock()

    # --- attempts ---------------------------------------------------------------------------------

    async def release(self) -> None:
        """Forget what this process has under way, or had in an earlier life."""
        await self._in_turn(self._claiming, partial(self._read, "release", owner=self._owner))

    async def claim(self, full: Iterable[str], crowded: Iterable[str]) -> list[Attempt]:
        """Begin the attempts that are due; of the partners in ``full`` only first ones of AMENDs and CANCELs.

        Of those in ``crowded`` none. What is claimed once nobody waits for it any more is given back.
        """
        values = {"owner": self._owner, "full": list(full), "crowded": list(crowded), "most": _AT_ONCE}
        is_awaited = True

        async def begin() -> list[Attempt]:
            now = now_ms()
            rows = await self._read("claim", now=now, leased_until=now + LEASE_MS, **values)
            if rows and not is_awaited:
                of = {"command_ids": [row["command_id"] for row in rows], "numbers": [row["number"] for row in rows]}
                await self._read("give_back", **of)
            return [Attempt(**row, claimed_at=now) for row in rows]

        try:
            return await self._in_turn(self._claiming, begin)
        finally:
            is_awaited = False

    async def is_in_force(self, attempt: Attempt) -> bool:
        """Whether no later command of its dispatch, and no other attempt, has taken its place."""
        return bool(await self._rows("in_force", command_id=attempt.command_id, number=attempt.number))

    async def note(self, answers: Sequence[tuple[Attempt, Answer]]) -> list[int | None]:
        """Note what came of attempts; when the next one of each is due, None: there is none."""
        now = now_ms()
        due = [
            None if answer.is_delivered else schedule.next_attempt(attempt.began_at, attempt.gives_up_at, now)
            for attempt, answer in answers
        ]
        await self._rows(
            "note_attempts",
            now=now,
            command_ids=[attempt.command_id for attempt, _ in answers],
            numbers=[attempt.number for attempt, _ in answers],
            began=[attempt.began_at for attempt, _ in answers],
            outcomes=[answer.outcome for _, answer in answers],
            statuses=[answer.status for _, answer in answers],
            due=due,
        )
        return due

    async def give_up(self) -> None:
        """End what is past its time."""
        await self._in_turn(self._giving_up, partial(self._read, "give_up", now=now_ms()))

    async def undelivered(self) -> list[dict[str, Any]]:
        """AMENDs and CANCELs that have not arrived for 30 s, and that operators do not know of."""
        return await self._rows("undelivered", until=now_ms() - schedule.UNDELIVERED_MS)

    async def note_undelivered(self, command_ids: Sequence[str]) -> None:
        """Note that operators know."""
        await self._rows("note_undelivered", command_ids=list(command_ids), now=now_ms())

    async def pending(self) -> list[dict[str, Any]]:
        """Of each partner how many commands wait, and since when the oldest does (0: none)."""
        return await self._rows("counts")

    async def forget(self) -> bool:
        """Delete of what is older than 30 days as much as the time is for; whether there is more."""
        [row] = await self._rows("forget", before=now_ms() - _KEPT_MS, most=_FORGET_AT_ONCE)
        return bool(row["is_more"])

    async def age(self) -> float | None:
        """Seconds since all commands were last read that Kafka has; None: they never were."""
        [row] = await self._rows("read_at", partitions=self._partitions)
        return None if row["read_at"] is None else max(0, now_ms() - row["read_at"]) / 1000

    async def page_key(self) -> bytes:
        """What links to the guard's page are signed by."""
        [row] = await self._rows("page_key")
        return str(row["secret"]).encode()

    # --- reports ----------------------------------------------------------------------------------

    async def dispatch(self, dispatch_id: str) -> Dispatch | None:
        """Whose a dispatch is; None: of no partner that is asked over HTTP, or asks over it."""
        rows = await self._rows("dispatch", dispatch_id=dispatch_id)
        return Dispatch(**rows[0]) if rows else None

    async def report(self, dispatch: Dispatch, said: Step, *, again: bool = True) -> str:
        """Store a report, once; its id. Not ``again``: a step that was said before stays that report."""

        async def put() -> str:
            of = {"dispatch_id": dispatch.dispatch_id}
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute(query("lock_dispatch"), of)
                rows = await (await connection.execute(query("steps"), of)).fetchall()
                earlier = [row["step"] for row in rows]
                for row in rows:
                    times = (row["reported_at"], *row["taps"])
                    if said.is_tap and row["step"] == said.step and said.reported_at in times:
                        return str(row["report_id"])
                if not again and said.step in earlier:
                    return steps.report_id(dispatch.dispatch_id, said.step, ())
                report_id = steps.report_id(dispatch.dispatch_id, said.step, earlier)
                values = {**of, **said._asdict(), "report_id": report_id, "is_test": dispatch.is_test, "now": now_ms()}
                await connection.execute(query("put_report"), values)
            return report_id

        return await self._questions.answer(put(), SECONDS)

    async def waiting_reports(
        self, dispatch_id: str | None, before: int, under_way: Iterable[str]
    ) -> list[DispatchReport]:
        """Reports that Kafka may not have, but those under way: of a dispatch, and all stored before a time."""
        rows = await self._rows("waiting_reports", dispatch_id=dispatch_id, before=before, under_way=list(under_way))
        return [DispatchReport(status=steps.STATUSES[row.pop("step")], **row) for row in rows]

    async def acknowledged(self, report_ids: Sequence[str]) -> None:
        """Note that Kafka has them."""
        await self._rows("acknowledged", report_ids=list(report_ids), now=now_ms())

    async def dispatches(self, partners: Sequence[str], *, is_open: bool) -> list[dict[str, Any]]:
        """The dispatches of partners in the last seven days, the latest first."""
        return await self._rows("dispatches", partners=list(partners), since=now_ms() - _OPEN_MS, open=is_open)

    async def page(self, dispatch_id: str) -> dict[str, Any] | None:
        """What the guard's page shows of a dispatch; None: there is none."""
        rows = await self._rows("page", dispatch_id=dispatch_id)
        return rows[0] if rows else None

    async def _rows(self, name: str, **values: Any) -> list[dict[str, Any]]:
        return await self._questions.answer(self._read(name, **values), SECONDS)

    async def _read(self, name: str, **values: Any) -> list[dict[str, Any]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query(name), values)
            return await cursor.fetchall() if cursor.description is not None else []

    async def _in_turn(self, turn: asyncio.Lock, ask: Callable[[], Coroutine[Any, Any, R]]) -> R:
        """The answer to a question of which one at a time is asked, also where nobody waits for the one before."""
        try:
            async with asyncio.timeout(SECONDS):
                await turn.acquire()
        except TimeoutError:
            raise DatabaseAwayError("PostgreSQL has not answered in time") from None

        async def question() -> R:
            try:
                return await ask()
            finally:
                turn.release()

        return await self._questions.answer(question(), SECONDS)
