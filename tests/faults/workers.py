"""Real worker processes, to be killed, stopped and started; each its own session, so nothing of it is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from streams.runtime import faults
from tests.machine import stretched

READY_SECONDS: Final = 120.0
TERMINATE_SECONDS: Final = 8.0
_THREADS_LINES: Final = 120  # that Python writes of a worker's threads
RONDE: Final = ("-c", "from ronde.cli import main; main()")


class Worker:
    """One `ronde worker`, through all its lives; its lines are in ``log``."""

    def __init__(self, name: str, settings: Path, folder: Path, python: Sequence[str] = RONDE) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.lives = 0
        self._settings = settings
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(
        self, *, fault: str | None = None, when: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """Begin a life; ``fault`` and ``when`` are those of `streams.runtime.faults`."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("RONDE_")}
        environ |= environment or {}
        if fault:
            environ[faults.VARIABLE] = fault
        if when:
            environ[faults.WHEN] = str(when)
        assert not self.is_alive, f"{self.name} is running"
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *self._python, "worker", "--settings", str(self._settings)],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.lives += 1  # from now on `Bench.restarting` looks after it

    @property
    def is_alive(self) -> bool:
        """Whether it runs (a stopped one does)."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How its last life ended; negative: by that signal."""
        return None if self._process is None else self._process.poll()

    def wait(self, seconds: float = READY_SECONDS) -> int:
        """Wait for its end; the exit code."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end in {seconds:.0f} s:\n{self.tail()}") from None

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until it says that it is ready."""
        give_up = time.monotonic() + seconds
        while not self.is_ready:
            assert self.is_alive, f"{self.name} ended (exit {self.exit_code}):\n{self.tail()}"
            assert time.monotonic() < give_up, f"{self.name} is not ready in {seconds:.0f} s:\n{self.tail()}"
            time.sleep(0.05)

    @property
    def is_ready(self) -> bool:
        """What ``/ready`` says; False when it says nothing."""
        return self.page("ready") == httpx.codes.OK

    def page(self, name: str) -> int | None:
        """The status of one of its pages; None when it does not answer."""
        address = self.said("worker started", "pages")
        if address is None or not self.is_alive:
            return None
        try:
            return httpx.get(f"{address}/{name}", timeout=2).status_code
        except httpx.TransportError:
            return None

    def counted(self) -> Counter[tuple[str, str, str]]:
        """The inputs that it counts in this life: what was counted, topic and partition."""
        address = self.said("worker started", "pages")
        text = httpx.get(f"{address}/metrics", timeout=30).text
        found: Counter[tuple[str, str, str]] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.startswith("ronde_inputs") and sample.name.endswith("_total"):
                    what = sample.name.removesuffix("_total").removeprefix("ronde_inputs").lstrip("_")
                    found[what or "taken", sample.labels["topic"], sample.labels["partition"]] += int(sample.value)
        return found

    def wait_stopped(self, seconds: float = READY_SECONDS) -> None:
        """Wait until it is stopped (SIGSTOP)."""
        assert self._process is not None
        give_up = time.monotonic() + seconds
        while psutil.Process(self._process.pid).status() != psutil.STATUS_STOPPED:
            assert self.is_alive, f"{self.name} ended (exit {self.exit_code}):\n{self.tail()}"
            assert time.monotonic() < give_up, f"{self.name} does not stop in {seconds:.0f} s:\n{self.tail()}"
            time.sleep(0.02)

    def said(self, event: str, field: str) -> str | None:
        """A field of the last line of this life that tells of an event."""
        for line in reversed(self.lines()):
            if line.get("event") == event:
                return str(line.get(field))
        return None

    def lines(self) -> list[Mapping[str, object]]:
        """The JSON lines of this life."""
        if not self.log.exists():
            return []
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            text = file.read().decode(errors="replace")
        lines: list[Mapping[str, object]] = []
        for line in text.splitlines():
            try:
                read = json.loads(line)
            except ValueError:
                continue
            if isinstance(read, dict):
                lines.append(read)
        return lines

    def send(self, number: signal.Signals) -> None:
        """Signal it."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a crash does."""
        if self.is_alive:
            self.send(signal.SIGKILL)
            self.wait()

    def terminate(self) -> int:
        """Ask it to end, which takes a moment; the exit code."""
        self.send(signal.SIGTERM)
        return self.wait(stretched(TERMINATE_SECONDS))

    def abort(self) -> str:
        """End it, when it stands still and should not; where all its threads were."""
        if self.is_alive:
            self.send(signal.SIGCONT)
            self.send(signal.SIGABRT)
            self.wait()
        return self.tail(_THREADS_LINES)

    def tail(self, lines: int = 25) -> str:
        """The end of what it said."""
        if not self.log.exists():
            return "(it said nothing)"
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
