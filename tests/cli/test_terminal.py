"""What every command prints by: harmless text, tables on any screen, any encoding, commands that can be typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ronde as ronde_package
from ronde.shared.plain import markup, one_line, plain
from ronde.shared.terminal import Listing, Terminal, as_typed, program
from tests.cli.test_sites import bare, write
from tests.conftest import Run

HOSTILE = "S\x1b[2J\u202e1\x07\x9b"
ESCAPED = "S\\u001b[2J\\u202e1\\u0007\\u009b"


# --- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOSTILE, ESCAPED),
        ("Ann Martin, 3\u202fh\u00a0: été ✓ 中文 עברית", "Ann Martin, 3\u202fh\u00a0: été ✓ 中文 עברית"),
        ("one\ntwo\r\t", "one\ntwo\\r\\t"),
        ("\u2066a\u2069\u200f\u2028\ufeff\ud800", "\\u2066a\\u2069\\u200f\\u2028\\ufeff\\ud800"),
        ("\U000e0041", "\\udb40\\udc41"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped_and_no_letter(text: str, shown: str) -> None:
    assert plain(text) == shown
    assert plain(shown) == shown


def test_an_escaped_json_text_is_the_same_json() -> None:
    text = json.dumps({HOSTILE: "\x7f\u2067\U000e0041"}, ensure_ascii=False)
    assert plain(text) != text
    assert json.loads(plain(text)) == json.loads(text)


def test_a_line_stays_one_line_and_markup_is_none() -> None:
    assert one_line("found\n→ a guard is\u2028sent \x1b") == "found → a guard is sent \\u001b"
    assert markup("<b>\u202e") == "&lt;b&gt;\\u202e"


# --- tables ---------------------------------------------------------------------------------------


def printed(capfd: pytest.CaptureFixture[str], *tables: Listing) -> list[str]:
    capfd.readouterr()
    for table in tables:
        Terminal().print(table)
    return [line.rstrip() for line in capfd.readouterr().out.splitlines()]


def sample() -> Listing:
    table = Listing("name", "state")
    table.add_column("why")
    table.add_row("a-name-of-thirty-characters-abc", "open", "x" * 30 + " [bold] " + HOSTILE)
    table.add_row("short", "", "fine\nindeed")
    return table


def test_a_table_in_a_pipe_has_a_line_a_row(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert printed(capfd, sample()) == [
        "name                             state  why",
        f"a-name-of-thirty-characters-abc  open   {'x' * 30} [bold] {ESCAPED}",
        "short                                   fine",
        "                                        indeed",
    ]


@pytest.mark.parametrize("columns", [80, 40, 20])
def test_no_width_cuts_anything(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = printed(capfd, sample())
    assert max(map(len, lines)) <= columns
    text = "".join("".join(lines).split())
    for whole in ("a-name-of-thirty-characters-abc", "open", "".join(ESCAPED.split()), "fine", "short"):
        assert whole in text if columns == 80 else set(whole) <= set(text)
    assert "…" not in text


def test_where_columns_do_not_fit_each_row_is_lines(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    table = Listing("setting", "differ-\nence", title="of it")
    table.add_row("a-name-of-thirty-three-characters", "")
    table.add_row("short", "12")
    assert printed(capfd, table) == [
        "of it",
        "a-name-of-thirty-three-characters",
        "",
        "short",
        "  difference  12",
        "",
    ]


@pytest.mark.parametrize("columns", ["", "80", "40"])
def test_the_settings_name_each_setting_whole(run: Run, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    names = json.loads(run("settings", "--json").out)
    told = run("settings").out
    if columns == "40":  # a name that is longer than that goes on in the next line
        names = [name[:40] for name in names]
    assert all(name in told.split() for name in names)
    assert "…" not in told
    assert max(map(len, map(str.rstrip, told.splitlines()))) <= int(columns or 1000)


@pytest.mark.parametrize("columns", ["", "80", "40"])
def test_a_strangers_site_is_told_harmlessly(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    file = tmp_path / "sites.jsonl"
    write(file, bare(HOSTILE), bare(HOSTILE), bare("a-site-with-a-name-of-35-characters", contacts=[], address=None))
    told = run("sites", "check", file).out
    assert ESCAPED in told
    assert f"warning: site {ESCAPED} stands in lines 1, 2" in told
    assert "a-site-with-a-name-of-35" in told  # on 80 columns, the rest is in the next line
    assert all(sign.isprintable() or sign == "\n" for sign in told)


def test_what_simulate_writes_is_harmless_and_the_same_json(tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    at = "2026-01-01T00:00:00.000Z"
    file.write_text(json.dumps({"at": at, "topic": "sites", "value": bare(HOSTILE)}, ensure_ascii=False) + "\n")
    ran = ronde("simulate", str(file))
    assert ran.returncode == 0
    assert all(sign.isprintable() or sign == "\n" for sign in ran.stdout.decode())
    assert json.loads(ran.stdout)["key"] == HOSTILE


def test_every_command_prints_by_what_escapes() -> None:
    """A new command that prints by itself would show what strangers wrote as it is."""
    for file in (Path(ronde_package.__file__).parent).rglob("*.py"):
        if file.name == "terminal.py" or file.parent.name == "demo":  # the demonstration's texts are its own
            continue
        text = file.read_text(encoding="utf-8")
        assert set(re.findall(r"(?<![\w.])print\(|typer\.echo\((?!json\.dumps|text\(\))", text)) == set(), file
        assert set(re.findall(r"Console\((?!stderr=True\))", text)) == set(), file


# --- standard input -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["simulate", "send alerts", "sites check -", "users add ann --role operator"])
def test_a_closed_standard_input_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it after `<&-`
    ran = run(*command.split())
    assert (ran.exit, ran.out) == (2, "")
    assert "standard input is closed" in ran.err


# --- encodings ------------------------------------------------------------------------------------


def ronde(*arguments: str, cwd: str = ".", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command line as a process of its own."""
    program = Path(sys.executable).with_name("ronde")
    return subprocess.run(
        [program, *arguments], capture_output=True, check=False, cwd=cwd, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}, {"LANG": "C"}, {"LC_ALL": "C"}],
    ids=lambda environment: "-".join(*environment.items()),
)
def test_no_encoding_ends_in_a_traceback(tmp_path: Path, environment: dict[str, str]) -> None:
    file = tmp_path / "sites.jsonl"
    write(file, bare("Éole → 中"))
    for ran in (
        ronde("sites", "check", str(file), **environment),
        ronde("--help", **environment),
        ronde("sites", "check", str(tmp_path / "→é中"), **environment),
    ):
        assert b"Traceback" not in ran.stderr
        assert ran.returncode in {0, 2}
    if environment == {"PYTHONIOENCODING": "latin-1"}:
        told = ronde("sites", "check", str(file), **environment).stdout
        assert "Éole -> \\u4e2d".encode("latin-1") in told


