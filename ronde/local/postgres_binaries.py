"""The programs of PostgreSQL: fetched once per user, checked, and kept (architecture: local servers, real ones).

They are PostgreSQL as it is, built with TLS for each platform, and come from the Maven repository as the jars of
Kafka do. `postgres.lock` lists each archive with its SHA-256 and its size in bytes; `python -m
ronde.local.postgres_binaries` rewrites it from the pins below.

They lie in ``$XDG_CACHE_HOME/ronde/postgres-<version>`` (``~/.cache`` by default; ``/var/cache`` for root, whose home
is closed to the user that PostgreSQL runs as then), and get there whole or not at all.
"""

from __future__ import annotations

import os
import platform
import shutil
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from ronde.local import maven
from ronde.local.lock import alone
from ronde.shared.errors import Failed

VERSION: Final = "18.4.0"
OLDEST: Final = "14.23.0"  # that the ledger runs on; the tests start it, nobody else
LOCK: Final = Path(__file__).with_name("postgres.lock")
GROUP: Final = "io.zonky.test.postgres"
PLATFORMS: Final = ("linux-amd64", "linux-arm64v8", "darwin-amd64", "darwin-arm64v8")

_SYSTEMS: Final = {"Linux": "linux", "Darwin": "darwin"}
_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8"}


class Archive(NamedTuple):
    """One line of the lock: the platform and version it is for, the SHA-256 of its bytes (hex), its size in bytes."""

    platform: str
    version: str
    sha256: str | None  # None: not locked yet
    size: int


def locked() -> dict[tuple[str, str], Archive]:
    """The archives of the lock by platform and version."""
    lines = (line.split() for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    archives = (Archive(on, version, sha256, int(size)) for on, version, sha256, size in lines)
    return {(archive.platform, archive.version): archive for archive in archives}


def this_platform() -> str:
    """What this machine is called in the lock; `Failed` when there is no PostgreSQL for it there."""
    system, machine = platform.system(), platform.machine()
    name = f"{_SYSTEMS.get(system, system)}-{_MACHINES.get(machine.lower(), machine)}"
    if name not in PLATFORMS:
        raise Failed(
            f"no local PostgreSQL for {system} on {machine}, only for {', '.join(PLATFORMS)}: "
            "use a PostgreSQL of your own, and name it in the settings ([postgres])"
        )
    return name


def folder(version: str = VERSION) -> Path:
    """Where the programs of a version are kept (``bin``, ``lib``, ``share``); it need not exist."""
    cache = os.environ.get("XDG_CACHE_HOME") or (Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache")
    return Path(cache) / "ronde" / f"postgres-{version}"


def fetch(version: str = VERSION) -> Path:
    """The folder of the programs, after fetching them if need be; concurrent calls fetch once.

    Raises `Failed` when they cannot be had, or are not those that the lock names.
    """
    target = folder(version)
    if not target.exists():
        archive = locked()[this_platform(), version]
        with alone(target.with_name(f"{target.name}.lock")):
            if not target.exists():
                _fetch(archive, target)
    return target


def _fetch(archive: Archive, target: Path) -> None:
    """Fetch an archive, check it, unpack it beside its place, and move it there."""
    staging = target.with_name(f"{target.name}.new")
    shutil.rmtree(staging, ignore_errors=True)  # half of a fetch that was killed
    try:
        jar = _download(archive, staging / "fetched")
        _unpack(jar, staging / "unpacked")
        (staging / "unpacked").replace(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _download(archive: Archive, into: Path) -> Path:
    project = maven.repository(into).project(GROUP, f"embedded-postgres-binaries-{archive.platform}")
    what = f"PostgreSQL {archive.version} for {archive.platform}"
    return maven.fetch(project.at_version(archive.version).artifact(), what, archive.sha256)


def _unpack(jar: Path, into: Path) -> None:
    """The archive proper is a compressed tar within the jar."""
    with zipfile.ZipFile(jar) as zipped:
        names = [name for name in zipped.namelist() if name.endswith(".txz")]
        with zipped.open(names[0]) as packed, tarfile.open(fileobj=packed, mode="r|xz") as archive:
            archive.extractall(into, filter="data")


def relock() -> None:
    """Fetch every archive of the pins and write the lock."""
    lines = ["# The programs of PostgreSQL: made by `python -m ronde.local.postgres_binaries`, not by hand."]
    with TemporaryDirectory() as staging:
        for version in (VERSION, OLDEST):
            for name in PLATFORMS:
                try:
                    path = _download(Archive(name, version, None, 0), Path(staging))
                except Failed:
                    continue  # not every platform has every version; the tests skip the oldest where it is missing
                lines.append(f"{name} {version} {maven.digest(path)} {path.stat().st_size}")
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    relock()
