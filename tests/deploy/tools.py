"""Programs that the tests of the deployment run and `make install` does not bring: `make tools` does.

A test asks for one by `tool`. Where it is absent the test is skipped, and the end of the run says so in capitals;
with ``TEST_RONDE_REQUIRE_TOOLS=1``, as CI has it, the test fails.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / ".tools"
REQUIRE: Final = "TEST_RONDE_REQUIRE_TOOLS"

TOOLS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "helm": "lints and renders the chart",
        "helm3": "the same, as the last generation of Helm does it",
        "kubernetes-validate": "compares what is rendered with the schemas of Kubernetes",
        "hadolint": "lints the Containerfile",
        "promtool": "checks the alerts, and plays them",
        "prometheus": "answers the queries of the dashboards",
        "chromium": "shows the edges' pages to their tests",
    }
)


def find(name: str) -> Path | None:
    """Where the tool is: in ``.tools``, else on the path; None when it is absent."""
    assert name in TOOLS, f"{name} is none of the tools"
    found = shutil.which(name, path=os.pathsep.join([str(FOLDER / "bin"), os.environ.get("PATH", "")]))
    return None if found is None else Path(found)


def tool(name: str) -> Path:
    """Where the tool is. A test that asks for one that is absent is skipped, or fails where tools are required."""
    found = find(name)
    if found is None:
        said = f"{name} is not installed: `make tools` does it ({name} {TOOLS[name]})"
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(said, pytrace=False)
        pytest.skip(said)
    return found


def report_absent(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tools that are absent, and how many tests did not run for it."""
    absent = [name for name in TOOLS if find(name) is None]
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "`make tools`" in str(report.longrepr)]
    if not absent or not skipped:
        return
    terminalreporter.section("NOT RUN", sep="!", red=True, bold=True)
    terminalreporter.line(f"{len(skipped)} tests of the deployment did not run. What is absent, and what it does:")
    for name in absent:
        terminalreporter.line(f"  {name:20} {TOOLS[name]}")
    terminalreporter.line("`make tools` installs them into .tools, and `make test` runs these tests then.")
