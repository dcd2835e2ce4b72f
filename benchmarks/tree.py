"""A process and its children: what they use of the machine, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

GRACE_SECONDS: Final = 8.0
MIB: Final = 1024**2
NANOSECONDS: Final = 1e9
# Its processes are looked for so often: that goes through all of the machine's, which costs what is measured.
FIND_SECONDS: Final = 0.5


class Tree:
    """A process in a group of its own, its output in the file ``log``."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: str = "log") -> None:
        self.log = folder / log
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                start_new_session=True, env={**os.environ, **environment},
            )  # fmt: skip
        self.peak_mib = 0.0
        self._cpu: dict[int, float] = {}
        self._members: list[psutil.Process] = []
        self._found_at = -FIND_SECONDS

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def cpu_seconds(self) -> float:
        """User and system time of all of them so far, those that have ended included; notes the memory too."""
        peak = 0
        for process in self._found():
            try:
                times = process.cpu_times()
                self._cpu[process.pid] = times.user + times.system
                peak += _peak_bytes(process.pid)
            except (psutil.Error, OSError):
                continue  # it has just ended
        self.peak_mib = max(self.peak_mib, peak / MIB)
        return sum(self._cpu.values())

    def waited_seconds(self) -> float:
        """How long their threads, each for itself, could have run and had no core. Linux only, elsewhere 0."""
        waited = 0
        for each in self._found():
            for path in Path(f"/proc/{each.pid}/task").glob("*/schedstat"):
                with suppress(OSError):  # it has just ended
                    waited += int(path.read_text(encoding="utf-8").split()[1])
        return waited / NANOSECONDS

    def halt(self) -> None:
        """SIGSTOP to all of them."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT to all of them."""
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL to all of them; returns when the first is gone."""
        self._send(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, then past its grace SIGKILL; returns when it is gone."""
        self._send(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self.kill()

    def _send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _found(self) -> list[psutil.Process]:
        now = time.monotonic()
        if now - self._found_at >= FIND_SECONDS:
            self._found_at = now
            with suppress(psutil.NoSuchProcess):  # those known so far have ended then, which is no harm
                first = psutil.Process(self._process.pid)
                self._members = [first, *first.children(recursive=True)]
        return self._members


def _peak_bytes(pid: int) -> int:
    """The most memory that a process has held, by the kernel's own account (VmHWM)."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():  # not Linux: what it holds now
        return int(psutil.Process(pid).memory_info().rss)
    line = next((line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")), "0 0")
    return int(line.split()[1]) * 1024
