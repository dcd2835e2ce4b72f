"""`ronde schemas`: what its commands print, and how they end."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import schemas
from schemas.avro.framing import single_object
from schemas.avro.loader import NAMES
from schemas.gate.release import release
from schemas.gate.shelf import read_shelf
from tests.conftest import Run
from tests.schemas.gate.changes import NOTE, OURS, adds, change, removes, sets


def test_the_schemas_of_the_project_pass_and_are_released(run: Run) -> None:
    ran = run("schemas", "check")
    assert (ran.exit, ran.err) == (0, "")
    assert "proposed" not in ran.out
    assert version("ronde") in read_shelf(OURS).releases


def test_check_says_what_is_refused_and_exits_with_1(folder: Path, run: Run) -> None:
    change(folder, "Alert", sets("raised_at", type="long"))
    told = run("schemas", "check", "--folder", folder)
    assert (told.exit, told.out) == (1, "")
    assert "Alert, version 2 against version 1: Alert.raised_at has the logical type none" in told.err
    listed = json.loads(run("schemas", "check", "--folder", folder, "--json").out)
    assert listed["proposed"] == {"Alert": 2}
    assert listed["refusals"][0]["against"] == ["1"]
    assert listed["refusals"][0]["path"] == "Alert.raised_at"


def test_check_against_another_release(folder: Path, production: Path, run: Run) -> None:
    (folder / "released" / "releases.json").unlink()  # of release 1.0; here it is this project's version
    assert run("schemas", "release", "--folder", folder).exit == 0
    assert run("schemas", "check", "--folder", folder, "--against", production).exit == 0
    change(folder, "Alert", removes("zone"))
    assert "Alert.zone is gone" in run("schemas", "check", "--folder", folder, "--against", production).err


def test_release_adds_what_is_proposed_and_says_when_it_is_written(folder: Path, run: Run) -> None:
    change(folder, "Alert", adds(NOTE))
    assert run("schemas", "release", "--folder", folder).out.splitlines() == [
        "Alert: version 2 is released",
        "  Alert.avsc is version 1 again: the next release may write 2, by a copy of released/Alert/2.avsc",
    ]
    again = run("schemas", "release", "--folder", folder)
    assert (again.exit, again.out.split(":")[0]) == (0, "nothing to release")
    assert json.loads(run("schemas", "release", "--folder", folder, "--json").out) == {"released": []}


def test_release_refuses_what_check_refuses(folder: Path, run: Run) -> None:
    change(folder, "Alert", removes("zone"))
    assert "Alert.zone is gone" in run("schemas", "release", "--folder", folder).err
    ran = run("schemas", "release", "--folder", folder, "--json")
    assert (ran.exit, json.loads(ran.out)["refusals"][0]["path"]) == (1, "Alert.zone")


def test_list_and_show_tell_versions_and_fingerprints(folder: Path, run: Run) -> None:
    change(folder, "Alert", adds(NOTE))
    release(read_shelf(folder), "1.1")
    listed = {one["schema"]: one for one in json.loads(run("schemas", "list", "--folder", folder, "--json").out)}
    assert list(listed) == list(NAMES)
    first, second = listed["Alert"]["versions"]
    assert first == {
        "version": 1,
        "fingerprint": single_object(schemas.load("Alert"))[2:].hex(),
        "since": "1.0",
        "written": True,
    }
    assert (second["version"], second["since"], second["written"]) == (2, "1.1", False)
    table = run("schemas", "list", "--folder", folder).out
    assert max(map(len, table.splitlines())) <= 80
    assert "dispatch-reports" in table
    shown = run("schemas", "show", "Alert", "--folder", folder).out
    assert first["fingerprint"] in shown
    assert second["fingerprint"] in shown
    whole = json.loads(run("schemas", "show", "Alert", "--folder", folder, "--json").out)
    assert whole["avsc"] == schemas.load("Alert")


def test_a_schema_or_folder_that_is_not_there_is_wrong_use(tmp_path: Path, run: Run) -> None:
    ran = run("schemas", "show", "Alarm")
    assert (ran.exit, "no schema is named 'Alarm'; there are Site, Alert" in ran.err) == (2, True)
    ran = run("schemas", "check", "--against", tmp_path)
    assert (ran.exit, f"{tmp_path} has no folder released/" in ran.err) == (2, True)


def test_without_the_avro_package_the_gate_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "avro.compatibility", None)
    for command in ("check", "release"):
        ran = run("schemas", command)
        assert (ran.exit, "install ronde[gate]" in ran.err) == (1, True)
    assert run("schemas", "list").exit == 0
