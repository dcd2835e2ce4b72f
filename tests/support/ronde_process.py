"""A `ronde` command as an operator starts it: a process, its log, its pages, its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

from tests.support import warm
from tests.support.waiting import PATIENCE, eventually

RONDE: Final = ("-c", "from ronde.cli import main; main()")
_THREADS_LINES: Final = 120  # that Python writes of a process's threads


class RondeProcess:
    """``ronde ARGUMENTS``, through all its lives, each in a session of its own; what it writes is in ``log``."""

    def __init__(self, name: str, arguments: Sequence[str | Path], log: Path, python: Sequence[str] = RONDE) -> None:
        self.name = name
        self.log = log
        self.lives = 0
        self._arguments = [*map(str, arguments)]
        self._python = python
        self._process: warm.Process | None = None
        self._log_start = 0

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Begin a life. No ``RONDE_…`` of the tests' environment reaches it."""
        assert not self.is_alive, f"{self.name} is running"
        environ = {name: value for name, value in os.environ.items() if not name.startswith("RONDE_")}
        environ |= environment or {}
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = self._start(environ, output)
        self.lives += 1

    def _start(self, environment: Mapping[str, str], output: IO[bytes]) -> warm.Process:
        if self._python == RONDE:
            return warm.start(self._arguments, environment, output)
        return subprocess.Popen(
            [sys.executable, *self._python, *self._arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def process(self) -> warm.Process:
        """The process of the last life."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    @property
    def is_alive(self) -> bool:
        """Whether it runs (a stopped one does)."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How its last life ended; negative: by that signal."""
        return None if self._process is None else self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Signal it."""
        self.process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end; the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end in {seconds:.0f} s:\n{self.tail()}") from None

    def stop(self, seconds: float = PATIENCE) -> int:
        """SIGTERM; the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> None:
        """End it as a crash does; nothing where it has ended."""
        if self.is_alive:
            self.send(signal.SIGCONT)
            self.send(signal.SIGKILL)
            self.wait()

    def abort(self) -> str:
        """End it, when it stands still and should not; where all its threads were."""
        if self.is_alive:
            self.send(signal.SIGCONT)
            self.send(signal.SIGABRT)
            self.wait()
        return self.tail(_THREADS_LINES)

    def said(self) -> str:
        """All that it wrote in this life."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")

    def tail(self, lines: int = 25) -> str:
        """The end of what it wrote, in all its lives."""
        if not self.log.exists():
            return "(it wrote nothing)"
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of this life."""
        lines = []
        for line in self.said().splitlines():
            try:
                read = json.loads(line)
            except ValueError:
                continue
            if isinstance(read, dict):
                lines.append(read)
        return lines

    def field(self, event: str, name: str) -> str | None:
        """A field of the last line of an event."""
        for line in reversed(self.lines):
            if line.get("event") == event:
                return str(line.get(name))
        return None

    def logged(self, event: str) -> bool:
        """Whether it logged an event."""
        return any(line.get("event") == event for line in self.lines)

    @property
    def address(self) -> str | None:
        """Where its pages are; None before it says so, or after its end."""
        return next((line["pages"] for line in self.lines if "pages" in line), None) if self.is_alive else None

    def page(self, name: str) -> tuple[int, str]:
        """A page's status and text; 0 while nothing listens."""
        address = self.address
        if address is None:
            return 0, ""
        try:
            with urllib.request.urlopen(f"{address}/{name}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self) -> bool:
        """What ``/ready`` says; False when it says nothing."""
        return self.page("ready")[0] == 200

    def reasons(self) -> dict[str, str]:
        """What ``/ready`` says that it waits for."""
        _, text = self.page("ready")
        reasons: dict[str, str] = json.loads(text)["reasons"] if text else {"process": "starts"}
        return reasons

    def wait_ready(self, seconds: float = PATIENCE) -> None:
        """Wait until it says that it is ready; it must not end meanwhile."""

        def probe() -> bool:
            assert self.is_alive, f"{self.name} ended (exit {self.exit_code}):\n{self.tail()}"
            return self.is_ready()

        try:
            eventually(probe, f"{self.name} is ready", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.reasons()}\n{self.tail()}") from None

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all series that have these labels."""
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        total = 0.0
        for line in self.page("metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            found, _, rest = series.partition("{")
            if found == name and wanted <= set(rest.rstrip("}").split(",")):
                total += float(value)
        return total

    def report(self) -> None:
        """Print what it says of itself: the report of a failed test shows it."""
        print(self.log.read_text(encoding="utf-8"))  # noqa: T201  # for the report
        for page in ("ready", "health", "metrics"):
            lines = (line for line in self.page(page)[1].splitlines() if "bucket" not in line)
            print(page, *lines, sep="\n  ")  # noqa: T201
