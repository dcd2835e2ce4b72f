"""Words: in every way to type one, its normal form is as it is heard."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from service.words import fits, hashed, normal
from tests.support.examples import examples


@pytest.mark.parametrize(
    "typed",
    [
        "Château-Rouge",
        "chateau rouge",
        "  CHÂTEAU ROUGE ",
        "cha\u0302teau\u2011rouge",
        "".join(chr(ord(letter) + 0xFEE0) for letter in "CHATEAU") + "\u3000ROUGE",
        "châ\u00adteau\u2013rouge",
    ],
)
def test_accents_capitals_spaces_hyphens_and_widths_do_not_count(typed: str) -> None:
    assert normal(typed) == "chateaurouge"


@pytest.mark.parametrize(
    ("typed", "form"), [("Straße", "strasse"), ("ﬁn", "fin"), ("4²", "42"), ("- -", ""), ("œuf", "œuf")]
)
def test_other_words(typed: str, form: str) -> None:
    assert normal(typed) == form


@examples(500)
@given(st.text())
def test_the_normal_form_of_a_normal_form_is_itself(word: str) -> None:
    assert normal(normal(word)) == normal(word)
    assert not any(character.isspace() for character in normal(word))


def test_a_hash_is_of_the_normal_form() -> None:
    stored = hashed("Château Rouge")
    assert stored.startswith("$argon2id$")
    assert PasswordHasher().verify(stored, "chateaurouge")
    assert fits(stored, "CHATEAU-ROUGE")
    assert not fits(stored, "chateaurouges")
    assert not fits("$argon2id$x", "chateaurouge")
