"""The other frameworks' environments: a virtual environment each, from hashed pins; Kafka Streams built by Maven."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

from benchmarks.folders import ENVIRONMENTS, PEERS, REPOSITORY, REQUIREMENTS, STREAMS
from streams.runtime import native_form

INSTALL_SECONDS: Final = 900
SOURCES: Final = PEERS / "streams"


class NotMeasured(Exception):
    """A contender cannot be run here; the message says what is missing and what to do."""


@cache
def python_of(name: str) -> str:
    """The Python of an environment, made when it is not there or its pins have changed."""
    pins = REQUIREMENTS / f"{name}.lock"
    folder = ENVIRONMENTS / name
    python, stamp = folder / "bin" / "python", folder / ".pins"
    digest = _digest(pins)
    if not (python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == digest):
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(folder)], f"no environment for {name}")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", str(pins)], f"the packages of {name} cannot be installed")
        stamp.write_text(digest, encoding="utf-8")
    return str(python)


@cache
def streams_class_path() -> str:
    """The class path of the Kafka Streams contender, built by Maven from Maven Central."""
    if shutil.which("mvn") is None or shutil.which("javac") is None:
        raise NotMeasured("building it takes a JDK (17 or later) and Maven: install both, for `mvn` and `javac`")
    jars, stamp = STREAMS / "target" / "libs", STREAMS / ".sources"
    digest = _digest(*(path for path in sorted(SOURCES.rglob("*")) if path.is_file()))
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == digest):
        shutil.rmtree(STREAMS, ignore_errors=True)
        shutil.copytree(SOURCES, STREAMS)
        maven = ["mvn", "-q", "-B", "package", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        _run(maven, "Maven cannot build it", STREAMS)
        stamp.write_text(digest, encoding="utf-8")
    return f"{STREAMS / 'target'}/*:{jars}/*"


@cache
def compile_hot() -> None:
    """Compile the worker's hot modules (docs/compiled.md), unless they are compiled from the current sources."""
    if not native_form.is_current(REPOSITORY):
        _run([sys.executable, "-m", "compiling"], "its hot modules cannot be compiled", REPOSITORY)


def _digest(*paths: Path) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def _run(command: list[str], complaint: str, folder: Path | None = None) -> None:
    done = subprocess.run(  # noqa: S603 - our own command line
        command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise NotMeasured(f"{complaint}: {last}")
