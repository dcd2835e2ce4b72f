"""Which changes of a schema the gate refuses and why, and which it lets pass."""

import json
import shutil
from pathlib import Path
from typing import Final

import pytest

from schemas.avro.errors import UnusableSchema
from schemas.contract.promises import PROMISES
from schemas.gate.release import Released, Unreleasable, release
from schemas.gate.shelf import read_shelf
from tests.schemas.gate.changes import (
    NOTE,
    Change,
    adds,
    both,
    change,
    drops,
    field,
    refused,
    removes,
    roots,
    sets,
    turns,
    types,
)

KINDS: Final = ["INTRUSION", "HOLD_UP", "TAMPER", "FIRE", "OTHER"]
VERBS: Final = ["REQUEST", "AMEND", "CANCEL", "UNKNOWN"]
OUTCOMES: Final = ["IDENTIFIED", "NOT_IDENTIFIED", "WRONG_CODE", "DURESS_CODE", "NO_ANSWER"]
PLACE: Final = {
    "type": "record",
    "name": "Place",
    "doc": "Where.",
    "fields": [{"name": "floor", "type": "int", "doc": "From 0."}],
}
COLOUR: Final = {"type": "enum", "name": "Colour", "doc": "Of what.", "symbols": ["RED", "UNKNOWN"]}

REFUSED: Final[list[tuple[str, str, Change, str, str]]] = [
    # what is done, schema, how, path, part of the message
    ("a field is removed from an output", "DispatchCommand", removes("covert"), "DispatchCommand.covert", "is gone"),
    ("a field is removed from an input", "Alert", removes("zone"), "Alert.zone", "is gone"),
    ("a nested field is removed", "Site", removes("contacts.phone"), "Site.contacts[].phone", "is gone"),
    (
        "a field is renamed",
        "Readiness",
        sets("missing", name="lacking"),
        "Readiness.missing",
        "is gone",
    ),
    (
        "a field is renamed behind an alias",
        "Alert",
        sets("alert_id", name="signal_id", aliases=["alert_id"]),
        "Alert.alert_id",
        "is gone",
    ),
    ("a type changes", "Alert", sets("zone", type=["null", "long"]), "Alert.zone", "is null or long and was null or"),
    ("an output's type widens", "Attention", sets("repeat", type="long"), "Attention.repeat", "is long and was int"),
    (
        "a type narrows",
        "Decision",
        sets("site_offset", type=["null", "int"]),
        "Decision.site_offset",
        "was null or long",
    ),
    (
        "an output's field becomes optional",
        "Quarantined",
        sets("reason", type=["null", "string"], default=None),
        "Quarantined.reason",
        "is null or string and was string",
    ),
    (
        "a field becomes required",
        "Alert",
        both(sets("detail", type="string"), drops("detail", "default")),
        "Alert.detail",
        "is string and was null or string",
    ),
    (
        "a record becomes a string",
        "Site",
        sets("intervention", type="string", default=""),
        "Site.intervention",
        "is string and was ronde.v1.Intervention",
    ),
    (
        "the items of an array change",
        "Readiness",
        types("missing", items="long"),
        "Readiness.missing[]",
        "is long and was string",
    ),
    ("a logical type is lost", "Alert", sets("raised_at", type="long"), "Alert.raised_at", "logical type none and had"),
    (
        "a logical type changes",
        "DispatchReport",
        types("reported_at", logicalType="timestamp-micros"),
        "DispatchReport.reported_at",
        "logical type timestamp-micros and had timestamp-millis",
    ),
    (
        "a logical type appears",
        "Decision",
        sets("version", type={"type": "int", "logicalType": "date"}),
        "Decision.version",
        "logical type date and had none",
    ),
    (
        "a nested logical type changes",
        "State",
        lambda schema: field(schema, "incidents.deadline").update(type=["null", "long"]),
        "State.incidents[].deadline",
        "logical type none",
    ),
    ("the schema is renamed", "Alert", roots(name="Signal"), "Alert", "is named ronde.v1.Signal"),
    ("the namespace changes", "Alert", roots(namespace="ronde.v2"), "Alert", "is named ronde.v2.Alert"),
    ("a nested type is renamed", "Alert", types("kind", name="Kind"), "Alert.kind", "and was of ronde.v1.AlertKind"),
    (
        "a nested type changes its namespace",
        "Alert",
        types("kind", namespace="com.example"),
        "Alert.kind",
        "is of the type com.example.AlertKind",
    ),
    ("the order changes", "OperatorAction", turns(""), "OperatorAction", "its released fields in another order"),
    ("a nested order changes", "Site", turns("contacts"), "Site.contacts[]", "its released fields in another order"),
    ("a field is put first", "CallCommand", adds(NOTE, at=0), "CallCommand", "its released fields in another order"),
    (
        "a new field has no default",
        "Alert",
        adds({"name": "panel", "type": "string", "doc": "Which panel."}),
        "Alert.panel",
        "is new and has no default",
    ),
    (
        "a new nested field has no default",
        "Site",
        adds({"name": "nickname", "type": "string", "doc": "Used at home."}, to="contacts"),
        "Site.contacts[].nickname",
        "is new and has no default",
    ),
    (
        "a new optional field has no default",
        "Alert",
        adds({"name": "panel", "type": ["null", "string"], "doc": "Which panel."}),
        "Alert.panel",
        "null is not its default",
    ),
    (
        "a new optional field has null last",
        "Alert",
        adds({"name": "panel", "type": ["string", "null"], "doc": "Which panel.", "default": ""}),
        "Alert",
        "cannot be used (no writer for a union other than of null and one type)",
    ),
    (
        "a default is lost",
        "CallResult",
        drops("message_left", "default"),
        "CallResult.message_left",
        "lost its default",
    ),
    (
        "a default changes",
        "CallResult",
        sets("message_left", default=True),
        "CallResult.message_left",
        "has the default true and had false",
    ),
    (
        "an enum default is lost",
        "Alert",
        drops("kind", "type.default"),
        "Alert.kind",
        "enum default None and had OTHER",
    ),
    (
        "an enum default changes",
        "Alert",
        both(types("kind", default="FIRE"), sets("kind", default="FIRE")),
        "Alert.kind",
        "enum default FIRE and had OTHER",
    ),
    (
        "an enum default is no symbol",
        "Alert",
        both(types("kind", default="FLOOD"), sets("kind", default="FLOOD")),
        "Alert",
        "cannot be used (not an Avro schema: SchemaParseException: ",
    ),
    (
        "an enum and its field have different defaults",
        "CallResult",
        types("outcome", default="NO_ANSWER"),
        "CallResult.outcome",
        "another default than its enum",
    ),
    (
        "a symbol is lost",
        "CallResult",
        types("outcome", symbols=OUTCOMES[1:]),
        "CallResult.outcome",
        "symbols IDENTIFIED",
    ),
    (
        "a symbol with a default beside it is lost",
        "DispatchCommand",
        types("action", symbols=["REQUEST", "CANCEL", "UNKNOWN"]),
        "DispatchCommand.action",
        "lost the symbols AMEND",
    ),
    (
        "a symbol that a roll-back could not read",
        "State",
        lambda schema: field(schema, "last_record.site.contacts.role")["type"]["symbols"].append("NEIGHBOUR"),
        "State.last_record.site.contacts[].role",
        "new symbols NEIGHBOUR, and older readers no default",
    ),
    (
        "a new enum of an output has no default",
        "Readiness",
        adds({"name": "colour", "type": ["null", COLOUR], "doc": "Its colour.", "default": None}),
        "Readiness.colour",
        "is an enum without a default, ronde.v1.Colour",
    ),
    ("a new field has no doc", "Alert", adds({**NOTE, "doc": ""}), "Alert.note", "has no doc"),
    (
        "a type that nobody here writes",
        "Alert",
        sets("detail", type={"type": "map", "values": "string"}),
        "Alert",
        "cannot",
    ),
    ("a name that nobody defines", "Alert", sets("detail", type=["null", "Detail"]), "Alert", "cannot be used"),
    ("no record at all", "Alert", lambda schema: schema.update(type="enum", symbols=["A"]), "Alert", "cannot be used"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "how", "path", "told"), [pytest.param(*rest, id=what) for what, *rest in REFUSED])
