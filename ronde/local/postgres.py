"""A real PostgreSQL on this machine, from packages alone: where `ronde sink` keeps the ledger.

Everything of a server lies in its data folder: ``port.json``, ``process.json`` (while it runs), ``logs/``, ``data/``.
It listens on the loopback address only and trusts whoever reaches it there, as the local Kafka does. It has a role
and a database named ``ronde``.

PostgreSQL refuses to run as root. Started by root, it runs as ``nobody`` instead, which owns its data, and which
`setpriv` lets into the folders above them; nobody's permissions are changed for it.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from ronde.errors import Failed
from ronde.local import postgres_binaries
from ronde.local.lock import alone
from ronde.local.ports import HOST, free_port, is_free
from ronde.local.process import Process

NAME: Final = "ronde"  # the role, which may do everything, and the database
USUAL_PORT: Final = 5432
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0  # a fast shutdown takes less than one; then it is killed
INIT_SECONDS: Final = 60.0

State: TypeAlias = Literal["running", "paused", "stopped"]

# Over its own defaults; what is said on its command line wins over its configuration file.
PROPERTIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "shared_buffers": "128MB",
        "max_wal_size": "1GB",
        "log_min_messages": "warning",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
)


class Postgres:
    """One server in ``data_dir``; the object may come and go, the server stays.

    ``port`` is where clients connect (default: the one used before, else 5432, else any free one).
    ``extra_properties`` go over the properties above. ``version`` is one of the lock's.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        extra_properties: Mapping[str, str] = MappingProxyType({}),
        version: str = postgres_binaries.VERSION,
    ) -> None:
        self.folder = data_dir.absolute()
        self.logs = self.folder / "logs"
        self.log = self.logs / "server.log"
        self.data = self.folder / "data"
        self._wanted_port = port
        self._extra_properties = extra_properties
        self._version = version
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
        try:
            port: int = json.loads((self.folder / "port.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return port

    @property
    def address(self) -> str:
        """Host and port. Raises `Failed` when it never ran, so that it has no port yet."""
        if self.port is None:
            raise Failed(f"the local PostgreSQL in {self.folder} was never started: it has no address yet")
        return f"{HOST}:{self.port}"

    def conninfo(self, database: str = NAME) -> str:
        """How libpq's clients connect."""
        host, _, port = self.address.partition(":")
        return f"host={host} port={port} dbname={database} user={NAME}"

    def start(self) -> bool:
        """Start it, fetching it first if need be, and wait until it serves clients; False when it ran already.

        Raises `Failed` when it cannot be fetched, the port is taken, it ends or is not ready in time.
        """
        with alone(self.folder / "starting.lock"):
            if self.pid is not None:
                self.resume()
                self._wait_ready()
                return False
            programs = postgres_binaries.fetch(self._version) / "bin"
            self.logs.mkdir(parents=True, exist_ok=True)
            self._choose_port()
            if not (self.data / "PG_VERSION").exists():
                self._initialize(programs)
            properties = {**PROPERTIES, "port": str(self.port), **self._extra_properties}
            options = [part for name, value in properties.items() for part in ("-c", f"{name}={value}")]
            self._process.start(
                [*_unprivileged(), str(programs / "postgres"), "-D", str(self.data), *options],
                cwd=self.folder,
                output=self.log,
            )
            try:
                self._wait_ready()
            except BaseException:  # an interrupt too leaves nothing behind
                self.stop()
                raise
            return True

    def stop(self) -> bool:
        """End it by a fast shutdown, or kill it when that takes too long; False when it did not run."""
        if self.pid is None:
            self._process.wait(0)
            return False
        self._process.send(signal.SIGCONT)  # a paused process would not hear the next one
        self._process.send(signal.SIGINT)
        if not self._process.wait(STOP_SECONDS):
            self.kill()
        return True

    def kill(self) -> None:
        """End it as a crash would (SIGKILL); it recovers at its next start."""
        self._process.send(signal.SIGKILL)
        self._process.wait(STOP_SECONDS)

    def restart(self) -> None:
        """Stop it and start it again on the same port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze its first process (SIGSTOP): whoever is connected may go on, nobody new is let in."""
        self._process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on (SIGCONT)."""
        self._process.send(signal.SIGCONT)

    def _choose_port(self) -> None:
        """Settle the port and remember it; one of before that is taken now gives way."""
        if self._wanted_port is not None and not is_free(self._wanted_port):
            raise Failed(f"port {self._wanted_port} is taken by another program: name another one or stop that program")
        port = self._wanted_port or free_port(self.port or USUAL_PORT)
        (self.folder / "port.json").write_text(json.dumps(port), encoding="utf-8")

    def _initialize(self, programs: Path) -> None:
        """Make an empty data folder a cluster of databases."""
        shutil.rmtree(self.data, ignore_errors=True)  # of an attempt that was cut short
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.data, nobody.pw_uid, nobody.pw_gid)
        command = [*_unprivileged(), str(programs / "initdb"), "-D", str(self.data), "-U", NAME]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        try:
            done = subprocess.run(  # noqa: S603 - our own command line
                command, cwd=self.folder, capture_output=True, text=True, timeout=INIT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"the local PostgreSQL in {self.folder} was not made in {INIT_SECONDS:.0f} s") from error
        if done.returncode:
            raise Failed(f"the local PostgreSQL in {self.folder} could not be made: {_last_lines(done.stderr)}")

    def _wait_ready(self) -> None:
        """Wait until it lets clients in and has its database."""
        give_up = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.pid is None:
                code = self._process.exit_code
                raise Failed(
                    f"the local PostgreSQL ended while it started (exit {code}), see {self.log}: {self._complaint()}"
                )
            if time.monotonic() > give_up:
                raise Failed(
                    f"the local PostgreSQL was not ready in {START_SECONDS:.0f} s, see {self.log}: {self._complaint()}"
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        if self.port is None or is_free(self.port):
            return False
        import psycopg  # noqa: PLC0415 - heavy

        try:
            with psycopg.connect(self.conninfo("postgres"), autocommit=True, connect_timeout=5) as connection:
                there = connection.execute("SELECT FROM pg_database WHERE datname = %s", (NAME,)).fetchone()
                if there is None:
                    connection.execute(f"CREATE DATABASE {NAME}")
        except psycopg.OperationalError:
            return False
        return True

    def _complaint(self) -> str:
        """What it said went wrong, in one line."""
        said = self.log.read_text(encoding="utf-8", errors="replace")
        return _last_lines("\n".join(line for line in said.splitlines() if "FATAL" in line or "HINT" in line) or said)


def _unprivileged() -> Sequence[str]:
    """What stands before a command, so that it does not run as root."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Failed("PostgreSQL does not run as root, and `setpriv` (util-linux) is not here: run as another user")
    nobody = pwd.getpwnam("nobody")
    access = "+dac_override"  # or it could not pass a folder above that is root's alone
    return (
        setpriv,
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        f"--inh-caps={access}",
        f"--ambient-caps={access}",
        "--",
    )


def _last_lines(text: str) -> str:
    """The end of a program's output, in one line."""
    return " / ".join(text.strip().splitlines()[-3:]) or "it said nothing"
