"""A tool that is absent is never passed over in silence."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from tests.deploy import install, tools


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


def test_on_no_debian_it_says_what_to_install_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "by_pip", lambda: None)
    monkeypatch.setattr(install, "helms", lambda: None)
    monkeypatch.setattr(install, "FOLDER", tools.FOLDER)
    assert install.main() == 1
    said = capsys.readouterr()
    assert "cannot install promtool, prometheus: this is no Debian" in said.err
    assert "promtool             ABSENT" in said.out


def test_without_root_and_a_list_of_packages_it_says_what_root_must_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("apt-get", "dpkg-deb"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\nexit 100\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(install.UnavailableError, match="as root, do `apt-get update`"):
        install.prometheus()


def test_on_another_kind_of_machine_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(install.UnavailableError, match="Linux on x86-64: install Helm 4 as helm, Helm 3 as helm3"):
        install.helms()


def test_a_command_that_fails_is_told_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise subprocess.CalledProcessError(1, ["pip", "download"], stderr="no such hash")

    monkeypatch.setattr(install, "by_pip", lambda: None)
    monkeypatch.setattr(install, "helms", fail)
    for other in ("prometheus", "chromium"):
        monkeypatch.setattr(install, other, lambda: None)
    monkeypatch.setattr(install, "FOLDER", tools.FOLDER)
    assert install.install() == ["helm, helm3: `pip download` failed:\nno such hash"]