def test_a_change_that_breaks_a_promise_is_refused(folder: Path, name: str, how: Change, path: str, told: str) -> None:
    change(folder, name, how)
    number = len(list((folder / "released" / name).iterdir())) + 1
    with pytest.raises(Unreleasable) as stopped:
        release(read_shelf(folder), "1.0")
    found = stopped.value.refusals
    assert [one for one in found if one.path == path and told in one.problem], str(stopped.value)
    assert {refusal.schema for refusal in found} == {name}
    assert {refusal.version for refusal in found} == {number}
    assert all(refusal.remedy for refusal in found)
    assert not (folder / "released" / name / f"{number}.avsc").exists()


PASSES: Final[list[tuple[str, str, Change]]] = [
    ("an input gets an optional field", "Alert", adds(NOTE)),
    ("an output gets an optional field", "DispatchCommand", adds(NOTE)),
    ("the state gets a field with a default", "State", adds({**NOTE, "type": "int", "default": 0}, to="incidents")),
    ("a nested record gets an optional field", "Site", adds(NOTE, to="contacts")),
    ("an output gets an enum", "Decision", adds({**NOTE, "type": ["null", {**COLOUR, "default": "UNKNOWN"}]})),
    ("a new record's fields need no defaults", "Alert", adds({**NOTE, "type": ["null", PLACE]})),
    ("an input's enum with a default gets a symbol", "Alert", types("kind", symbols=["FLOOD", *KINDS])),
    ("an input's enum without a default gets a symbol", "CallResult", types("outcome", symbols=[*OUTCOMES, "BUSY"])),
    ("an output's enum gets a symbol", "DispatchCommand", types("action", symbols=["RENEW", *VERBS])),
    ("a doc says it better", "Attention", sets("repeat", doc="From 0.")),
    ("a field gets a default that it did not have", "OperatorAction", sets("reason", default="")),
    ("an input's field becomes optional", "OperatorAction", sets("reason", type=["null", "string"], default=None)),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "how"), [pytest.param(*rest, id=what) for what, *rest in PASSES])
