"""The record of all measurements: a file of JSON lines a scenario, from which the tables are made."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import psutil

from benchmarks.folders import REPOSITORY, RESULTS

Row: TypeAlias = Mapping[str, Any]
GIT_SECONDS: Final = 10
GIB: Final = 1024**3


def keep(scenario: str, contender: str, repetition: int, parameters: Row, figures: Row) -> dict[str, Any]:
    """Append a row; it is on the disk when this returns, and given back."""
    row = {
        "scenario": scenario,
        "contender": contender,
        "repetition": repetition,
        "measured_at": now(),
        **where(),
        "parameters": dict(parameters),
        **figures,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    with (RESULTS / f"{scenario}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    return row


def now() -> str:
    """The time, as rows have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read(scenario: str, since: str = "", folder: Path = RESULTS) -> list[dict[str, Any]]:
    """The rows of a scenario that were measured at ``since`` (ISO 8601, UTC) or later."""
    path = folder / f"{scenario}.jsonl"
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["measured_at"] >= since]


@cache
def where() -> dict[str, str]:
    """The commit, with a ``+`` when the tree has other changes, and the machine."""
    commit = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": f"{commit}+" if changed else commit, "machine": machine()}


def machine() -> str:
    """The machine in a line."""
    memory = psutil.virtual_memory().total / GIB
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command line
        ["git", *arguments],  # noqa: S607 - whichever git there is
        cwd=REPOSITORY, capture_output=True, text=True, timeout=GIT_SECONDS, check=False,
    )  # fmt: skip
    return done.stdout.strip()
