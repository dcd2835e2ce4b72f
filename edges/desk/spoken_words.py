"""Whether a spoken word is a contact's, or the one that says *under threat*.

Both hashes are always computed, for each form of the word, in threads; an answer takes `SHORTEST_SECONDS` or a multiple
of it. So neither what is answered nor how long it takes says which word it was. No word is logged, kept or quoted.
"""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal, TypeAlias

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from service.words import forms

Verdict: TypeAlias = Literal["RIGHT", "WRONG", "DURESS"]

SHORTEST_SECONDS: Final = 0.1
_THREADS: Final = 4  # each computation takes 64 MiB by argon2's own defaults
# What is dearer than this is no hash that anybody waits for: it would stop the desk.
_MOST_MEMORY_KIB: Final = 262_144
_MOST_PASSES: Final = 16
_LONGEST_HASH: Final = 512

_HASHER: Final = PasswordHasher()


class UnreadableHashError(Exception):
    """A hash that this desk cannot compute: it is no argon2, or asks for too much."""


class Words:
    """Judges words, for callers in one asyncio loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, "words")

    async def judge(self, word: str, password_hash: str | None, duress_hash: str | None) -> Verdict:
        """Compare a word as typed, trimmed, and in its normal form. Raises `UnreadableHashError`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            password = _readable(password_hash)
            # Without a word for threat the other hash is computed twice, which takes as long.
            duress = password if duress_hash is None else _readable(duress_hash)
            tried = await loop.run_in_executor(self._threads, forms, word)  # a long one takes a while
            calls = [
                loop.run_in_executor(self._threads, _fits, stored, form)
                for stored in (password, duress)
                for form in tried
            ]
            fits = await asyncio.gather(*calls)
        finally:
            passed = loop.time() - began
            await asyncio.sleep(math.ceil(passed / SHORTEST_SECONDS) * SHORTEST_SECONDS - passed)
        if duress_hash is not None and any(fits[len(tried) :]):
            return "DURESS"
        return "RIGHT" if any(fits[: len(tried)]) else "WRONG"

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _readable(stored: str | None) -> str:
    """The hash, if it can be computed. Raises `UnreadableHashError`."""
    if stored is None or len(stored) > _LONGEST_HASH:
        raise UnreadableHashError
    try:
        parameters = extract_parameters(stored)
    except (InvalidHashError, ValueError):
        raise UnreadableHashError from None
    if parameters.memory_cost > _MOST_MEMORY_KIB or parameters.time_cost > _MOST_PASSES:
        raise UnreadableHashError
    return stored


def _fits(stored: str, form: str) -> bool:
    try:
        return _HASHER.verify(stored, form)
    except VerifyMismatchError:
        return False
    except (InvalidHashError, VerificationError):
        raise UnreadableHashError from None