def test_a_change_that_keeps_the_promises_passes(folder: Path, name: str, how: Change) -> None:
    change(folder, name, how)
    assert refused(folder) == []


@pytest.mark.parametrize(
    ("how", "path", "told"),
    [
        pytest.param(drops("zone", "doc"), "Alert.zone", "has no doc", id="field"),
        pytest.param(drops("", "doc"), "Alert", "is of a type without a doc, ronde.v1.Alert", id="record"),
        pytest.param(
            drops("kind", "type.doc"), "Alert.kind", "is of a type without a doc, ronde.v1.AlertKind", id="enum"
        ),
    ],
)
def test_a_doc_that_is_lost_is_refused(folder: Path, how: Change, path: str, told: str) -> None:
    change(folder, "Alert", how)
    (refusal,) = refused(folder)
    assert (refusal.version, refusal.path, refusal.problem) == (1, path, told)


def test_what_an_input_may_an_output_may_not(folder: Path) -> None:
    """BACKWARD lets a field become optional and an enum without a default grow; FULL does not."""
    assert {name for name, promise in PROMISES.items() if promise == "BACKWARD_TRANSITIVE"} == {
        "Site",
        "Alert",
        "CallResult",
        "OperatorAction",
    }
    change(folder, "DispatchReport", sets("partner_id", type=["null", "string"], default=None))
    (refusal,) = refused(folder)
    assert (refusal.path, refusal.problem) == ("DispatchReport.partner_id", "is null or string and was string")


def test_a_refusal_names_schema_version_path_problem_and_remedy(folder: Path) -> None:
    change(folder, "Attention", both(sets("repeat", type="long"), adds(NOTE)))
    (refusal,) = refused(folder)
    assert str(refusal) == (
        "Attention, version 2 against version 1: Attention.repeat is long and was int. "
        "Leave it as it was, and add a field of another name beside it."
    )


def test_every_released_version_counts_not_only_the_last(folder: Path) -> None:
    """A field of version 2, gone in 3, is missing to those who read by 2; to those who wrote by 1 it never was."""
    change(folder, "Readiness", adds(NOTE))
    assert release(read_shelf(folder), "1.0") == [Released("Readiness", 2, 2)]
    change(folder, "Readiness", both(removes("note"), adds({**NOTE, "name": "remark"})))
    (refusal,) = refused(folder)
    assert (refusal.version, refusal.against, refusal.path) == (3, ("2",), "Readiness.note")
    change(folder, "Readiness", removes("missing"))
    assert [(one.against, one.path) for one in refused(folder)] == [
        (("1", "2"), "Readiness.missing"),
        (("2",), "Readiness.note"),
    ]


def test_a_released_version_is_never_changed_or_taken_away(folder: Path) -> None:
    file = folder / "released" / "Alert" / "1.avsc"
    schema = json.loads(file.read_text("utf-8"))
    schema["fields"].append(NOTE)
    for name in (file, folder / "Alert.avsc"):
        name.write_text(json.dumps(schema), "utf-8")
    found = [str(refusal) for refusal in refused(folder, at="1.1")]
    assert found[0].startswith("Alert, version 1: it is not what 1.0 released. Put released/Alert/1.avsc back")
    file.unlink()
    assert "is not what 1.0 released" in {refusal.problem for refusal in refused(folder, at="1.1")}


def test_a_schema_that_is_not_there_any_more_is_refused(folder: Path) -> None:
    (folder / "Attention.avsc").unlink()
    (folder / "released" / "Alarm").mkdir()
    shutil.copy(folder / "Alert.avsc", folder / "released" / "Alarm" / "1.avsc")
    assert [(one.schema, one.problem) for one in refused(folder)] == [
        ("Attention", "is not written any more"),
        ("Alarm", "was released and is no schema any more"),
    ]


def test_versions_have_no_gaps(folder: Path) -> None:
    shutil.move(folder / "released" / "Alert" / "1.avsc", folder / "released" / "Alert" / "2.avsc")
    assert "has gaps in its versions, 2" in {refusal.problem for refusal in refused(folder)}


def test_a_file_that_is_no_json_is_named(folder: Path) -> None:
    (folder / "Alert.avsc").write_text("{", "utf-8")
    with pytest.raises(UnusableSchema, match=r"Alert\.avsc is no JSON"):
        read_shelf(folder)
    shutil.copy(folder / "Site.avsc", folder / "Alert.avsc")
    shutil.copy(folder / "Site.avsc", folder / "released" / "Alert" / "one.avsc")
    with pytest.raises(UnusableSchema, match=r"one\.avsc: a released version is named by its number"):
        read_shelf(folder)
