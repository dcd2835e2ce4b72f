"""`ronde simulate`, as a person or a program runs it; what it plays is tested in tests/streams."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.streams.scenarios import alert, at, callback, line, site, told

STORY = b"".join(
    [
        site(at(0)),
        site(at(0), "S2", instructions="sous le pot — é 🔑"),
        alert(at(1)),
        alert(at(1), "A1", "S2"),
        callback(at(2), situation="ABNORMAL"),
        line(at(2), "alerts", {"site_id": "S1"}),
    ]
)


def ronde(*arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", "from ronde.cli import main; main()", *arguments],
        input=stdin,
        capture_output=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("RONDE_")} | (env or {}),
        check=False,
        timeout=60,
    )


@pytest.mark.slow
def test_reads_standard_input_and_writes_records() -> None:
    done = ronde("simulate", "-", "--until", at(3), stdin=STORY)

    assert (done.returncode, done.stderr) == (0, b"")
    assert told(map(json.loads, done.stdout.splitlines())) == [
        "00:00:00 S1 readiness",
        "00:00:00 S2 readiness",
        "00:01:00 S1 calls",
        "00:01:00 S1 decisions OPENED",
        "00:01:00 S2 calls",
        "00:01:00 S2 decisions OPENED",
        "00:02:00 S1 calls",
        "00:02:00 S1 dispatches CONFIRMED_ABNORMAL",
        "00:02:00 S1 decisions CONFIRMED_ABNORMAL",
        "00:02:00 S1 dead-letters UNDECODABLE",
        "00:03:00 S2 calls",
        "00:03:00 S2 decisions NEXT_CONTACT",
    ]


@pytest.mark.slow
def test_the_same_bytes_in_any_time_zone_locale_and_hash_seed(tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    file.write_bytes(STORY)
    surroundings: list[dict[str, str]] = [
        {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0"},
        {"TZ": "Asia/Kathmandu", "LC_ALL": "fr_FR.UTF-8", "PYTHONHASHSEED": "1"},
        {"TZ": "America/St_Johns", "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONHASHSEED": "2"},
    ]
    outputs = {ronde("simulate", str(file), "--until", at(30), env=env).stdout for env in surroundings}

    assert len(outputs) == 1
    assert "🔑".encode() in outputs.pop()


def test_a_bad_line_is_named_after_the_records_before_it() -> None:
    done = ronde("simulate", stdin=site(at(0)) + b"\n{]\n" + alert(at(1)))

    assert done.returncode == 2
    assert told(map(json.loads, done.stdout.splitlines())) == ["00:00:00 S1 readiness"]
    assert done.stderr.startswith(b"ronde: standard input, line 3: not a JSON object")


def test_until_before_the_last_line_is_wrong_use_after_its_records() -> None:
    done = ronde("simulate", "--until", at(0, 30), stdin=site(at(0)) + alert(at(1)))

    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 3
    assert b"--until" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["/nowhere/story.jsonl"], b"/nowhere/story.jsonl: No such file"),
        (["."], b".: Is a directory"),
        (["-", "--until", "tomorrow"], b"--until is not an RFC 3339 instant"),
        (["-", "--settings", "/nowhere/ronde.toml"], b"/nowhere/ronde.toml"),
        (["-", "--untill", "2026-01-01T00:00:00Z"], b"--untill"),
    ],
)
def test_wrong_use_is_named_without_a_traceback(arguments: list[str], named: bytes) -> None:
    done = ronde("simulate", *arguments, stdin=STORY)

    assert (done.returncode, done.stdout) == (2, b"")
    assert named in done.stderr
    assert b"Traceback" not in done.stderr


def test_the_settings_replace_the_procedures(tmp_path: Path) -> None:
    settings = tmp_path / "quick.toml"
    settings.write_text('[procedures.SECURITY]\nversion = "security/2"\ncall_timeout_seconds = 5\n')
    done = ronde("simulate", "-", "--settings", str(settings), stdin=site(at(0)) + alert(at(1)))

    decision = json.loads(done.stdout.splitlines()[-1])["value"]
    assert decision["procedure_version"] == "security/2"
    assert decision["deadline"] == at(1, 5)


def test_a_reader_that_has_seen_enough_is_left_in_peace(tmp_path: Path) -> None:
    file = tmp_path / "story.jsonl"
    file.write_bytes(site(at(0)) + b"".join(alert(at(1, number / 1000), f"A{number}") for number in range(5000)))
    with subprocess.Popen(
        [sys.executable, "-c", "from ronde.cli import main; main()", "simulate", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(10) == b'{"at":"202'
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_a_failure() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", "from ronde.cli import main; main()", "simulate"],
            input=STORY,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"ronde: standard output: No space left on device")
