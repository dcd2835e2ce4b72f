"""A version is read one release before it is written (ADR 6)."""

import io
import shutil
from pathlib import Path
from typing import Any

import fastavro
import pytest

import schemas
from schemas.avro import decoder as decoding
from schemas.avro.canonical import without_logical_types
from schemas.avro.errors import Undecodable
from schemas.avro.framing import single_object
from schemas.avro.loader import Schema
from schemas.gate.release import Released, Unreleasable, release
from schemas.gate.shelf import read_shelf
from tests.schemas.gate.changes import NOTE, adds, change, refused, sets
from tests.schemas.shaped import CONSTRUCTORS


def text(folder: Path, name: str) -> str:
    return (folder / f"{name}.avsc").read_text("utf-8")


def test_a_version_is_read_one_release_before_it_is_written(folder: Path) -> None:
    first = text(folder, "Alert")

    # Towards 1.1 somebody wants a field. To write it at once is refused, to release it is not.
    change(folder, "Alert", adds(NOTE))
    second = text(folder, "Alert")
    (refusal,) = refused(folder, at="1.1")
    assert refusal.problem.startswith("is written, and 1.0 does not read it")
    assert "until then Alert.avsc is version 1: `ronde schemas release` sees to both" in refusal.remedy
    assert release(read_shelf(folder), "1.1") == [Released("Alert", 2, writes=1)]
    assert (text(folder, "Alert"), text(folder / "released" / "Alert", "2")) == (first, second)
    assert refused(folder, at="1.1") == []
    assert release(read_shelf(folder), "1.1") == []

    # Written by hand all the same, before 1.1 went out.
    shutil.copy(folder / "released" / "Alert" / "2.avsc", folder / "Alert.avsc")
    (refusal,) = refused(folder, at="1.1")
    assert (refusal.version, refusal.problem[:38]) == (2, "is written, and 1.0 does not read it: ")

    # 1.2 may write it: a roll-back to 1.1 reads it.
    assert release(read_shelf(folder), "1.2") == []
    assert refused(folder, at="1.2") == []
    assert list(read_shelf(folder).releases) == ["1.0", "1.1", "1.2"]


def test_only_one_version_is_ahead_of_what_is_written(folder: Path) -> None:
    change(folder, "Alert", adds(NOTE))
    release(read_shelf(folder), "1.1")
    change(folder, "Alert", adds(NOTE, {**NOTE, "name": "remark"}))
    with pytest.raises(Unreleasable, match=r"Alert, version 3: .* no release reads version 2 yet"):
        release(read_shelf(folder), "1.1")
    shutil.copy(folder / "Alert.avsc", folder / "released" / "Alert" / "3.avsc")
    shutil.copy(folder / "released" / "Alert" / "1.avsc", folder / "Alert.avsc")
    (refusal,) = [one for one in refused(folder, at="1.2") if "ahead" in one.problem]
    assert "write version 2 first" in refusal.remedy


def test_better_words_are_no_new_version(folder: Path) -> None:
    change(folder, "Alert", sets("zone", doc="The zone, as the installer named it."))
    before = text(folder, "Alert")
    assert release(read_shelf(folder), "1.1") == []
    assert text(folder, "Alert") == before
    assert refused(folder, at="1.1") == []


def test_a_default_that_changes_no_byte_may_be_written_at_once(folder: Path) -> None:
    change(folder, "OperatorAction", sets("reason", default=""))
    assert release(read_shelf(folder), "1.1") == [Released("OperatorAction", 2, writes=2)]
    assert refused(folder, at="1.1") == []


def test_a_release_that_is_not_listed_is_refused(folder: Path) -> None:
    assert {refusal.problem for refusal in refused(folder, at="1.1")} == {
        "is not as released/releases.json has it for 1.1"
    }


def written(schema: Schema, value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(without_logical_types(schema)), value)
    return single_object(schema) + out.getvalue()


def test_after_a_roll_back_the_older_release_reads_what_the_newer_wrote(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the two steps are for: by its fingerprint alone, the older one could not know the newer schema."""
    newer = schemas.load("Alert")
    newer["fields"].append(NOTE)
    data = written(newer, {"alert_id": "a", "site_id": "s", "kind": "FIRE", "raised_at": 7, "note": "n"})
    with pytest.raises(Undecodable, match="no published schema"):
        decoding.decoder("Alert", CONSTRUCTORS)(data)
    monkeypatch.setattr(decoding, "released", lambda name: {1: schemas.load("Alert"), 2: newer})
    alert = decoding.decoder("Alert", CONSTRUCTORS)(data)
    assert (alert.alert_id, alert.kind, alert.raised_at) == ("a", "FIRE", 7)


def test_a_version_ahead_that_cannot_be_read_costs_its_own_values_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """An input's promise lets a number widen; a worker that does not write it yet must still start."""
    newer = schemas.load("CallResult")
    newer["fields"][-1]["type"] = "float"
    monkeypatch.setattr(decoding, "released", lambda name: {1: schemas.load("CallResult"), 2: newer})
    decode = decoding.decoder("CallResult", CONSTRUCTORS)
    result = {"result_id": "r", "site_id": "s", "direction": "INBOUND", "outcome": "NO_ANSWER", "ended_at": 1}
    assert decode(schemas.encode("CallResult", result)).result_id == "r"
    with pytest.raises(Undecodable, match="version 2: float cannot be read as long"):
        decode(written(newer, {**result, "ended_at": 1.0, "situation": "NORMAL", "message_left": False}))
