"""A server's process, known by its pid and start time, across runs of the command line.

The pid alone is not enough: after a crash or a reboot it may be another program's, which must never be
signalled. Start times are those of the operating system, in seconds since 1970.
"""

import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

SAME_START: Final = 2.0  # seconds within which two start times are the same: the clock they count from is adjusted

# Those that this program started, by pid: only it can learn how they ended. They outlive the objects below, and
# may outlive the program.
_children: Final[dict[int, subprocess.Popen[bytes]]] = {}


class Process:
    """The process recorded in ``record`` (a JSON file), running or not; objects come and go, the process stays."""

    def __init__(self, record: Path) -> None:
        self.record = record
        self._started: int | None = None  # the pid of the one that this object started

    def start(self, command: Sequence[str], *, cwd: Path, output: Path) -> None:
        """Start ``command`` in a session of its own (a Ctrl-C here is not for it), its output to a file."""
        with output.open("wb") as file:
            child = subprocess.Popen(  # noqa: S603 - our own command line
                command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        _children[child.pid] = child
        self._started = child.pid
        written = self.record.with_suffix(".new")
        fact = {"pid": child.pid, "started": psutil.Process(child.pid).create_time()}
        written.write_text(json.dumps(fact), encoding="utf-8")
        written.replace(self.record)

    @property
    def pid(self) -> int | None:
        """Its pid while it runs or is paused, else None."""
        running = self._running()
        return running.pid if running else None

    @property
    def is_paused(self) -> bool:
        """True while a SIGSTOP holds it."""
        running = self._running()
        return running is not None and running.status() == psutil.STATUS_STOPPED

    @property
    def exit_code(self) -> int | None:
        """How it ended, when this object started it and it did."""
        child = _children.get(self._started or 0)
        return child.poll() if child else None

    def send(self, signum: signal.Signals) -> None:
        """Signal it, if it runs."""
        if running := self._running():
            running.send_signal(signum)

    def wait(self, seconds: float) -> bool:
        """True once it no longer runs; False when it still does after ``seconds``."""
        if running := self._running():
            try:
                _children.get(running.pid, running).wait(seconds)
            except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                return False
        self.record.unlink(missing_ok=True)
        return True

    def _running(self) -> psutil.Process | None:
        """The recorded process, if it is still that one."""
        try:
            recorded = json.loads(self.record.read_text(encoding="utf-8"))
            process = psutil.Process(int(recorded["pid"]))
            same = abs(process.create_time() - float(recorded["started"])) < SAME_START
            if (child := _children.get(process.pid)) and same:
                # A dying process looks dead before its last thread let go of its ports; its parent knows better.
                return process if child.poll() is None else None
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (OSError, ValueError, KeyError, TypeError, psutil.NoSuchProcess):
            return None
