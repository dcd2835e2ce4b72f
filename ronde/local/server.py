"""A server on this machine, in a folder of its own: how it is started, waited for, frozen and ended.

Everything of a server lies in its folder: ``ports.json``, ``process.json`` (while it runs), ``logs/`` and ``data/``,
and what it is configured by (rewritten at each start). It listens on the loopback address only.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final, Literal, TypeAlias

from ronde.local.lock import alone
from ronde.local.ports import HOST, free_port, is_free
from ronde.local.process import Process
from ronde.shared.errors import Failed

START_SECONDS: Final = 180.0  # takes five, unless the machine has much else to do
STOP_SECONDS: Final = 30.0  # an orderly end takes less than one; then it is killed
MAKE_SECONDS: Final = 180.0
PAUSE_SECONDS: Final = 10.0
CLIENTS: Final = "clients"  # the name of the port that everybody knows

State: TypeAlias = Literal["running", "paused", "stopped"]


class Server(ABC):
    """A server on this machine, with all that is its own in ``folder``; the object may come and go, the server stays.

    ``port`` is where clients connect (default: the one used before, else its usual one, else any free one).
    """

    title: ClassVar[str]
    usual_port: ClassVar[int]  # taken when it is free, so that the settings' defaults find the server
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: Path, port: int | None) -> None:
        self.folder = folder.absolute()
        self.logs = self.folder / "logs"
        self.log = self.logs / "server.log"
        self.data = self.folder / "data"
        self._wanted_port = port
        self._log_start = 0  # where this start's lines begin in the log
        self._process = Process(self.folder / "process.json")

    @property
    def pid(self) -> int | None:
        """The server's pid while it runs or is paused, else None."""
        return self._process.pid

    @property
    def state(self) -> State:
        """Whether it runs."""
        return "stopped" if self.pid is None else "paused" if self._process.is_paused else "running"

    @property
    def port(self) -> int | None:
        """Where clients connect; None before the first start."""
        return self._ports().get(CLIENTS)

    @property
    def address(self) -> str:
        """Host and port. Raises `Failed` when it never ran, so that it has no port yet."""
        if self.port is None:
            raise Failed(f"the local {self.title} in {self.folder} was never started: it has no address yet")
        return f"{HOST}:{self.port}"

    def start(self) -> bool:
        """Start it, fetching it first if need be, and wait until it serves clients; False when it ran already.

        Raises `Failed` when it cannot be had, the port is taken, it ends or is not ready in time.
        """
        with alone(self.folder / "starting.lock"):
            if self.pid is not None:
                self.resume()
                self._wait_ready()
                return False
            self.logs.mkdir(parents=True, exist_ok=True)
            self._choose_ports()
            command = self._prepare()
            is_written_anew = self._output == self.log or not self.log.exists()
            self._log_start = 0 if is_written_anew else self.log.stat().st_size
            self._process.start(command, cwd=self.folder, output=self._output)
            try:
                self._wait_ready()
            except BaseException:  # an interrupt too leaves nothing behind
                self.stop()
                raise
            return True

    def stop(self) -> bool:
        """End it in order, or kill it when that takes too long; False when it did not run."""
        if self.pid is None:
            self._process.wait(0)
            return False
        self._process.send(signal.SIGCONT)  # a paused process would not hear the next one
        self._process.send(self.stop_signal)
        if not self._process.wait(STOP_SECONDS):
            self.kill()
        return True

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self._process.send(signal.SIGKILL)
        self._process.wait(STOP_SECONDS)

    def pause(self) -> None:
        """Freeze its first process (SIGSTOP): connections stay, nobody new is let in. Returns when it is."""
        self._process.send(signal.SIGSTOP)
        # The signal stops one thread after the other; a busy machine takes its time over a JVM's.
        give_up = time.monotonic() + PAUSE_SECONDS
        while self.pid is not None and not self._process.is_paused and time.monotonic() < give_up:
            time.sleep(0.01)

    def resume(self) -> None:
        """Let a paused server go on (SIGCONT)."""
        self._process.send(signal.SIGCONT)

    @abstractmethod
    def _prepare(self) -> Sequence[str]:
        """Fetch, make and write what it needs, its ports being settled; the command line that runs it."""

    @abstractmethod
    def _answers(self) -> bool:
        """True when it serves clients."""

    def _complaint(self) -> str:
        """What it said went wrong since it was started, in one line."""
        return last_lines("\n".join(self._said()))

    @property
    def _output(self) -> Path:
        """Where what it prints goes, rewritten at each start: its log, unless it writes that by itself."""
        return self.log

    def _more_ports(self) -> dict[str, int]:
        """Ports beside the clients', by name."""
        return {}

    def _ports(self) -> dict[str, int]:
        """The ports of its last start; none where the file is missing, or was cut short by a full disk."""
        try:
            ports = json.loads((self.folder / "ports.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return ports if isinstance(ports, dict) else {}

    def _choose_ports(self) -> None:
        """Settle the ports and remember them; one of before that is taken now gives way."""
        if self._wanted_port is not None and not is_free(self._wanted_port):
            raise Failed(f"port {self._wanted_port} is taken by another program: name another one or stop that program")
        clients = self._wanted_port or free_port(self.port or self.usual_port)
        ports = {CLIENTS: clients, **self._more_ports()}
        written = self.folder / "ports.new"
        written.write_text(json.dumps(ports), encoding="utf-8")
        written.replace(self.folder / "ports.json")

    def _make(self, command: Sequence[str]) -> None:
        """Make its empty data folder by a program of its own."""
        try:
            done = subprocess.run(  # noqa: S603 - our own command line
                command, cwd=self.folder, capture_output=True, text=True, timeout=MAKE_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(
                f"the data of the local {self.title} in {self.folder} was not made in {MAKE_SECONDS:.0f} s"
            ) from error
        if done.returncode:
            raise Failed(
                f"the data of the local {self.title} in {self.folder} could not be made: {last_lines(done.stderr)}"
            )

    def _wait_ready(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while not (self.port is not None and not is_free(self.port) and self._answers()):
            if self.pid is None:
                code = self._process.exit_code
                raise Failed(
                    f"the local {self.title} ended while it started (exit {code}), see {self.log}: {self._complaint()}"
                )
            if time.monotonic() > give_up:
                raise Failed(
                    f"the local {self.title} was not ready in {START_SECONDS:.0f} s, see {self.log}: "
                    f"{self._complaint()}"
                )
            time.sleep(0.05)

    def _said(self) -> list[str]:
        """The lines of its log since it was started."""
        if not self.log.exists():
            return []
        with self.log.open(encoding="utf-8", errors="replace") as file:
            file.seek(self._log_start)
            return file.read().splitlines()


def last_lines(text: str) -> str:
    """The end of a program's output, in one line."""
    lines = [
        line.strip() for line in text.splitlines() if line.strip() and not line.startswith("\tat ")
    ]  # Java's stack
    return " / ".join(lines[-3:]) or "it said nothing"
