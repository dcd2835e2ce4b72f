"""Every pair of docs/procedure.md has its words, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from edges.desk.script import CALLING_RULES, LANGUAGES, Script, asks_again, kinds_in_words, phrases
from edges.values import CallCommand
from streams.escalation.attention_reasons import AttentionReason
from streams.escalation.names import RULES, Outcome, Situation

PROCEDURE: Final = (Path(__file__).parents[3] / "docs" / "procedure.md").read_text(encoding="utf-8")
NAME: Final = re.compile(r"`([A-Z_]+)`")


def section(title: str) -> str:
    return PROCEDURE.split(f"## {title}", 1)[1].split("\n## ", 1)[0]


def pairs() -> dict[str, set[str]]:
    """The alert kinds of each procedure, by the table of §1."""
    found = {}
    for line in section("1. What opens an incident").splitlines():
        cells = [NAME.findall(cell) for cell in line.split("|")]
        if line.startswith("| `") and len(cells[1]) == 1:
            found[cells[1][0]] = set(cells[2])
        if found and not line.startswith("|"):
            break
    return found


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    if all(isinstance(value, str) for value in tree.values()):
        yield path, tree
    else:
        for name, value in tree.items():
            yield from leaves(value, (*path, name))


def call(procedure: str, round_: int, action: str = "CALL") -> CallCommand:
    return CallCommand(
        "i-c1.1", action, None, "i", "S1", procedure, round_, 1, "ann", "Ann", None, "fr", ("INTRUSION",), True, 0, 0
    )


def test_all_words_are_in_both_languages_and_fill() -> None:
    for path, words in leaves(phrases()):
        assert set(words) == set(LANGUAGES), path
        for text in words.values():
            assert text == text.strip(), path
            text.format(centre="c", contact="k", city="v", kinds="a")


def test_every_kind_of_every_procedure() -> None:
    assert pairs() == {"SECURITY": {"INTRUSION", "HOLD_UP", "TAMPER"}, "FIRE": {"FIRE"}}
    for kinds in pairs().values():
        assert kinds <= set(phrases()["kinds"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("procedure", sorted(pairs()))
@pytest.mark.parametrize("round_", [1, 2])
@pytest.mark.parametrize("rule", CALLING_RULES)
def test_every_round_rule_and_kind(language: str, procedure: str, round_: int, rule: str) -> None:
    script = Script(language, centre="Ronde", contact="Ann Martin", city="Cluses")
    is_possible = rule == "NEXT_CONTACT" or (rule == "OPENED") == (round_ == 1)
    assert (rule in phrases()["call"][procedure][str(round_)]) == is_possible
    for kind in pairs()[procedure]:
        said = script.opening(call(procedure, round_), rule, [kind])
        assert "Ann Martin" in said
        assert "Cluses" in said
        assert "Ronde" in said
        assert kinds_in_words([kind], language) in said


def test_every_rule_and_reason_of_section_8() -> None:
    names = section("8. All names")
    rules = set(NAME.findall(names.split("**Reasons of an attention**")[0]))
    assert rules == set(RULES) == set(phrases()["rules"])
    reasons = set(NAME.findall(names.split("**Reasons of an attention**")[1].split("**Reasons of a quarantine**")[0]))
    assert reasons == set(get_args(AttentionReason))
    assert reasons <= set(phrases()["attention"])


@pytest.mark.parametrize("procedure", sorted(pairs()))
@pytest.mark.parametrize("round_", [1, 2])
def test_who_is_asked_again_stays_on_the_line(procedure: str, round_: int) -> None:
    is_asked = procedure == "SECURITY" and round_ == 2  # §4, row 5
    assert asks_again(call(procedure, round_)) is is_asked
    assert not asks_again(call(procedure, round_, "CONFIRM"))
    assert "goodbye" not in Script("en", centre=None, contact=None, city=None).after("AGAIN").lower()


def test_what_confirms_has_its_words() -> None:
    said = Script("en", centre=None, contact="Ann", city="Cluses").opening(
        call("SECURITY", 2, "CONFIRM"), "CODE_REPEAT_ASKED", ["INTRUSION"]
    )
    assert "once more" in said
    assert "all is well" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_end_of_every_call(language: str) -> None:
    script = Script(language, centre="Ronde", contact="Ann Martin", city="Cluses")
    for outcome in get_args(Outcome):
        for situation in get_args(Situation):
            assert script.end(outcome, situation)
    message = script.end("NO_ANSWER")
    assert "Ronde" in message
    for word in ("alarm", "Cluses", "Ann", "intrusion", "incendie", "fire"):
        assert word not in message
    goodbye = {"en": "Thank you, goodbye.", "fr": "Merci, au revoir."}[language]
    assert script.end("DURESS_CODE") == script.after("DURESS") == goodbye
