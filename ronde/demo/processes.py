"""The demonstration's child processes: each in its own process group, ended by its pid, never left running."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ronde.shared.errors import Failed

GRACE_SECONDS: Final = 6.0  # to drain and leave; then the group is killed
POLL_SECONDS: Final = 0.05
TAIL_LINES: Final = 12


class Child:
    """One process, its output in ``log``. A Ctrl-C in the terminal does not reach it: `stop` ends it."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
        self.name, self.log = name, log
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                command,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise `Failed`, with the end of its log, when the process has ended by itself."""
        code = self._process.poll()
        if code is not None:
            raise Failed(f"the {self.name} ended too early (exit {code}); the end of {self.log}:\n{self.tail()}")

    def wait_until(self, ready: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until ``ready``; `Failed` if the process ends before, or ``seconds`` pass."""
        give_up = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > give_up:
                raise Failed(f"the {self.name} {what} within {seconds:.0f} s; the end of {self.log}:\n{self.tail()}")
            time.sleep(POLL_SECONDS)

    def ask_to_stop(self) -> None:
        """Send SIGTERM to its group, if it runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)

    def stop(self) -> None:
        """End it by SIGTERM, and by SIGKILL after its grace period. Returns when it is gone."""
        self.ask_to_stop()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, by SIGKILL. Returns when it is gone."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def said(self, words: str) -> bool:
        """True once its output contains these words."""
        return words in self.log.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The last lines of its output, indented."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:]) or "    (it said nothing)"
