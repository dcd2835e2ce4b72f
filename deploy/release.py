"""`make release`: compares the files that state the version, and takes the release's notes from CHANGELOG.md.

``python -m deploy.release check`` exits 1 with a line for each difference; ``notes`` prints the notes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).parent.parent


def version_of(root: Path) -> str:
    """The version in ``pyproject.toml``, which all others must equal."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def notes(root: Path) -> str:
    """The section of CHANGELOG.md about the version, without its heading; empty if it is absent or unreleased."""
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## {re.escape(version_of(root))} - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)"
    section = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    return "" if section is None else section[1].strip() + "\n"


def differences(root: Path) -> list[str]:
    """The reasons why this tree cannot be released as its version, a sentence each."""
    version = version_of(root)
    chart = yaml.safe_load((root / "deploy/helm/ronde/Chart.yaml").read_text(encoding="utf-8"))
    wrong = [
        f"deploy/helm/ronde/Chart.yaml: {field} is {chart[field]}, pyproject.toml has {version}"
        for field in ("version", "appVersion")
        if chart[field] != version
    ]
    if not notes(root):
        wrong.append(f"CHANGELOG.md: no section '## {version} - YYYY-MM-DD' with text in it")
    return wrong


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603, S607


def main() -> int:
    """Run one of the two commands; 2 when there is no such command."""
    match sys.argv[1:]:
        case ["notes"]:
            sys.stdout.write(notes(ROOT))
            return 0
        case ["check"]:
            wrong = differences(ROOT)
            if _git("status", "--porcelain"):
                wrong.append("the work tree has changes that are not committed")
            if _git("tag", "--list", f"v{version_of(ROOT)}"):
                wrong.append(f"the tag v{version_of(ROOT)} exists already")
            sys.stderr.writelines(f"{line}\n" for line in wrong)
            return 1 if wrong else 0
        case _:
            sys.stderr.write("usage: python -m deploy.release check|notes\n")
            return 2


if __name__ == "__main__":
    sys.exit(main())
