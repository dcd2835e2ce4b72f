"""The jars of Apache Kafka: downloaded once per user, checked, and kept (ARCHITECTURE.md §6).

`kafka.lock` lists each jar with its SHA-256 and its size in bytes, so a start resolves nothing and runs
the same bytes everywhere. `python -m ronde.local.jars` rewrites it from the pins below.

The jars are in ``$XDG_CACHE_HOME/ronde/kafka-<version>`` (``~/.cache`` by default), one folder for every
data folder and every test run. A jar is moved there only when complete and checked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ronde.local import maven
from ronde.local.lock import alone

if TYPE_CHECKING:
    from jgo.maven import MavenContext

VERSION: Final = "4.3.1"
LOCK: Final = Path(__file__).with_name("kafka.lock")
# The clients are pinned beside the server, or the resolver chooses older ones.
PINS: Final = (
    f"org.apache.kafka:kafka_2.13:{VERSION}",
    f"org.apache.kafka:kafka-clients:{VERSION}",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3",
    "org.apache.logging.log4j:log4j-core:2.25.3",
)
FETCHERS: Final = 4  # at the same time

Progress: TypeAlias = Callable[[int, int], None]
"""Told after each jar: bytes fetched so far, bytes to fetch in all."""


class Jar(NamedTuple):
    """One line of the lock: what it is, the SHA-256 of its bytes (hex), its size in bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """The name it is kept under, as in any Maven repository."""
        return f"{self.artifact}-{self.version}.jar"


def locked() -> list[Jar]:
    """The jars of the lock, in the order of the class path."""
    lines = (line.split() for line in LOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    jars = [(coordinate.split(":"), sha256, int(size)) for coordinate, sha256, size in lines]
    return [Jar(group, artifact, version, sha256, size) for (group, artifact, version), sha256, size in jars]


def folder() -> Path:
    """Where the jars are kept; it need not exist."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "ronde" / f"kafka-{VERSION}"


def missing() -> list[Jar]:
    """The jars still to be fetched."""
    return [jar for jar in locked() if not (folder() / jar.file_name).exists()]


def fetch(progress: Progress = lambda _fetched, _total: None) -> list[Path]:
    """Return the class path, after downloading missing jars; concurrent calls download once.

    Raises `Failed` when a jar cannot be downloaded, or differs from the lock.
    """
    if missing():
        with alone(folder() / "fetching.lock"):
            _fetch(missing(), progress)
    return [folder() / jar.file_name for jar in locked()]


def _fetch(jars: list[Jar], progress: Progress) -> None:
    """Fetch these jars, several at a time."""
    total = sum(jar.size for jar in jars)
    fetched = 0
    progress(fetched, total)
    staging = folder() / "fetching"
    shutil.rmtree(staging, ignore_errors=True)  # half a jar of a fetch that was killed
    with ThreadPoolExecutor(FETCHERS) as fetchers:
        context = maven.repository(staging)
        running = {fetchers.submit(_fetch_one, jar, context): jar for jar in jars}
        try:
            for future, jar in running.items():
                future.result()
                fetched += jar.size
                progress(fetched, total)
        except BaseException:
            fetchers.shutdown(wait=True, cancel_futures=True)
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _fetch_one(jar: Jar, context: MavenContext) -> None:
    """Fetch one jar, and move it to where it stays."""
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    path = maven.fetch(artifact, f"{jar.file_name} of Apache Kafka {VERSION}", jar.sha256)
    path.replace(folder() / jar.file_name)


def relock() -> None:
    """Resolve the pins and everything they need, and write the lock."""
    with TemporaryDirectory() as staging:
        context = maven.repository(Path(staging))
        inputs, needed = context.resolver.resolve([context.create_dependency(pin) for pin in PINS])
        artifacts = [d.artifact for d in (*inputs, *needed) if d.scope in {None, "compile", "runtime"}]
        lines = [f"# What Apache Kafka {VERSION} runs on: made by `python -m ronde.local.jars`, not by hand."]
        for artifact in artifacts:
            path = artifact.resolve()
            coordinate = f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
            lines.append(f"{coordinate} {maven.digest(path)} {path.stat().st_size}")
    LOCK.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    relock()
