"""Single values that customers enter: postal codes, words."""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from argon2 import PasswordHasher

from edges.portal import new_words
from edges.portal.changes import Refused
from edges.portal.core import Contact
from edges.portal.new_words import UNLIKE, Hashes, NewWords, WordHasher
from edges.portal.postal_codes import countries, postal_code
from service import words
from service.words import fits, hashed


@pytest.mark.parametrize(
    ("typed", "country", "code"),
    [
        (" 74300 ", "FR", "74300"),
        ("1204", "CH", "1204"),
        ("sw1a 1aa", "GB", "SW1A 1AA"),
        ("1234 ab", "NL", "1234 AB"),
        ("\uff11\uff10\uff10\uff0d0001", "JP", "100-0001"),
        ("anything", "HK", "ANYTHING"),
    ],
)
def test_a_postal_code_in_the_form_of_its_country(typed: str, country: str, code: str) -> None:
    assert postal_code(typed, country) == code


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        ("7430", "FR"),
        ("ABCDE", "FR"),
        ("74300", "CH"),
        ("743000", "FR"),
        ("\u0667\u0664\u0663\u0660\u0660", "FR"),
        ("7430\u0966", "FR"),
    ],
)
def test_what_is_none(typed: str, country: str) -> None:
    with pytest.raises(ValueError, match="is no postal code"):
        postal_code(typed, country)


def test_each_example_has_the_form_of_its_country() -> None:
    for form in countries().values():
        assert not form.example or re.fullmatch(form.pattern, form.example), form
    assert len(countries()) > 240


def entered(password: str | None, duress: str | None = None, staying: Contact | None = None) -> Hashes:
    async def ask() -> Hashes:
        return await WordHasher().hashed("S1", NewWords(password, duress), staying)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("password", "duress", "field"),
    [
        ("abc", None, "password"),
        ("a-b c", None, "password"),
        ("corail", "lac", "duress_password"),
        ("Corail", "co rail", "duress_password"),
        ("lagon", None, "password"),
        (None, "COR-AÏL", "duress_password"),
    ],
)
def test_words_that_are_refused(password: str | None, duress: str | None, field: str) -> None:
    staying = Contact("ann", "OWNER", password_hash=hashed("corail"), duress_hash=hashed("lagon"))
    with pytest.raises(Refused) as refused:
        entered(password, duress, staying)
    assert refused.value.field == field
    assert "corail" not in str(refused.value)


@pytest.mark.parametrize("typed", ["Lagon Vert", "  Lagon Vert "])
def test_a_word_that_stays_counts_also_as_another_program_hashed_it(typed: str) -> None:
    """A CRM hashes a word as it is written; the desk takes it in that form."""
    as_written = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("Lagon Vert")
    with pytest.raises(Refused) as refused:
        entered(typed, None, Contact("ann", "OWNER", duress_hash=as_written))
    assert refused.value.field == "password"


def test_words_become_hashes_of_their_normal_form() -> None:
    staying = Contact("ann", "OWNER", password_hash=hashed("corail"), duress_hash=hashed("lagon"))
    password, duress = entered("Lagon", "Corail", staying)  # both are replaced: neither stays
    assert password is not None
    assert duress is not None
    assert fits(password, "lagon")
    assert fits(duress, "corail")
    assert entered(None) == (None, None)
    assert "corail" not in repr(NewWords("corail", None))


def test_who_came_first_is_finished_before_others_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many at once, those in front are done in time; step by step for all at once, nobody would be."""
    begun: list[str] = []

    def slowly(word: str) -> str:
        begun.append(word)
        time.sleep(0.02)
        return "$x"

    monkeypatch.setattr(words, "hashed", slowly)

    async def ask() -> None:
        hasher = WordHasher()
        await asyncio.gather(*(hasher.hashed(f"S{n}", NewWords(f"corail {n}", f"lagon {n}"), None) for n in range(6)))

    asyncio.run(ask())
    assert all(begun.index(f"lagon {n}") < begun.index(f"corail {n + 2}") for n in range(4)), begun


def held_up(patch: pytest.MonkeyPatch, made: Callable[[], str] = lambda: "$x") -> tuple[list[str], threading.Event]:
    """Have hashes begin, and be ``made`` once the event is set; the words whose hashes were begun, and the event."""
    goes_on = threading.Event()
    begun: list[str] = []

    def hashed(word: str) -> str:
        begun.append(word)
        goes_on.wait(30)
        return made()

    patch.setattr(words, "hashed", hashed)
    return begun, goes_on


def test_who_would_not_be_in_time_leaves_the_turn_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else, with more to do than is done, each would begin just before it is given up."""
    begun, goes_on = held_up(monkeypatch)

    async def ask() -> list[Hashes | BaseException]:
        hasher = WordHasher()
        asked = asyncio.gather(
            *(hasher.hashed(f"S{n}", NewWords(f"corail {n}", None), None) for n in range(4)), return_exceptions=True
        )
        while len(begun) < 2:  # noqa: ASYNC110 - threads set it
            await asyncio.sleep(0.01)
        assert await hasher.hashed("S0", NewWords(None, None), None) == (None, None)  # waits for no turn
        monkeypatch.setattr(new_words, "_TURN_SECONDS", 0)  # has passed for the other two
        goes_on.set()
        return await asked

    answers = asyncio.run(ask())
    assert answers[:2] == [("$x", None)] * 2
    assert [type(answer) for answer in answers[2:]] == [TimeoutError] * 2
    assert len(begun) == 2


