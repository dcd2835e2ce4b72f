"""Words: in which forms they are right, and that an answer gives nothing away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from edges.desk.spoken_words import UnreadableHashError, Words
from service.words import hashed

pytestmark = pytest.mark.asyncio
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def words() -> Iterator[Words]:
    made = Words()
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("corail", "corail"),
        ("corail", " CORAIL "),
        ("corail", "Co-rail"),
        ("ete", "Été"),
        ("Mon Mot", "Mon Mot"),  # a CRM hashes it as it is written
        ("Mon Mot", " Mon Mot\n"),
        (" Mon Mot", " Mon Mot"),
    ],
)
async def test_a_word_is_right_as_typed_trimmed_or_normal(words: Words, stored: str, typed: str) -> None:
    assert await words.judge(typed, CHEAP.hash(stored), CHEAP.hash("other")) == "RIGHT"
    assert await words.judge(typed, CHEAP.hash("other"), CHEAP.hash(stored)) == "DURESS"
    assert await words.judge(typed, CHEAP.hash("other"), None) == "WRONG"


async def test_another_form_of_a_word_that_a_crm_hashed_is_wrong(words: Words) -> None:
    assert await words.judge("mon mot", CHEAP.hash("Mon Mot"), None) == "WRONG"


async def test_the_word_for_threat_counts_before_the_other(words: Words) -> None:
    assert await words.judge("corail", CHEAP.hash("corail"), CHEAP.hash("corail")) == "DURESS"


@pytest.mark.slow
@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "corail",
        "$2b$12$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=65536,t=3,p=4$!!$!!",
        "$argon2id$v=19$m=4000000,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        "$argon2id$" + "x" * 1000,
    ],
)
async def test_a_hash_of_unknown_form(words: Words, stored: str | None) -> None:
    with pytest.raises(UnreadableHashError):
        await words.judge("corail", stored, None)
    if stored is not None:
        with pytest.raises(UnreadableHashError):
            await words.judge("corail", CHEAP.hash("corail"), stored)


@pytest.mark.parametrize("stored", [None, "$2b$12$abcdefghijklmnopqrstuv"])
async def test_a_hash_of_unknown_form_takes_100_ms_too(words: Words, stored: str | None) -> None:
    began = time.monotonic()
    with pytest.raises(UnreadableHashError):
        await words.judge("corail", stored, None)
    assert time.monotonic() - began >= 0.099


@pytest.mark.real_hashes
async def test_every_answer_takes_100_ms_to_1_s(words: Words) -> None:
    cheap, dear, duress = CHEAP.hash("corail"), hashed("corail"), hashed("azur")
    for word, stored, threat in (("corail", cheap, None), ("no", cheap, None), ("azur", dear, duress)):
        began = time.monotonic()
        await words.judge(word, stored, threat)
        assert time.monotonic() - began >= 0.099


@pytest.mark.real_hashes
async def test_the_loop_goes_on_meanwhile(words: Words) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await words.judge("Co-rail", hashed("corail"), hashed("azur"))
    ticking.cancel()
    assert ticks >= 5
