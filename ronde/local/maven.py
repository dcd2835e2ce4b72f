"""Artifacts of the Maven repository: downloaded with retries, and rejected if they differ from the lock."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ronde.shared.errors import Failed

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

TRIES: Final = 3  # a broken connection is common, three in a row are not


def repository(staging: Path) -> MavenContext:
    """The repository, with the mirrors of jgo's configuration; downloads go to ``staging``."""
    from jgo.config import GlobalSettings  # noqa: PLC0415 - only who fetches needs it
    from jgo.maven import MavenContext  # noqa: PLC0415 - as above

    context = MavenContext(repo_cache=staging, timeout=15)
    context.remote_repos.update(GlobalSettings.load().repositories)
    return context


def fetch(artifact: Artifact, what: str, sha256: str | None) -> Path:
    """The artifact's file, which has that SHA-256 (hex; None: any). ``what`` names it to people.

    Raises `Failed`.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            path: Path = artifact.resolve()
            found = digest(path)
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            _forget(artifact)
            # A repository's answer is final; a connection that broke is worth another try.
            if tries_left and not isinstance(error, RuntimeError):
                continue
            raise Failed(
                f"{what} could not be fetched from the Maven repository: {error}. "
                "Check the network and try again, or name a mirror in the [repositories] of jgo's configuration file"
            ) from error
        if sha256 in {found, None}:
            return path
        _forget(artifact)
    raise Failed(
        f"{what}, as the Maven repository has it, is not the one that was locked: its SHA-256 is {found}, "
        f"expected {sha256}. Name another mirror in the [repositories] of jgo's configuration file"
    )


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _forget(artifact: Artifact) -> None:
    """Let the next try fetch it again."""
    if artifact.cached_path is not None:
        artifact.cached_path.unlink(missing_ok=True)
