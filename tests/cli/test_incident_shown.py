"""An incident whose every text a stranger wrote: on a terminal of any width, and on a page."""

from __future__ import annotations

from typing import Any, Final

import pytest

from ronde.shared.terminal import Terminal
from ronde.views.incident.page import page
from ronde.views.incident.text import show
from sinks.ask.incidents import Incident
from sinks.ask.timeline import Alert, Call, Dispatch, Report, Result, Step, Timeline

HOSTILE: Final = "x\x1b[2J\u202e<b>\n→ a guard is sent\x9b"
SHOWN: Final = "x\\u001b[2J\\u202e<b> → a guard is sent\\u009b"
START: Final = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MINUTE: Final = 60_000


def step(version: int, phase_to: str, came: Any, *sent: Any, phase_from: str | None = "CALLING") -> Step:
    at = START + version * MINUTE
    return Step(version, at, "NOTED", phase_from, phase_to, 1, 1, at + MINUTE, None, came, list(sent))


def hostile(text: str = HOSTILE) -> Timeline:
    """An incident with ``text`` wherever text comes from outside."""
    incident = Incident(
        text, text, "SECURITY", "security/1", 4, START, "A1", "CLOSED", None, START, START + 4 * MINUTE,
        "INTERVENTION_CLOSED", text, 1, 1, 1, 1, 1, 0, START + 1000, None, None, START + MINUTE, None,
    )  # fmt: skip
    call = Call("c", "CALL", 1, 1, text, START, START + MINUTE, text, text)
    address = {"line1": text, "line2": None, "postal_code": text, "city": text, "country": "FR"}
    dispatch = Dispatch("d", "REQUEST", "d", text, 1, "NOBODY_REACHED", False, START, START + MINUTE, address, text)
    steps = [
        step(1, "CALLING", Alert(text, "INTRUSION", text, START, text), call, phase_from=None),
        step(2, "DISPATCHED", Result(text, "c", text, "OUTBOUND", text, text, False, text, START, text), dispatch),
        step(3, "CLOSED", Report(text, "d", text, "CLOSED", text, START, text), phase_from="DISPATCHED"),
    ]
    return Timeline(incident, steps)


@pytest.mark.parametrize("columns", ["", "80", "40"])
def test_a_terminal_obeys_no_word_of_it(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    show(Terminal(), hostile())
    told = capfd.readouterr().out
    assert all(sign.isprintable() or sign == "\n" for sign in told)
    assert columns or "\n→ a guard is sent" not in told  # on a narrow one, a line may break there
    assert max(map(len, map(str.rstrip, told.splitlines()))) <= int(columns or 10_000)
    assert SHOWN in told or columns
    words = "".join(told.split())
    assert "2026-01-0100:00:00" in words
    assert "reportstheend" in words or columns == "80"  # there it stands beside what was decided


def test_a_page_turns_nothing_around() -> None:
    text = page(hostile())
    assert all(sign.isprintable() or sign == "\n" for sign in text)
    assert "<b>" not in text
    assert SHOWN.replace("<b>", "&lt;b&gt;") in text


def test_a_page_has_a_form_for_a_telephone() -> None:
    """How it looks is for eyes: 400 px show a card a decision, and nothing but the drawing is wider."""
    text = page(hostile("a" * 300))
    assert 'name="viewport" content="width=device-width' in text
    assert "@media screen and (max-width: 40rem)" in text
