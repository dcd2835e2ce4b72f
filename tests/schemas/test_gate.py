"""The gate: which changes of a schema it refuses and why, and how a version comes to be read and then written.

Every test has a copy of the project's schemas, as release 1.0 shipped them, and changes something.
"""

import copy
import io
import json
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeAlias

import fastavro
import pytest

import schemas
from schemas.avro import decoder as decoding
from schemas.avro.canonical import without_logical_types
from schemas.avro.errors import Undecodable, UnusableSchema
from schemas.avro.framing import single_object
from schemas.avro.loader import NAMES, Schema
from schemas.contract.promises import PROMISES
from schemas.gate import ours
from schemas.gate.check import check
from schemas.gate.refusal import Refusal
from schemas.gate.release import Released, Unreleasable, release
from schemas.gate.shelf import read_shelf
from tests.conftest import Run
from tests.schemas.shaped import CONSTRUCTORS

OURS: Final = Path(schemas.__file__).parent
INSTANT: Final = {"type": "long", "logicalType": "timestamp-millis"}
NOTE: Final = {"name": "note", "type": ["null", "string"], "doc": "What else there is.", "default": None}

Change: TypeAlias = Callable[[Schema], None]


_MADE: Final[dict[str, Any]] = {}


@pytest.fixture(autouse=True)
def made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers and writers of the same schemas are compiled once for all of these tests, which change few."""

    def once(make: Callable[..., Any]) -> Callable[..., Any]:
        def maker(schema: Schema, *makers: Any, written_by: Schema | None = None) -> Any:
            by = {} if written_by is None else {"written_by": written_by}
            key = json.dumps([make.__name__, schema, by])
            if key not in _MADE:
                _MADE[key] = make(schema, *makers, **by)
            return _MADE[key]

        return maker

    for name in ("reader", "writer"):
        monkeypatch.setattr(ours, name, once(getattr(ours, name)))


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The schemas as release 1.0 shipped them; nobody writes here."""
    there = tmp_path_factory.mktemp("shipped") / "schemas"
    shutil.copytree(OURS, there, ignore=shutil.ignore_patterns("*.py", "__pycache__", "releases.json"))
    release(read_shelf(there), "1.0")
    return there


@pytest.fixture
def folder(shipped: Path, tmp_path: Path) -> Path:
    """A copy of them, to be changed."""
    return Path(shutil.copytree(shipped, tmp_path / "schemas"))


def refused(folder: Path, at: str = "1.0", against: Path | None = None) -> list[Refusal]:
    """What the gate says of a folder about to be released as ``at``."""
    return check(read_shelf(folder), at, None if against is None else read_shelf(against))


def change(folder: Path, name: str, how: Change) -> None:
    """Change what is written."""
    file = folder / f"{name}.avsc"
    schema = json.loads(file.read_text("utf-8"))
    how(schema)
    file.write_text(json.dumps(schema), "utf-8")


def field(schema: Any, path: str) -> Any:
    """A field of a schema, through records, arrays and nullable ones: ``contacts.role``."""
    name, _, rest = path.partition(".")
    found = next(one for one in record(schema)["fields"] if one["name"] == name)
    return field(found["type"], rest) if rest else found


def record(schema: Any) -> Any:
    """The record that a type is, has as items, or may be instead of null."""
    if isinstance(schema, list):
        return record(schema[1])
    return record(schema["items"]) if schema["type"] == "array" else schema


# --- the changes --------------------------------------------------------------------------------------


def sets(path: str, **changes: Any) -> Change:
    """The field at ``path`` gets these properties."""
    return lambda schema: field(schema, path).update(changes)


def adds(*fields: dict[str, Any], to: str = "", at: int | None = None) -> Change:
    """Fields are added, at the end."""

    def how(schema: Schema) -> None:
        there = (record(field(schema, to)["type"]) if to else schema)["fields"]
        for one in fields:
            there.insert(len(there) if at is None else at, copy.deepcopy(one))

    return how


def removes(path: str) -> Change:
    """The field at ``path`` is taken away."""

    def how(schema: Schema) -> None:
        holder = path.rpartition(".")[0]
        there = record(field(schema, holder)["type"]) if holder else schema
        there["fields"].remove(field(schema, path))

    return how


def drops(path: str, key: str) -> Change:
    """A property of the field at ``path``, or of its type (``type.default``), is taken away."""

    def how(schema: Schema) -> None:
        found = field(schema, path) if path else schema
        if key.startswith("type."):
            found = found["type"]
        del found[key.removeprefix("type.")]

    return how


