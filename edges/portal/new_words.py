"""Words that a customer enters: judged, hashed in threads, and forgotten."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from edges.portal.changes import Fault, Refused
from edges.portal.core import Contact
from service import words

SHORTEST: Final = 4
LONGEST: Final = 128
UNLIKE: Final = "must be unlike the other word"
_AT_ONCE: Final = 2  # each hash takes 64 MiB and a core
_TURN_SECONDS: Final = 2.0  # of the 3 s of a change; the rest is for the work itself
_KEPT_SECONDS: Final = 60.0  # from its beginning, for the same request again

R = TypeVar("R")


class NewWords(NamedTuple):
    """A password and a duress word as typed; None: left out. Never log, keep or show it."""

    password: str | None
    duress_password: str | None

    def __repr__(self) -> str:
        """Nothing of the words."""
        return "NewWords(…)"


class Hashes(NamedTuple):
    """The hashes of what was entered; None: left out."""

    password: str | None
    duress_password: str | None


def check(entered: NewWords) -> None:
    """Judge new words by themselves. Raises `Refused`."""
    for field, word in zip(NewWords._fields, entered, strict=True):
        if word is not None and len(words.normal(word)) < SHORTEST:
            raise Refused(
                Fault.INVALID, f"must have at least {SHORTEST} characters; spaces and hyphens do not count", field
            )
    first, second = entered
    if first is not None and second is not None and words.normal(first) == words.normal(second):
        raise Refused(Fault.INVALID, UNLIKE, "duress_password")


class WordHasher:
    """Hashes and compares words in threads, a few requests at a time.

    A request is one job, so those in front are finished before others begin. Who is no longer waited for gives its turn
    up, and who has waited for so long that it would not be in time leaves it to those behind. Of each site one job is
    under way at a time, so that nobody who sends many keeps all others waiting: only one can fit the revision.

    Where processors are busy, two words take longer than a request may. So a job that has begun goes on, and what it
    made is kept for a while: the same request again would begin from nothing each time, and never be taken.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="words")
        self._begun: dict[bytes, Future[Any]] = {}  # by what tells the same request, and nothing of its words
        self._latest: WeakValueDictionary[str, Future[Any]] = WeakValueDictionary()  # by site
        self._secret = secrets.token_bytes(32)

    async def hashed(self, site_id: str, entered: NewWords, staying: Contact | None, request: str = "") -> Hashes:
        """The hashes, once the words are also unlike those that stay. Raises `Refused`, `TimeoutError`.

        ``request``: all else that is entered of the site; another one gets hashes of its own.
        """
        check(entered)
        made = await self._in_turn(_judged_and_hashed, site_id, entered, staying, request)
        if isinstance(made, _Alike):
            raise Refused(Fault.INVALID, UNLIKE, made.field)
        return made

    async def are_those_of(self, site_id: str, entered: NewWords, contact: Contact | None) -> bool:
        """Whether all the words entered are those of a contact: a request that came again. Raises `TimeoutError`."""
        return await self._in_turn(_are_those_of, site_id, entered, contact)

    async def _in_turn(
        self,
        job: Callable[[NewWords, Contact | None], R],
        site_id: str,
        entered: NewWords,
        kept: Contact | None,
        request: str = "",
    ) -> R:
        if entered == NewWords(None, None):
            return job(entered, kept)  # nothing to hash: no turn to wait for
        asked = time.monotonic()

        def run() -> R | None:
            """None: too late. Nothing is raised, as the traceback would keep the words."""
            return None if time.monotonic() - asked > _TURN_SECONDS else job(entered, kept)

        mark = hmac.digest(self._secret, repr((job.__name__, site_id, request, *entered, kept)).encode(), "sha256")
        begun: Future[R | None] | None = self._begun.get(mark)
        while begun is None or not _is_of_use(begun):
            latest = self._latest.get(site_id)
            if latest is None or latest.done():
                begun = self._begun[mark] = self._latest[site_id] = self._threads.submit(run)
                asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._begun.pop, mark, None)
                break
            await asyncio.wait([asyncio.wrap_future(latest)])
            begun = self._begun.get(mark)
        made = await asyncio.wrap_future(begun)
        if made is None:
            raise TimeoutError
        return made


class _Alike(NamedTuple):
    """The field whose word is like one that stays."""

    field: str


def _is_of_use(begun: Future[Any]) -> bool:
    """Whether it has begun in time: who waits for its turn may give it up."""
    if begun.running():
        return True
    return begun.done() and not begun.cancelled() and begun.exception() is None and begun.result() is not None


def _judged_and_hashed(entered: NewWords, staying: Contact | None) -> Hashes | _Alike:
    if staying is not None:
        if entered.duress_password is None and _fits(entered.password, staying.duress_hash):
            return _Alike("password")
        if entered.password is None and _fits(entered.duress_password, staying.password_hash):
            return _Alike("duress_password")
    return Hashes(*(None if word is None else words.hashed(word) for word in entered))


def _are_those_of(entered: NewWords, contact: Contact | None) -> bool:
    stored = (contact.password_hash, contact.duress_hash) if contact else (None, None)
    return all(word is None or _fits(word, kept) for word, kept in zip(entered, stored, strict=True))


def _fits(word: str | None, stored: str | None) -> bool:
    return word is not None and stored is not None and words.fits(stored, word)
