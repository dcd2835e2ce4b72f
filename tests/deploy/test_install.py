"""What `make install` says while pip works: how far it is, and all that goes wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "install_progress.sh"


def said(folder: Path, *lines: str) -> tuple[int, list[str]]:
    """The script's status and lines, of what pip prints."""
    text = "".join(f"{line}\n" for line in lines)
    ran = subprocess.run(["sh", SCRIPT, "25", folder], input=text, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout.splitlines()


def test_every_tenth_package_is_told_and_the_installation(tmp_path: Path) -> None:
    package = ["Collecting p==1 (from -r requirements.lock (line 1))", "  Downloading p-1.whl (1.0 MB)"]
    assert said(
        tmp_path, *package * 25, "Installing collected packages: p, q", "Successfully installed p-1", "exit 0"
    ) == (
        0,
        ["fetched 10 of 25 packages", "fetched 20 of 25 packages", "installing 25 packages"],
    )


@pytest.mark.parametrize(("lines", "status"), [(("exit 2",), 2), ((), 1)])
def test_what_goes_wrong_is_shown_and_fails_it(tmp_path: Path, lines: tuple[str, ...], status: int) -> None:
    error = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."
    assert said(tmp_path, "Collecting p==1", error, *lines) == (status, [error])
