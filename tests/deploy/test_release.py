"""What `make release` compares before it tags."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from deploy import release


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the files that state the version, with a dated section in the changelog."""
    for name in ("pyproject.toml", "deploy/helm/ronde/Chart.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(release.ROOT / name, tmp_path / name)
    version = release.version_of(tmp_path)
    (tmp_path / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## Unreleased\n\n- Two.\n\n## {version} - 2026-01-31\n\n- One.\n\n## 0.0.1 - 2025-01-01\n"
    )
    return tmp_path


def test_a_tree_whose_versions_agree_can_be_released(tree: Path) -> None:
    assert release.differences(tree) == []
    assert release.notes(tree) == "- One.\n"


def test_a_chart_of_another_version_is_named(tree: Path) -> None:
    chart = tree / "deploy/helm/ronde/Chart.yaml"
    chart.write_text(chart.read_text().replace("\nversion:", "\nversion: 9.9.9 #"))
    assert any("version is 9.9.9" in line for line in release.differences(tree))


def test_a_version_that_is_still_unreleased_in_the_changelog_is_named(tree: Path) -> None:
    changelog = tree / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("2026-01-31", "unreleased"))
    assert any("CHANGELOG.md" in line for line in release.differences(tree))


def test_the_chart_has_the_version_of_the_project() -> None:
    assert [line for line in release.differences(release.ROOT) if "Chart.yaml" in line] == []
