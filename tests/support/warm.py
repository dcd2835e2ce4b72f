"""Processes of `ronde` that are forked from one that has imported all they need already.

A command of `ronde` takes about a second of a core to import what it runs, and the tests start hundreds of them. So
the first process of each command is a program of its own, as an operator starts it, and so is every process whose
environment would change how Python or its libraries start; all others are forked from a process that stops short of
running the command. Each has a pid, a session, an environment and a log of its own, as if it had been started.

``python -m tests.support.warm MODULE COMMAND FD`` is that process: it takes a request (`Request`, and the files it
writes to) from the socket FD, forks, and writes the new pid, and at its end its exit code, into a pipe.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import wait  # by `poll`: `select` refuses numbers above 1023
from pathlib import Path
from typing import IO, Final, NamedTuple, TypeAlias

from service.faults import FaultPoints
from streams.runtime import native_form

RONDE: Final = "ronde.cli"

_LARGEST: Final = 200_000  # bytes of a request
# What a process reads before its first line of Python, or while it imports.
_OF_THE_START: Final = ("LANG", "LC_", "LD_", "PATH", "PYTHON", "TEST_RONDE_PURE", "TZ")
# Faults that are put into the pipeline while it is imported (`service.faults`).
_IMPORTED_FAULT: Final = "core_"
_FAULTS: Final = (
    "edges.partners.faults",
    "edges.portal.faults",
    "edges.receiver.faults",
    "sinks.faults",
    "streams.runtime.faults",
)

# What a command imports once it runs, by command: what would take long.
_LATE: Final[Mapping[str, Sequence[str]]] = {
    "worker": ("aiokafka", "faust.assignor.partition_assignor", "faust.tables", "faust.topics", "faust.worker"),
}

# By module and command.
_started: Final[Counter[tuple[str, str]]] = Counter()
_fork_servers: Final[dict[tuple[str, str], ForkServer]] = {}
_starting: Final = threading.Lock()


class Request(NamedTuple):
    """What a forked process has instead of what its fork server has."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str


class ForkedProcess:
    """A forked process, as `subprocess.Popen` shows one that was started."""

    def __init__(self, status: int) -> None:
        self._status = os.fdopen(status, "rb", buffering=0)
        self._lock = threading.Lock()
        self.returncode: int | None = None
        self.pid = int(self._line())

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        with self._lock:
            if self.returncode is None and wait([self._status.fileno()], 0):
                self.returncode = int(self._line() or -signal.SIGKILL)  # nobody says it: the fork server was killed
                self._status.close()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; the exit code. Raises as `subprocess.Popen` does."""
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = 1.0 if end is None else end - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            try:
                wait([self._status.fileno()], min(left, 1.0))
            except ValueError:  # another thread has seen its end
                continue
        return code

    def send_signal(self, number: int) -> None:
        """Signal it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _line(self) -> bytes:
        return self._status.readline()


class ForkServer:
    """The process that the others of one command are forked from."""

    def __init__(self, module: str, command: str) -> None:
        self._socket, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._socket, its):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)
        with its:
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, module, command, str(its.fileno())],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
                start_new_session=True,  # an interrupt is not for it; it ends when the socket is closed
            )
        atexit.register(process.wait)
        atexit.register(self._socket.close)

    def start(self, request: Request, output: IO[bytes]) -> ForkedProcess:
        """A forked process that writes to ``output``."""
        status, its = os.pipe()
        try:
            message = json.dumps(request).encode()
            assert len(message) < _LARGEST
            socket.send_fds(self._socket, [message], [output.fileno(), its])
        finally:
            os.close(its)
        return ForkedProcess(status)


Process: TypeAlias = subprocess.Popen[bytes] | ForkedProcess


def start(arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes], module: str = RONDE) -> Process:
    """Start a module with its arguments, in a session of its own."""
    key = (module, arguments[0] if module == RONDE else "")
    with _starting:
        _started[key] += 1
        if _started[key] > 1 and sys.platform == "linux" and _is_usual(environment):
            if key not in _fork_servers:
                _fork_servers[key] = ForkServer(*key)
            return _fork_servers[key].start(Request(list(arguments), dict(environment), str(Path.cwd())), output)
    return subprocess.Popen(
        [sys.executable, "-c", f"from {module} import main; main()", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _is_usual(environment: Mapping[str, str]) -> bool:
    """Whether a process of this environment starts as those of the tests' own do."""

    def of_the_start(variables: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in variables.items() if name.startswith(_OF_THE_START)}

    armed = any(_IMPORTED_FAULT in value for name, value in environment.items() if name.startswith("TEST_RONDE_"))
    return not armed and of_the_start(environment) == of_the_start(os.environ)


class _ForkLoop:
    """The loop of the fork server's process."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._pipes: dict[int, int] = {}  # by the forked process's pid, where its end is written
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)

    def serve(self) -> Request | None:
        """Fork at each request: the new process returns with it, this one with None when nobody can ask any more."""
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            ready = wait([self._requests, self._woken])
            if self._woken in ready:
                self._woken.recv(4096)
                self._report_ends()
            if self._requests in ready:
                message, files, _, _ = socket.recv_fds(self._requests, _LARGEST, 2)
                if not message:
                    return None
                output, pipe = files
                pid = os.fork()
                if pid == 0:
                    request = Request(*json.loads(message))
                    self._become(request, output)
                    return request
                os.close(output)
                self._pipes[pid] = pipe
                os.write(pipe, b"%d\n" % pid)

    def _report_ends(self) -> None:
        while self._pipes:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            pipe = self._pipes.pop(pid)
            with suppress(BrokenPipeError):  # nobody waits for it
                os.write(pipe, b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(pipe)

    def _become(self, request: Request, output: int) -> None:
        """Make the forked process what a started one would be."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        for end in (self._requests, self._woken, self._waker):
            end.close()
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        os.environ.update(request.environment)
        os.chdir(request.folder)
        sys.argv = ["-c", *request.arguments]
        sys.path[0] = ""
        for points in (value for name in _FAULTS if name in sys.modules for value in vars(sys.modules[name]).values()):
            if isinstance(points, FaultPoints):
                points.arm()


def _main() -> None:
    """Import a module, and a command of `ronde`, and run it in each forked process."""
    _, module, command, requests = sys.argv
    native_form.use()
    main = importlib.import_module(module).main
    for name in (f"ronde.commands.{command}", *_LATE.get(command, ())) if command else ():
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # so that the forked processes share it
    with socket.socket(fileno=int(requests)) as asked:
        request = _ForkLoop(asked).serve()
    if request is not None:
        main()


if __name__ == "__main__":
    _main()