def types(path: str, **changes: Any) -> Change:
    """The type of the field at ``path`` gets these properties."""
    return lambda schema: field(schema, path)["type"].update(changes)


def roots(**changes: Any) -> Change:
    """The schema itself gets these properties."""
    return lambda schema: schema.update(changes)


def turns(path: str) -> Change:
    """The fields of the record at ``path`` change places."""
    return lambda schema: (record(field(schema, path)["type"]) if path else schema)["fields"].reverse()


def both(*changes: Change) -> Change:
    def how(schema: Schema) -> None:
        for one in changes:
            one(schema)

    return how


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
    # what is done, schema, how, the path told, what is told
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


@pytest.mark.parametrize(("name", "how", "path", "told"), [pytest.param(*rest, id=what) for what, *rest in REFUSED])
def test_a_change_that_breaks_a_promise_is_refused(folder: Path, name: str, how: Change, path: str, told: str) -> None:
    change(folder, name, how)
    with pytest.raises(Unreleasable) as stopped:
        release(read_shelf(folder), "1.0")
    found = stopped.value.refusals
    assert [one for one in found if one.path == path and told in one.problem], str(stopped.value)
    assert {refusal.schema for refusal in found} == {name}
    assert {refusal.version for refusal in found} == {2}
    assert all(refusal.remedy for refusal in found)
    assert not (folder / "released" / name / "2.avsc").exists()


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


# --- read first, written one release later (ADR 6) ----------------------------------------------------


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


# --- against another release --------------------------------------------------------------------------


@pytest.fixture
def production(folder: Path) -> Path:
    """The same schemas, elsewhere."""
    there = folder.parent / "production"
    shutil.copytree(folder, there)
    return there


def test_two_equal_releases_read_each_other(folder: Path, production: Path) -> None:
    assert refused(folder, against=production) == []
    assert refused(folder, against=production / "released") == []


def test_what_production_would_not_read_after_a_roll_back_is_refused(folder: Path, production: Path) -> None:
    """Two releases at once: each step was taken, but production has seen none of them."""
    change(folder, "Alert", adds(NOTE))
    release(read_shelf(folder), "1.1")
    assert refused(folder, at="1.1", against=production) == []
    shutil.copy(folder / "released" / "Alert" / "2.avsc", folder / "Alert.avsc")
    release(read_shelf(folder), "1.2")
    assert refused(folder, at="1.2") == []
    (refusal,) = refused(folder, at="1.2", against=production)
    assert refusal.problem.startswith(f"is written, and {production} does not read it")


def test_what_production_released_stays_as_it_is_and_stays_compatible(folder: Path, production: Path) -> None:
    change(production, "Alert", adds({**NOTE, "type": ["null", "long"]}))
    release(read_shelf(production), "1.0")
    change(folder, "Alert", adds(NOTE))
    release(read_shelf(folder), "1.0")
    found = refused(folder, against=production)
    assert {(one.against, one.problem) for one in found} == {
        ((f"2 of {production}",), "is null or string and was null or long"),
        ((), f"is not what {production} released"),
        ((), f"is written, and {production} does not read it: after a roll-back its values could not be read"),
    }


def test_what_production_released_and_is_not_here_is_refused(folder: Path, production: Path) -> None:
    change(production, "Alert", adds(NOTE))
    release(read_shelf(production), "1.0")
    assert [(one.version, one.problem) for one in refused(folder, against=production)] == [
        (2, f"was released in {production} and is not here")
    ]


# --- the commands -------------------------------------------------------------------------------------


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


def test_a_file_that_is_no_json_is_named(folder: Path) -> None:
    (folder / "Alert.avsc").write_text("{", "utf-8")
    with pytest.raises(UnusableSchema, match=r"Alert\.avsc is no JSON"):
        read_shelf(folder)
    shutil.copy(folder / "Site.avsc", folder / "Alert.avsc")
    shutil.copy(folder / "Site.avsc", folder / "released" / "Alert" / "one.avsc")
    with pytest.raises(UnusableSchema, match=r"one\.avsc: a released version is named by its number"):
        read_shelf(folder)


def test_without_the_avro_package_the_gate_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "avro.compatibility", None)
    for command in ("check", "release"):
        ran = run("schemas", command)
        assert (ran.exit, "install ronde[gate]" in ran.err) == (1, True)
    assert run("schemas", "list").exit == 0
