"""A real PostgreSQL on this machine, from packages alone: where `ronde sink` keeps the ledger.

It trusts everyone who reaches it on the loopback address, as the local Kafka does. It has a role and a database named
``ronde``.

PostgreSQL refuses to run as root. Started by root, it runs as ``nobody`` instead, which owns its data, and which
`setpriv` lets into the folders above them; nobody's permissions are changed for it.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ronde.local import postgres_binaries
from ronde.local.ports import HOST
from ronde.local.server import START_SECONDS, Server, last_lines
from ronde.shared.errors import Failed

NAME: Final = "ronde"  # the role, which may do everything, and the database

# What it says while processes of its last run are still there: they end by themselves once they notice.
_LEFT_BEHIND: Final = "pre-existing shared memory block"
_AGAIN_SECONDS: Final = 0.5

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


class Postgres(Server):
    """A PostgreSQL server, with all that is its own in ``data_dir``.

    ``extra_properties`` go over the properties above. ``version`` is one of the lock's.
    """

    title = "PostgreSQL"
    usual_port = 5432
    stop_signal = signal.SIGINT  # a fast shutdown: it disconnects its clients

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        extra_properties: Mapping[str, str] = MappingProxyType({}),
        version: str = postgres_binaries.VERSION,
    ) -> None:
        super().__init__(data_dir, port)
        self._extra_properties = extra_properties
        self._version = version

    def start(self) -> bool:
        """Start it, as `Server` does; where its last run was killed, once what that left behind has ended."""
        give_up = time.monotonic() + START_SECONDS
        while True:
            try:
                return super().start()
            except Failed:
                is_left = any(_LEFT_BEHIND in line for line in self._said())
                if not is_left or time.monotonic() > give_up:
                    raise
            time.sleep(_AGAIN_SECONDS)

    def conninfo(self, database: str = NAME) -> str:
        """How libpq's clients connect."""
        host, _, port = self.address.partition(":")
        return f"host={host} port={port} dbname={database} user={NAME}"

    def _prepare(self) -> Sequence[str]:
        programs = postgres_binaries.fetch(self._version) / "bin"
        if not (self.data / "PG_VERSION").exists():
            self._initialize(programs)
        properties = {**PROPERTIES, "port": str(self.port), **self._extra_properties}
        options = [part for name, value in properties.items() for part in ("-c", f"{name}={value}")]
        return [*_unprivileged(), str(programs / "postgres"), "-D", str(self.data), *options]

    def _initialize(self, programs: Path) -> None:
        """Make an empty data folder a cluster of databases."""
        shutil.rmtree(self.data, ignore_errors=True)  # of an attempt that was cut short
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.data, nobody.pw_uid, nobody.pw_gid)
        command = [*_unprivileged(), str(programs / "initdb"), "-D", str(self.data), "-U", NAME]
        command += ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._make(command)

    def _answers(self) -> bool:
        """True when it lets clients in and has its database."""
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
        said = self._said()
        return last_lines("\n".join([line for line in said if "FATAL" in line or "HINT" in line] or said))


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
