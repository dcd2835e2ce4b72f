"""What the tests of the deployment share: the end of a run says what was not run for want of a tool."""

from __future__ import annotations

import pytest

from tests.deploy.tools import TOOLS, find


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
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