# --- hints ----------------------------------------------------------------------------------------


def test_commands_in_messages_can_be_typed_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    installed = tmp_path / "bin" / "ronde"
    installed.touch(mode=0o755)
    hint = "make it with `ronde topics create`, `ronde local up`"
    monkeypatch.setattr(sys, "argv", [str(installed), "worker"])
    assert as_typed(hint) == hint
    monkeypatch.setattr(sys, "argv", [".venv/bin/ronde", "worker"])
    assert as_typed(hint) == "make it with `.venv/bin/ronde topics create`, `.venv/bin/ronde local up`"
    monkeypatch.setattr(sys, "argv", ["/else/where/ronde", "worker"])
    assert program() == "/else/where/ronde"
    monkeypatch.setattr(sys, "argv", ["/usr/bin/pytest"])
    assert as_typed(hint) == hint


@pytest.mark.parametrize("given", [["--settings", "here/settings.toml"], ["--settings=here/settings.toml"]])
def test_a_hint_names_the_data_folder_whose_settings_were_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ronde", "incidents", *given])
    assert as_typed("`ronde local up --postgres`") == "`ronde local up --postgres`"
    (tmp_path / "here" / "kafka").mkdir(parents=True)
    assert as_typed("`ronde local up --postgres`") == "`ronde local up --postgres --data here`"


def test_a_hint_of_the_installed_program_names_its_path(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("zzzzzz = 1")
    ran = ronde("settings", "--settings", "s.toml", cwd=str(tmp_path), PATH="/usr/bin:/bin")
    assert f"`{Path(sys.executable).with_name('ronde')} settings` shows all names".encode() in ran.stderr
