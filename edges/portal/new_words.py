"""Words that a customer enters: judged, hashed in threads, and forgotten."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from edges.portal.changes import Fault, Refused
from edges.portal.core import Contact
from service import words

SHORTEST: Final = 4
LONGEST: Final = 128
UNLIKE: Final = "must be unlike the other word"
_AT_ONCE: Final = 2  # each hash takes 64 MiB and a core


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
    """Hashes and compares words in threads, a few at a time; who is no longer waited for gives its turn up."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="words")

    async def hashed(self, entered: NewWords, staying: Contact | None) -> Hashes:
        """The hashes, once the words are also unlike those that stay. Raises `Refused`."""
        check(entered)
        if staying is not None:
            if entered.duress_password is None:
                await self._differ(entered.password, staying.duress_hash, "password")
            if entered.password is None:
                await self._differ(entered.duress_password, staying.password_hash, "duress_password")
        return Hashes(await self._hash(entered.password), await self._hash(entered.duress_password))

    async def are_those_of(self, entered: NewWords, contact: Contact | None) -> bool:
        """Whether all the words entered are those of a contact: a request that came again."""
        stored = (contact.password_hash, contact.duress_hash) if contact else (None, None)
        for word, kept in zip(entered, stored, strict=True):
            if word is not None and (kept is None or not await self._fits(kept, word)):
                return False
        return True

    async def _differ(self, word: str | None, stored: str | None, field: str) -> None:
        if word is not None and stored is not None and await self._fits(stored, word):
            raise Refused(Fault.INVALID, UNLIKE, field)

    async def _fits(self, stored: str, word: str) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._threads, words.fits, stored, word)

    async def _hash(self, word: str | None) -> str | None:
        if word is None:
            return None
        return await asyncio.get_running_loop().run_in_executor(self._threads, words.hashed, word)
