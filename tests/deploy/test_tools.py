"""A tool that is absent is never passed over in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy import tools


@pytest.fixture(autouse=True)
def nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "FOLDER", tmp_path / ".tools")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(tools.REQUIRE, raising=False)


def test_a_test_that_needs_it_is_skipped_and_says_what_brings_it() -> None:
    with pytest.raises(pytest.skip.Exception, match="helm is not installed: `make tools` does it"):
        tools.tool("helm")


def test_where_tools_are_required_the_test_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tools.REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match="promtool is not installed: `make tools` does it"):
        tools.tool("promtool")


def test_ci_requires_them() -> None:
    script = (tools.ROOT / ".ci" / "run").read_text("utf-8")
    assert f"{tools.REQUIRE}=1" in script
    assert "make tools\n" in script
    assert not tools.REQUIRE.startswith("RONDE_")  # the settings would refuse it


def test_what_lies_in_tools_comes_before_what_is_on_the_path(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / ".tools" / "bin"):
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "helm"
        program.write_text("", encoding="utf-8")
        program.chmod(0o755)
    assert tools.find("helm") == tmp_path / ".tools" / "bin" / "helm"
