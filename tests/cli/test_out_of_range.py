"""An option that is out of range is refused as such, before anything is asked of a server."""

from __future__ import annotations

import pytest

from tests.conftest import Run


@pytest.mark.parametrize(
    ("command", "limit"),
    [
        (["incidents", "--limit", "0"], "greater than or equal to 1"),
        (["incidents", "--limit", "99999999999999999999"], "less than or equal to 1000000"),
        (["ledger", "retain", "--months", "1201"], "less than or equal to 1200"),
        (["dlq", "show", "0-9223372036854775808"], "no id of a dead letter"),
    ],
)
def test_it_is_refused_with_its_limit(run: Run, command: list[str], limit: str) -> None:
    ran = run(*command)
    assert ran.exit == 2
    assert limit in " ".join(ran.err.replace("│", " ").split())


@pytest.mark.parametrize("command", [["sites", "show"], ["answer", "c", "NO_ANSWER", "--detail"]])
def test_an_argument_in_another_encoding_is_named(run: Run, command: list[str]) -> None:
    ran = run(*command, "caf\udce9")
    assert (ran.exit, ran.out) == (2, "")
    assert f"argument {len(command) + 1} is not text in the encoding of this terminal ('caf\\udce9')" in ran.err
