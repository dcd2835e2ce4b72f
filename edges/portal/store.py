"""The portal's truth: sites, people, contacts, history, and what waits to be passed on, in one transaction each.

Every method raises `DatabaseAwayError` when PostgreSQL has not answered within 3 s (an import: 60 s); what it was asked
may be done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from edges.database.postgres import AsyncSession, Pool
from edges.database.questions import Questions
from edges.errors import DatabaseAwayError
from edges.portal import changes
from edges.portal.configuration import Configuration, PersonRole
from edges.portal.core import Instant, Site
from edges.portal.forgetting import NEVER, forget, removed
from edges.portal.problems import EXISTS, NO_LEDGER, REVISION_STALE
from edges.portal.rows import Edit, Statement, Stored, stored, writes
from edges.portal.sql import query
from edges.web.problems import NOT_FOUND

SECONDS: Final = 3.0
LINES: Final = 500  # of a history at once
_IMPORT_SECONDS: Final = 60.0  # a transaction of hundreds of sites, perhaps over a network; nobody waits for a page

R = TypeVar("R")


class Revision(NamedTuple):
    """A line of the history."""

    revision: int
    at: Instant
    by: str
    what: str
    before: Any
    after: Any


class Store:
    """The database, over a pool of connections; ``on_change`` is called after each change that is kept."""

    def __init__(self, pool: Pool, on_change: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._on_change = on_change
        self._questions = Questions()
        self._searching = asyncio.Lock()

    async def site(self, site_id: str) -> Stored | None:
        """A site that is not deleted."""
        found = await self.sites([site_id])
        return found[0] if found else None

    async def sites(self, site_ids: Sequence[str]) -> list[Stored]:
        """Those of these sites that there are and are not deleted, in this order."""
        found = {row["site_id"]: stored(row) for row in await self.rows("sites", site_ids=list(site_ids))}
        return [found[site_id] for site_id in site_ids if site_id in found and not found[site_id].is_deleted]

    async def holds(self, site_id: str) -> bool:
        """Whether the site is the portal's own, also one that is deleted."""
        return bool(await self.rows("sites", site_ids=[site_id]))

    async def create(self, site: Configuration, edit: Edit) -> Stored:
        """Make a site; one that was deleted goes on with its next revision. Raises EXISTS."""

        async def write(connection: AsyncSession) -> Stored:
            before = await _locked(connection, site.site_id)
            if before is not None and not before.is_deleted:
                if (before.last_by, before.last_request) == (edit.by, edit.request):
                    return before
                raise EXISTS.error()
            old = before.configuration if before else None
            base = site if old is None else site._replace(revision=old.revision, updated_at=old.updated_at)
            return await _put(connection, None, changes.revised(old, base, edit.now), edit)

        return await self.transaction(write)

    async def change(
        self, site_id: str, revision: int, edit: Edit, apply: Callable[[Configuration], Configuration]
    ) -> Stored:
        """Apply a change to a revision. Raises NOT_FOUND, REVISION_STALE, `changes.Refused`."""

        async def write(connection: AsyncSession) -> Stored:
            before = await _locked(connection, site_id)
            if before is None or before.is_deleted:
                raise NOT_FOUND.error()
            if before.configuration.revision != revision:
                raise REVISION_STALE.error(revision=before.configuration.revision)
            after = changes.revised(before.configuration, apply(before.configuration), edit.now)
            made = await _put(connection, before.configuration, after, edit)
            if left := removed(before.configuration, after):
                await forget(connection, site_id, left, after.people)
            return made

        return await self.transaction(write)

    async def delete(self, site_id: str, revision: int, edit: Edit) -> None:
        """Delete a site and what is personal of it; its history says when what was changed. Raises as `change` does."""

        async def write(connection: AsyncSession) -> None:
            before = await _locked(connection, site_id)
            if before is None:
                raise NOT_FOUND.error()
            present = before.configuration.revision
            if before.is_deleted:
                if (before.last_by, before.last_request, present) == (edit.by, edit.request, revision + 1):
                    return  # the same request again
                raise NOT_FOUND.error()
            if present != revision:
                raise REVISION_STALE.error(revision=present)
            empty = changes.created(site_id, changes.DEFAULT_NAME, (), ())
            after = changes.revised(before.configuration, empty, edit.now)
            await run(connection, writes(before.configuration, after, edit, is_deleted=True))

        await self.transaction(write)

    async def load_sites(self, sites: Sequence[Site], edit: Edit) -> None:
        """Take sites of a file over, all of them or none; of a site that is there, what the file says replaces it."""

        async def write(connection: AsyncSession) -> None:
            for site in sorted(sites):
                before = await _locked(connection, site.site_id)
                old = None if before is None else before.configuration
                kept = None if before is None or before.is_deleted else old
                after = changes.imported(site, kept)
                if old is not None:
                    after = after._replace(revision=old.revision, updated_at=old.updated_at)
                after = changes.revised(old, after, edit.now)
                await run(connection, writes(kept, after, edit))

        await self.transaction(write, _IMPORT_SECONDS)

    async def history(self, site_id: str, *, since: int = 0, before: int | None = None) -> list[Revision]:
        """The last 500 changes of a site, the newest first; of those after a revision, before another."""
        end = NEVER if before is None else before
        rows = await self.rows("history", site_id=site_id, since=since, before=end, limit=LINES)
        return [Revision(**row) for row in rows]

    async def stop(self, site_id: str) -> Revision | None:
        """The change by which a service was stopped that is not subscribed; None: it never was."""
        rows = await self.rows("stop", site_id=site_id)
        return Revision(**rows[0]) if rows else None

    async def incidents(self, site_id: str, limit: int) -> list[dict[str, Any]]:
        """What its people may see of a site's last incidents, the newest first, as rows. Raises NO_LEDGER."""
        await self._check_ledger()
        return await self.rows("incidents", site_id=site_id, limit=limit)

    async def release(self, site_id: str, incident_id: str, by: str, at: Instant) -> bool | None:
        """Let a site's people see an incident that is over; False: it is open, None: there is none.

        Raises NO_LEDGER.
        """
        await self._check_ledger()
        rows = await self.rows("release", site_id=site_id, incident_id=incident_id, by=by, at=at)
        return rows[0]["is_over"] if rows else None

    async def _check_ledger(self) -> None:
        [row] = await self.rows("has_ledger")
        if not row["has_ledger"]:
            raise NO_LEDGER.error()

    async def role(self, site_id: str, login: str) -> PersonRole | None:
        """What an account is to a site; None: nothing."""
        rows = await self.rows("role_of_login", site_id=site_id, login=login)
        return rows[0]["role"] if rows else None

    async def sites_of(self, login: str) -> list[str]:
        """The sites of an account, in the order of their names."""
        return [row["site_id"] for row in await self.rows("sites_of_login", login=login)]

    async def has_sites(self, login: str) -> bool:
        """Whether an account has any."""
        [row] = await self.rows("has_sites", login=login)
        return bool(row["has_sites"])

    async def find_sites(self, text: str) -> list[str]:
        """The site of this id; else at most 50 by a part of their name.

        Names are looked through one search at a time: each reads all sites, and several would keep connections and
        cores from those who change theirs.
        """
        asked = time.monotonic()
        if await self.site(text) is not None:
            return [text]
        try:
            async with asyncio.timeout(SECONDS / 2):  # who waited longer would not be answered, and hold up the next
                await self._searching.acquire()
        except TimeoutError:
            raise DatabaseAwayError from None

        async def search() -> list[dict[str, Any]]:
            try:
                return await self._read("find_sites", text=text)
            finally:
                self._searching.release()  # also where nobody waits for it any more

        left = max(0.0, SECONDS - (time.monotonic() - asked))
        return [row["site_id"] for row in await self._answer(search(), left)]

    async def backlog(self) -> tuple[int, float]:
        """How many records wait to be passed on, and for how many seconds the oldest does."""
        [row] = await self.rows("backlog")
        return row["waiting"], row["seconds"]

    async def rows(self, name: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        return await self._answer(self._read(name, **values))

    async def _read(self, name: str, **values: Any) -> list[dict[str, Any]]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query(name), values)).fetchall()

    async def transaction(
        self, write: Callable[[AsyncSession], Coroutine[Any, Any, R]], seconds: float | None = None
    ) -> R:
        """What a change answers that is made whole or not at all, and passed on."""

        async def transaction() -> R:
            async with self._pool.connection() as connection, connection.transaction():
                result = await write(connection)
            self._on_change()
            return result

        return await self._answer(transaction(), seconds)

    async def _answer(self, question: Coroutine[Any, Any, R], seconds: float | None = None) -> R:
        """The answer within 3 s, or so many. A question that takes longer goes on by itself."""
        return await self._questions.answer(question, SECONDS if seconds is None else seconds)


async def _locked(connection: AsyncSession, site_id: str) -> Stored | None:
    """The site, which nobody else changes until this transaction ends."""
    await connection.execute(query("lock_site"), {"site_id": site_id})
    row = await (await connection.execute(query("sites"), {"site_ids": [site_id]})).fetchone()
    return None if row is None else stored(row)


async def _put(connection: AsyncSession, before: Configuration | None, after: Configuration, edit: Edit) -> Stored:
    await run(connection, writes(before, after, edit))
    return Stored(after, is_deleted=False, published_at=None, last_by=edit.by, last_request=edit.request)


async def run(connection: AsyncSession, statements: Iterable[Statement]) -> None:
    """Run statements one after the other, without waiting for each."""
    async with connection.pipeline():
        for name, values in statements:
            await connection.execute(query(name), values)
