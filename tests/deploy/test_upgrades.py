"""What an upgrade restarts, and what it leaves alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.deploy.chart import CHART, PAGED, SETS, RefusedError, objects, of_kind, pod, text, write

pytestmark = pytest.mark.slow  # helm and promtool take their time

THREE_ZONES: Final = SETS["three-zones"]


def restarted(tmp_path: Path, values: dict[str, Any]) -> set[str]:
    """What has other pods with these values than without."""
    before, after = objects(text(THREE_ZONES)), objects(text(THREE_ZONES, write(tmp_path, values)))
    return {name for name in PAGED if pod(before, name) != pod(after, name)}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"settings": {"sink": {"chunk_max": 500}}}, {"sink"}),
        ({"postgres": {"host": "other"}}, {"sink", "portal", "partners", "seal"}),
        ({"settings": {"worker": {"chunk_max": 500}}}, {"worker"}),
        (
            {"settings": {"procedures": {"SECURITY": {"version": "security/3", "wait_seconds": 60}}}},
            {"worker", "desk", "watchdog"},
        ),
        ({"settings": {"canary": {"site": "other"}}}, {"worker", "desk", "watchdog"}),
        ({"settings": {"worker": {"catch_up_seconds": 20}}}, {"worker", "watchdog"}),
        ({"kafka": {"users": {"admin": {"secret": "other"}}}}, set()),
        ({"worker": {"replicas": 12}, "sink": {"replicas": 4}}, set()),
        ({"networkPolicy": {"scrapers": []}, "monitoring": {"rules": {"enabled": False}}}, set()),
        ({"jobs": {"seconds": 100}}, set()),
        ({"settings": {"receiver": {"idle_seconds": 600}}}, {"receiver"}),
        ({"receiver": {"tokensSecret": {"name": "other"}}}, {"receiver"}),
        ({"receiver": {"replicas": 4, "service": {"type": "NodePort"}}}, set()),
        ({"image": {"digest": "sha256:" + "1" * 64}}, set(PAGED)),
        ({"kafka": {"bootstrapServers": "other:9093"}}, set(PAGED)),
        ({"portal": {"ingress": {"annotations": {"a": "b"}}}}, set()),
        ({"portal": {"ingress": {"host": "other.example"}}}, {"portal"}),
        ({"settings": {"web": {"trusted_proxies": "10.1.0.0/16"}}}, {"receiver", "desk", "portal", "partners"}),
    ],
)
def test_only_that_is_restarted_which_reads_what_has_changed(
    tmp_path: Path, values: dict[str, Any], expected: set[str]
) -> None:
    assert restarted(tmp_path, values) == expected


def test_another_version_of_the_chart_alone_restarts_nothing(tmp_path: Path) -> None:
    newer = shutil.copytree(CHART, tmp_path / "ronde")
    described = yaml.safe_load((newer / "Chart.yaml").read_text("utf-8"))
    (newer / "Chart.yaml").write_text(yaml.safe_dump({**described, "version": "9.9.9"}), encoding="utf-8")
    before, after = objects(text(THREE_ZONES)), objects(text(THREE_ZONES, chart=newer))
    assert of_kind(before, "StatefulSet") != of_kind(after, "StatefulSet")  # its own label
    for name in PAGED:
        assert pod(before, name) == pod(after, name)


def test_what_kubernetes_lets_nobody_change_follows_from_the_release_alone(tmp_path: Path) -> None:
    other: dict[str, Any] = {"image": {"tag": "2"}, "worker": {"replicas": 9, "podLabels": {"a": "b"}}}
    before, after = objects(text(THREE_ZONES)), objects(text(THREE_ZONES, write(tmp_path, other)))
    for kind in ("StatefulSet", "Deployment"):
        for name, one in of_kind(before, kind).items():
            again = of_kind(after, kind)[name]["spec"]
            for field in ("selector", "serviceName", "podManagementPolicy"):
                assert one["spec"].get(field) == again.get(field)


@pytest.mark.parametrize("generation", ["helm3", "helm"])
def test_values_of_an_older_chart_are_refused_with_what_to_do(tmp_path: Path, generation: str) -> None:
    # As `--reuse-values` gives them: what the older chart did not have has no default, either.
    older = write(tmp_path, dict.fromkeys(("receiver", "desk", "portal", "partners", "watchdog", "seal")))
    with pytest.raises(RefusedError, match="upgrade with --reset-then-reuse-values"):
        text(SETS["one-zone"], older, generation=generation)
