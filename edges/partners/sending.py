"""The attempts: what is due is posted, and what came of it noted.

A partner that hangs fills its own room alone. Processes share the work by leases: whose process ends without a word,
its attempts are taken by another one once their lease is over, or by itself when it starts again. One that is stopped
leaves them at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson

from edges.errors import DatabaseAwayError
from edges.kafka.errors import UnconfirmedError
from edges.partners import faults
from edges.partners.noting import Noter
from edges.partners.page_tokens import VALID_MS, page_token
from edges.partners.signing import signed_headers
from edges.partners.store import LEASE_MS, Step
from service import logs
from service.clock import now_ms
from service.pauses import EDGE_SECONDS

if TYPE_CHECKING:
    from edges.partners.metrics import PartnersMetrics
    from edges.partners.posting import Poster
    from edges.partners.reports_to_kafka import Reporter
    from edges.partners.store import Attempt, Store

_log: Final = logs.logger(__name__)

_ROOM: Final = 16  # attempts of a partner at once
_MOST: Final = 48  # with those of AMENDs and CANCELs, which do not wait for room
_FRESH_MS: Final = 250  # what was claimed longer ago is looked at again before its first byte goes
_LOOK_SECONDS: Final = 0.5  # other processes' work, and tests
_FINISH_SECONDS: Final = 1.0  # of the 5 that a stop may take


class _OvertakenError(Exception):
    """A later command of the dispatch, or another process's attempt, has taken this one's place."""


class _Posting:
    """An attempt under way; ``is_out`` once its first byte is."""

    __slots__ = ("attempt", "is_out", "task")

    task: asyncio.Task[None]

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.is_out = False


class Sender:
    """Posts commands. ``page_url``: where the guard's page is; None: links to it are not sent."""

    def __init__(
        self, store: Store, poster: Poster, reporter: Reporter, metrics: PartnersMetrics, page_url: str | None
    ) -> None:
        self._store = store
        self._poster = poster
        self._reporter = reporter
        self._metrics = metrics
        self._page_url = page_url
        self._page_key = b""
        self._wake = asyncio.Event()
        self._running: set[_Posting] = set()
        self._last: dict[str, _Posting] = {}  # of each dispatch
        self._noter = Noter(store)

    def wake(self) -> None:
        """Look for what is due now."""
        self._wake.set()

    async def run(self) -> None:
        """Send for ever; cancelled at the end."""
        is_new = True
        noting = asyncio.create_task(self._noter.run(), name="noter")
        try:
            while True:
                self._wake.clear()
                try:
                    if is_new:
                        await self._store.release()
                        self._page_key = await self._store.page_key()
                        is_new = False
                    for attempt in await self._store.claim(self._with(_ROOM), self._with(_MOST)):
                        faults.at("after_claim")
                        self._begin(attempt)
                except DatabaseAwayError:
                    await asyncio.sleep(EDGE_SECONDS)
                    continue
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            await self._finish()
            noting.cancel()

    async def _finish(self) -> None:
        """Give what is under way a moment, and leave the rest to other processes, at once."""
        tasks = [posting.task for posting in self._running]
        if tasks:
            await asyncio.wait(tasks, timeout=_FINISH_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(DatabaseAwayError):
            await self._store.release()

    def _with(self, attempts: int) -> list[str]:
        """The partners that have so many attempts under way, or more."""
        counts = Counter(posting.attempt.partner_id for posting in self._running)
        return [partner for partner, count in counts.items() if count >= attempts]

    def _begin(self, attempt: Attempt) -> None:
        """Post; a later command of a dispatch goes at once.

        What is on its way to the partner already is heard out, as its answer may accept; what is not never arrives, or
        it might behind the later one.
        """
        earlier = self._last.get(attempt.dispatch_id)
        if earlier is not None and not earlier.is_out:
            earlier.task.cancel()
        posting = _Posting(attempt)
        posting.task = asyncio.create_task(self._attempt(posting), name="attempt")
        self._running.add(posting)
        self._last[attempt.dispatch_id] = posting
        posting.task.add_done_callback(lambda _: self._end(posting))

    def _end(self, posting: _Posting) -> None:
        was_full = posting.attempt.partner_id in self._with(_ROOM)
        self._running.remove(posting)
        if self._last.get(posting.attempt.dispatch_id) is posting:
            del self._last[posting.attempt.dispatch_id]
        if was_full:
            self._wake.set()

    async def _attempt(self, posting: _Posting) -> None:
        attempt = posting.attempt
        try:
            body = self._body(attempt)
            headers = signed_headers(attempt.command_id, now_ms(), body, attempt.secrets)
            answer = await self._poster.post(
                attempt.partner_id,
                attempt.url,
                headers,
                body,
                allow_private=attempt.allow_private,
                going=partial(self._go, posting),
            )
            faults.at("after_post")
            self._metrics.attempts.labels(attempt.partner_id, answer.outcome).inc()
            if answer.is_accepted and attempt.action == "REQUEST":
                await self._accept(attempt)
            elif answer.is_accepted:  # an AMEND may be the request, where that never arrived: it is to be reported
                _log.info(
                    "an answer accepts no REQUEST",
                    partner=attempt.partner_id,
                    dispatch=attempt.dispatch_id,
                    action=attempt.action,
                )
            due = await self._noter.note(attempt, answer)
            faults.at("after_note")
        except _OvertakenError:
            return
        except DatabaseAwayError:
            return  # its lease ends, and it is posted again under the same id
        except Exception as error:  # noqa: BLE001 - one command must not end the others
            _log.error("an attempt failed", error=logs.places(error))
            return
        if not answer.is_delivered:
            _log.info(
                "a command is not delivered", partner=attempt.partner_id, outcome=answer.outcome, status=answer.status
            )
        if due is not None:
            asyncio.get_running_loop().call_later(max(0.0, due / 1000 - time.time()), self.wake)

    async def _accept(self, attempt: Attempt) -> None:
        """The partner has accepted by its answer; the report is stored before the answer is noted.

        Where PostgreSQL hesitates, try for as long as the lease lasts: the partner may not say it again. Raises
        `DatabaseAwayError`.
        """
        said = Step("accepted", now_ms())
        while True:
            try:
                dispatch = await self._store.dispatch(attempt.dispatch_id)
                assert dispatch is not None, "a command is stored"
                await self._reporter.report(dispatch, said, again=False)
            except UnconfirmedError:
                return  # it is stored, and written as soon as Kafka is back
            except DatabaseAwayError:
                if now_ms() >= attempt.claimed_at + LEASE_MS:
                    raise
                await asyncio.sleep(EDGE_SECONDS)
            else:
                return

    def _body(self, attempt: Attempt) -> bytes:
        if self._page_url is None:
            return attempt.value.encode()
        value: dict[str, Any] = orjson.loads(attempt.value)
        token = page_token(self._page_key, attempt.dispatch_id, attempt.began_at + VALID_MS)
        return orjson.dumps({**value, "page_url": f"{self._page_url}/guard#{token}"})

    async def _go(self, posting: _Posting) -> None:
        """Let the first byte out, but not behind a later command that another process posts. Raises `_OvertakenError`.

        While PostgreSQL is away, the lease says that nobody else has the command. Past it raises `DatabaseAwayError`.
        """
        attempt = posting.attempt
        if now_ms() - attempt.claimed_at > _FRESH_MS:
            try:
                is_in_force = await self._store.is_in_force(attempt)
            except DatabaseAwayError:
                if now_ms() - attempt.claimed_at > LEASE_MS:
                    raise
                is_in_force = True
            if not is_in_force:
                raise _OvertakenError
        posting.is_out = True
        if posting.attempt.number == 1:
            self._metrics.first_byte.observe(max(0.0, time.time() - posting.attempt.began_at / 1000))
