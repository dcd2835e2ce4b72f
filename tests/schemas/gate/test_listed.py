"""What a release lists of the versions that it reads: a later one finds any change of them but that of a doc."""

import json
from pathlib import Path

import pytest

from schemas.gate.release import Unreleasable, release
from schemas.gate.shelf import read_shelf
from tests.schemas.gate.changes import NOTE, Change, adds, both, change, refused, sets, types


@pytest.mark.parametrize(
    ("name", "how"),
    [
        pytest.param("CallResult", sets("message_left", default=True), id="a default"),
        pytest.param(
            "CallResult", sets("ended_at", type={"type": "long", "logicalType": "timestamp-micros"}), id="a unit"
        ),
        pytest.param(
            "Alert", both(types("kind", default="FIRE"), sets("kind", default="FIRE")), id="an enum's default"
        ),
    ],
)
def test_a_released_version_keeps_what_its_fingerprint_leaves_out(folder: Path, name: str, how: Change) -> None:
    change(folder, name, how)
    change(folder, f"released/{name}/1", how)
    (refusal,) = refused(folder, at="1.1")
    assert (refusal.schema, refusal.version, refusal.problem) == (name, 1, "is not what 1.0 released")
    with pytest.raises(Unreleasable):
        release(read_shelf(folder), "1.1")


def test_a_released_version_may_be_documented_better(folder: Path) -> None:
    for file in ("Alert", "released/Alert/1"):
        change(folder, file, sets("zone", doc="The zone, as the installer named it."))
    release(read_shelf(folder), "1.1")
    assert refused(folder, at="1.1") == []


def test_a_release_that_listed_fingerprints_alone_is_compared_by_these(folder: Path) -> None:
    file = folder / "released" / "releases.json"
    releases = json.loads(file.read_text("utf-8"))
    releases["1.0"] = {name: [one["fingerprint"] for one in reads] for name, reads in releases["1.0"].items()}
    file.write_text(json.dumps(releases), "utf-8")
    release(read_shelf(folder), "1.1")
    assert json.loads(file.read_text("utf-8"))["1.0"] == releases["1.0"]
    assert refused(folder, at="1.1") == []
    for one in ("Alert", "released/Alert/1"):
        change(folder, one, adds(NOTE))
    assert "is not what 1.0 released" in {refusal.problem for refusal in refused(folder, at="1.2")}
