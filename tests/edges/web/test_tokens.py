"""`ronde tokens`, and the file that it writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edges.web.files import FileError
from edges.web.tokens import TokenFile, check_scope
from tests.conftest import Run


@pytest.fixture
def tokens_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    monkeypatch.setenv("RONDE_WEB__TOKENS_FILE", str(tmp_path / "kept" / "tokens.json"))
    return tmp_path / "kept" / "tokens.json"


def test_a_token_is_shown_once_and_kept_as_a_hash(run: Run, tokens_file: Path) -> None:
    added = run("tokens", "add", "panel-1", "--scope", "alerts", "--scope", "portal:lilas-1")
    assert added.exit == 0
    token = added.out.strip()
    assert token.startswith("ronde_")
    assert "only time" in added.err
    assert token not in tokens_file.read_text(encoding="utf-8")
    assert tokens_file.stat().st_mode & 0o777 == 0o600
    machine = TokenFile(tokens_file).find(token)
    assert machine is not None
    assert (machine.name, sorted(machine.scopes)) == ("panel-1", ["alerts", "portal:lilas-1"])
    assert token not in run("tokens", "list").out
    (listed,) = json.loads(run("tokens", "list", "--json").out)
    assert (listed["name"], listed["scopes"]) == ("panel-1", ["alerts", "portal:lilas-1"])


def test_a_removed_token_is_nobody_s(run: Run, tokens_file: Path) -> None:
    token = json.loads(run("tokens", "add", "a", "--scope", "desk", "--json").out)["token"]
    known = TokenFile(tokens_file)
    assert known.find(token) is not None
    assert run("tokens", "remove", "a").exit == 0
    assert known.find(token) is None
    again = run("tokens", "remove", "a")
    assert again.exit == 1
    assert "ronde tokens list" in again.err


@pytest.mark.parametrize("is_user_first", [True, False])
@pytest.mark.parametrize(
    ("role", "scope", "is_one"),
    [
        ("operator", "desk", True),
        ("supervisor", "desk", True),
        ("auditor", "desk", False),
        ("operator", "alerts", False),
    ],
)
def test_a_program_named_as_an_operator_is_told_of(
    run: Run, tokens_file: Path, monkeypatch: pytest.MonkeyPatch, role: str, scope: str, *, is_one: bool,
    is_user_first: bool,
) -> None:  # fmt: skip
    """At the desk they are one holder."""
    monkeypatch.setenv("RONDE_WEB__USERS_FILE", str(tokens_file.with_name("users.json")))
    adds = [("users", "add", "ann", "--role", role, "--oidc"), ("tokens", "add", "ann", "--scope", scope)]
    first, second = [run(*add) for add in (adds if is_user_first else adds[::-1])]
    assert (first.exit, second.exit) == (0, 0)
    told = "ann is an operator and a program"
    assert [told in first.err, told in second.err] == [False, is_one]


def test_what_cannot_be_a_token(run: Run, tokens_file: Path) -> None:
    assert run("tokens", "add", "a", "--scope", "desk").exit == 0
    assert "already" in run("tokens", "add", "a", "--scope", "desk").err
    for scope in ("", "alert", "portal", "portal:", "portal: ", "partner:" + "x" * 129):
        wrong = run("tokens", "add", "b", "--scope", scope)
        assert wrong.exit == 2, scope
    assert run("tokens", "add", "b c", "--scope", "desk").exit == 2
    assert run("tokens", "add", "b").exit == 2
    assert len(json.loads(run("tokens", "list", "--json").out)) == 1


def test_a_damaged_file_is_named(run: Run, tokens_file: Path) -> None:
    tokens_file.parent.mkdir()
    tokens_file.write_text('{"tokens": [{"name": "a"}]}', encoding="utf-8")
    listed = run("tokens", "list")
    assert listed.exit == 1
    assert "tokens.json is damaged: tokens.0.scopes" in listed.err
    with pytest.raises(FileError):
        TokenFile(tokens_file).find("x")


@pytest.mark.parametrize("scope", ["alerts", "desk", "portal:*", "portal:a:b", "portal:A/1 é", "partner:azur"])
def test_scopes(scope: str) -> None:
    assert check_scope(scope) == scope
