"""What to say, and decisions in words: `script.toml`, in the language of who hears or reads it.

A script holds personal data once it is filled in: it is shown to the operator, and never logged.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from edges.values import CallCommand, Decision

LANGUAGES: Final = ("en", "fr")
FIRST: Final = "en"
# The rules that order a call; another one never does (procedure.md §3, §4).
CALLING_RULES: Final = ("OPENED", "NEXT_CONTACT", "WAIT_ENDED", "WAIT_CUT_SHORT")
_FILE: Final = Path(__file__).with_name("script.toml")
_LAST_ROUND: Final = 2


@cache
def phrases() -> Mapping[str, Any]:
    """The file."""
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def language_of(tag: str | None, fallback: str = FIRST) -> str:
    """The language of the file for a BCP 47 tag."""
    wanted = (tag or "").partition("-")[0].lower()
    return wanted if wanted in LANGUAGES else fallback


def phrase(language: str, *path: str) -> str:
    """The words at a place of the file. Raises `KeyError`."""
    place: Any = phrases()
    for step in path:
        place = place[step]
    return str(place[language])


def rule_in_words(rule: str, language: str) -> str:
    """A decision's rule; one that is not known is shown by its name."""
    return phrase(language, "rules", rule) if rule in phrases()["rules"] else rule


def attention_in_words(reason: str, language: str) -> str:
    """What an attention asks for; a reason that is not known is shown by its name."""
    return phrase(language, "attention", reason) if reason in phrases()["attention"] else reason


def kinds_in_words(kinds: Iterable[str], language: str) -> str:
    """``an intrusion alarm and a fire alarm``."""
    known = phrases()["kinds"]
    words = [str(known[kind if kind in known else "OTHER"][language]) for kind in kinds]
    if not words:
        return str(known["OTHER"][language])
    both = {"en": " and ", "fr": " et "}[language]
    return both.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


class Script:
    """What is said in one call, word by word."""

    def __init__(self, language: str, *, centre: str | None, contact: str | None, city: str | None) -> None:
        self.language = language
        self._fields = {
            "centre": centre or phrase(language, "centre"),
            "contact": contact or phrase(language, "somebody"),
            "city": city or "…",
        }

    def opening(self, call: CallCommand, rule: str, kinds: Iterable[str]) -> str:
        """Whom, why, and the question for the word; of a `CONFIRM`, to repeat it."""
        if call.action == "CONFIRM":
            procedure = call.procedure if call.procedure in phrases()["confirm"] else "SECURITY"
            return self._fill(phrase(self.language, "confirm", procedure))
        procedure = call.procedure if call.procedure in phrases()["call"] else "SECURITY"
        of_round = phrases()["call"][procedure][str(min(call.round, _LAST_ROUND))]
        chosen = rule if rule in of_round else "NEXT_CONTACT"
        words = kinds_in_words(kinds, self.language)
        return self._fill(str(of_round[chosen][self.language]), kinds=words)

    def inbound(self) -> str:
        """How a call that comes in is answered."""
        return self._fill(phrase(self.language, "inbound"))

    def after(self, verdict: str) -> str:
        """What is said after a word: RIGHT, WRONG, LAST (wrong, and no try left), DURESS; AGAIN: see `asks_again`."""
        return self._fill(phrase(self.language, "ask", verdict))

    def end(self, outcome: str, situation: str = "UNKNOWN") -> str:
        """What is said at the end, by what came of the call."""
        place = phrases()["end"][outcome]
        return self._fill(str(place.get(situation, place)[self.language]))

    def _fill(self, text: str, **more: str) -> str:
        return text.format(**self._fields, **more)


def asks_again(call: CallCommand) -> bool:
    """Whether a wrong code, where all is well, has the same contact asked once more: they stay on the line."""
    return call.action == "CALL" and call.round >= _LAST_ROUND and call.procedure in phrases()["confirm"]


def rule_of(call: CallCommand, decisions: Iterable[Decision]) -> str:
    """The rule of the decision that ordered a call."""
    return next((decision.rule for decision in decisions if call.command_id in decision.outputs), "NEXT_CONTACT")