def test_many_requests_for_one_site_leave_all_others_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = held_up(monkeypatch)
    monkeypatch.setattr(new_words, "_TURN_SECONDS", 60)

    async def ask() -> list[Hashes]:
        hasher = WordHasher()
        flood = [asyncio.create_task(hasher.hashed("S1", NewWords(f"corail {n}", None), None)) for n in range(9)]
        while not begun:  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.01)
        other = asyncio.create_task(hasher.hashed("S2", NewWords("lagon", None), None))
        while len(begun) < 2:  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.01)
        assert begun == ["corail 0", "lagon"]
        for task in flood[:5]:
            task.cancel()  # the one under way goes on, and keeps its turn
        goes_on.set()
        await other
        return await asyncio.gather(*flood[5:])

    assert asyncio.run(ask()) == [("$x", None)] * 4
    assert sorted(begun[2:]) == [f"corail {n}" for n in range(5, 9)]


def test_a_request_that_comes_again_costs_a_hash_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own hashes are of the normal form: it is compared first."""
    contact = Contact("ann", "OWNER", password_hash=hashed("corail"), duress_hash=hashed("lagon"))
    compared: list[str] = []

    def verify(stored: str, form: str) -> bool:
        compared.append(form)
        return fits_form(stored, form)

    fits_form = words._verify
    monkeypatch.setattr(words, "_verify", verify)
    assert asyncio.run(WordHasher().are_those_of("S1", NewWords(" Co-rail", "Lagon "), contact))
    assert compared == ["corail", "lagon"]


async def given_up(asked: Coroutine[Any, Any, Any], begun: list[str]) -> None:
    """Ask, and wait no more once it has begun."""
    task = asyncio.create_task(asked)
    while not begun:  # noqa: ASYNC110 - a thread sets it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("is_over", [False, True])
def test_the_same_request_again_gets_what_was_begun(monkeypatch: pytest.MonkeyPatch, *, is_over: bool) -> None:
    """Else, where a hash takes longer than a request may, it would begin from nothing each time, and never be taken."""
    numbers = itertools.count()
    begun, goes_on = held_up(monkeypatch, lambda: f"${next(numbers)}")
    typed = NewWords("corail", "lagon")

    async def ask() -> list[Hashes]:
        hasher = WordHasher()
        await given_up(hasher.hashed("S1", typed, None), begun)
        (kept,) = hasher._begun.values()
        assert not any(word in repr(hasher._begun) for word in typed if word)
        if is_over:
            goes_on.set()
            await asyncio.to_thread(kept.result)
        again = asyncio.gather(*(hasher.hashed(site_id, typed, None) for site_id in ("S1", "S2")))
        await asyncio.sleep(0)
        goes_on.set()
        return [*await again, await hasher.hashed("S1", typed, None)]

    mine, others, later = asyncio.run(ask())
    assert mine == later  # the answer may be lost behind it, too
    assert {*mine}.isdisjoint(others)  # nobody gets another's
    assert len(begun) == 4


def test_words_that_are_alike_are_so_when_they_are_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    staying = Contact("ann", "OWNER", duress_hash=hashed("lagon"))
    goes_on = threading.Event()
    begun: list[str] = []

    def fits(_stored: str, word: str) -> bool:
        begun.append(word)
        return goes_on.wait(10)

    monkeypatch.setattr(words, "fits", fits)

    async def ask() -> None:
        hasher = WordHasher()
        await given_up(hasher.hashed("S1", NewWords("Lagon", None), staying), begun)
        goes_on.set()
        for _ in range(2):
            with pytest.raises(Refused, match=UNLIKE):
                await hasher.hashed("S1", NewWords("Lagon", None), staying)

    asyncio.run(ask())
    assert begun == ["Lagon"]


def test_what_was_begun_and_never_asked_for_again_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = held_up(monkeypatch)
    monkeypatch.setattr(new_words, "_KEPT_SECONDS", 0.1)

    async def ask() -> None:
        hasher = WordHasher()
        await given_up(hasher.hashed("S1", NewWords("corail", None), None), begun)
        while hasher._begun:  # noqa: ASYNC110 - a timer empties it
            await asyncio.sleep(0.01)
        goes_on.set()

    asyncio.run(ask())
