"""Run what needs no Kafka and no PostgreSQL, in several processes that each collect files of their own: `make quick`.

Processes of pytest-xdist collect every test each, which takes a third of the time that these run for.

``python -m tests.quick PROCESSES``
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, NamedTuple

import pytest

_ROOT: Final = Path(__file__).parents[1]
_WITHOUT: Final = ("faults", "kafka", "security")  # folders whose tests all need a server
_WHICH: Final = "not soak and not long and not server and not slow"


class _Share(NamedTuple):
    process: subprocess.Popen[bytes]
    output: IO[bytes]


def shares(number: int) -> list[list[str]]:
    """The files of the tests, in so many parts that take about as long.

    Folder by folder, the largest file first, each goes to the part that has the least so far.
    """
    tests = _ROOT / "tests"
    files = [file for file in tests.rglob("test_*.py") if file.relative_to(tests).parts[0] not in _WITHOUT]
    parts: list[list[str]] = [[] for _ in range(number)]
    sizes = [0] * number
    for file in sorted(files, key=lambda file: (file.parent, -file.stat().st_size, file)):
        least = sizes.index(min(sizes))
        parts[least].append(str(file.relative_to(_ROOT)))
        sizes[least] += file.stat().st_size
    return parts


def _begun(files: list[str]) -> _Share:
    output = TemporaryFile()  # noqa: SIM115 - read once the process has ended
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", _WHICH, *files]
    return _Share(subprocess.Popen(command, cwd=_ROOT, stdout=output, stderr=subprocess.STDOUT), output)


def main() -> int:
    """Run them, and show what each process said once it has ended; the worst exit code."""
    begun = [_begun(files) for files in shares(int(sys.argv[1]))]
    worst: int = pytest.ExitCode.OK
    for process, output in begun:
        code = process.wait()
        output.seek(0)
        sys.stdout.buffer.write(output.read())
        sys.stdout.flush()
        worst = max(worst, abs(code))
    return worst


if __name__ == "__main__":
    sys.exit(main())
