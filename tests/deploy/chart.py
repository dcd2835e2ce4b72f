"""The chart as Helm renders it: its objects, its pods, and what is in them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import yaml

from tests.deploy.tools import ROOT, tool

CHART: Final = ROOT / "deploy" / "helm" / "ronde"
PAGED: Final = {  # what runs, and the port of its pages
    "worker": 6066,
    "sink": 6067,
    "receiver": 6068,
    "desk": 6090,
    "portal": 6091,
    "partners": 6092,
    "watchdog": 6093,
    "seal": 6094,
}
WEB: Final = {"desk": 6080, "portal": 6081, "partners": 6082}  # what people reach, and its port
SETS: Final = {name: CHART / "ci" / f"{name}-values.yaml" for name in ("one-zone", "three-zones")}
WATCHDOG_ALONE: Final = CHART / "ci" / "watchdog-alone-values.yaml"
RELEASE: Final = "ronde"

Object: TypeAlias = dict[str, Any]


class RefusedError(Exception):
    """Helm does not render the chart with these values; the message is what it says."""


class Pod(NamedTuple):
    """A pod that the chart makes: the kind and the component that it is of, its specification."""

    kind: str
    component: str
    labels: Mapping[str, str]
    spec: Object

    @property
    def containers(self) -> list[Object]:
        """All of them, those that come first included."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    def container(self, name: str) -> Object:
        """The one of this name."""
        (found,) = [container for container in self.containers if container["name"] == name]
        return found


def helm(*arguments: str | Path, generation: str = "helm3") -> str:
    """What a command of Helm prints. Raises `RefusedError`."""
    alone = {**os.environ, "KUBECONFIG": os.devnull}  # not the cluster that its user has
    ran = subprocess.run([tool(generation), *arguments], env=alone, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RefusedError(ran.stdout + ran.stderr)
    return ran.stdout


@cache
def text(values: Path, *over: Path, generation: str = "helm3", chart: Path = CHART) -> str:
    """The chart with a file of values, and with others over it, as text; the files do not change afterwards."""
    files = [argument for file in (values, *over) for argument in ("--values", file)]
    return helm("template", RELEASE, chart, "--namespace", "alarms", *files, generation=generation)


def objects(rendered: str) -> list[Object]:
    """The objects in a rendered text."""
    return [one for one in yaml.load_all(rendered, yaml.CSafeLoader) if one]


def of_kind(rendered: list[Object], kind: str) -> dict[str, Object]:
    """The objects of one kind, by name."""
    return {one["metadata"]["name"]: one for one in rendered if one["kind"] == kind}


def pods(rendered: list[Object]) -> list[Pod]:
    """Every pod that the objects make."""
    return [_pod(one) for one in rendered if one["kind"] == "Pod" or "template" in one.get("spec", {})]


def paged(rendered: list[Object]) -> list[str]:
    """The components that run here, in the order of `PAGED`."""
    running = {one.component for one in pods(rendered)}
    return [component for component in PAGED if component in running]


def pod(rendered: list[Object], component: str) -> Pod:
    """The pod of one component."""
    (found,) = [one for one in pods(rendered) if one.component == component]
    return found


def write(folder: Path, values: Mapping[str, Any]) -> Path:
    """A file of values."""
    path = folder / f"values-{len(list(folder.iterdir()))}.yaml"
    path.write_text(json.dumps(values), encoding="utf-8")  # JSON is YAML
    return path


def walk(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Everything in a tree of tables and lists, with its path."""
    yield path, tree
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in inner:
        yield from walk(value, (*path, str(name)))


def _pod(one: Object) -> Pod:
    template = one if one["kind"] == "Pod" else one["spec"]["template"]
    labels = template["metadata"]["labels"]
    return Pod(one["kind"], labels["app.kubernetes.io/component"], labels, template["spec"])
