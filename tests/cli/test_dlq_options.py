"""The options that select dead letters stand once, and each command that selects letters has them all."""

from __future__ import annotations

import inspect

import pytest
import typer
from typer.testing import CliRunner

from ronde.shared.dlq_options import selects_letters
from ronde.shared.errors import WrongUse
from streams.kafka.dead_letters import LetterFilter

taken: list[tuple[list[str], LetterFilter, bool]] = []
app = typer.Typer()


@app.command()
@selects_letters
def letters(selected: LetterFilter, ids: list[str] | None = None, yes: bool = False) -> None:
    """Select letters."""
    taken.append((ids or [], selected, yes))


@pytest.mark.parametrize(
    ("arguments", "selected"),
    [
        ([], LetterFilter()),
        (
            ["--reason", "FAILED", "--site", "S1", "--topic", "alerts"],
            LetterFilter("FAILED", site="S1", topic="alerts"),
        ),
        (["--since", "1970-01-01T00:00:01Z", "--until", "1970-01-01T00:00:02Z"], LetterFilter(None, 1000, 2000)),
    ],
)
def test_a_command_takes_the_filter_that_its_options_say(arguments: list[str], selected: LetterFilter) -> None:
    taken.clear()
    assert CliRunner().invoke(app, [*arguments, "--yes"]).exit_code == 0
    assert taken == [([], selected, True)]


def test_an_unknown_reason_is_named() -> None:
    result = CliRunner().invoke(app, ["--reason", "UNLUCKY"])
    assert isinstance(result.exception, WrongUse)
    assert "--reason: no 'UNLUCKY'; there are UNDECODABLE" in str(result.exception)


def test_the_options_stand_where_the_filter_stood() -> None:
    assert list(inspect.signature(letters).parameters) == [*LetterFilter._fields, "ids", "yes"]
