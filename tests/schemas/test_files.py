"""The schema files: complete, documented, in the order of the core's values, and as they were published."""

import dataclasses
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, get_args

import avro.schema
import pytest

import schemas
from schemas.avro.loader import NAMES, released
from schemas.contract.topics import TOPICS
from schemas.gate.shelf import meaning
from streams.escalation import names, state
from tests.schemas.shaped import CONSTRUCTORS

INPUTS = ("Site", "Alert", "CallResult", "DispatchReport", "OperatorAction")
# Enums of what others send, which other values hand on as they are.
INPUT_ENUMS = {"Role", "AlertKind", "Direction", "Outcome", "Situation", "ReportStatus", "OperatorVerb", "BadCrc"}


def named_types(schema: Any) -> Iterator[dict[str, Any]]:
    """Every record and enum of a schema, where it is defined."""
    if isinstance(schema, list):
        for branch in schema:
            yield from named_types(branch)
    elif isinstance(schema, dict):
        if schema["type"] in {"record", "enum"}:
            yield schema
        for field in schema.get("fields", ()):
            yield from named_types(field["type"])
        if schema["type"] == "array":
            yield from named_types(schema["items"])


def test_there_is_one_file_for_each_name_and_every_topic_has_its_schema() -> None:
    assert {file.name for file in files("schemas").iterdir() if file.name.endswith(".avsc")} == {
        f"{name}.avsc" for name in NAMES
    }
    assert {topic.schema for topic in TOPICS.values() if topic.schema} == set(NAMES)


def test_an_unknown_name_is_an_error_that_says_which_there_are() -> None:
    with pytest.raises(KeyError, match=r"'Alarm'.*Alert"):
        schemas.load("Alarm")


@pytest.mark.parametrize("name", NAMES)
def test_every_type_and_field_has_a_doc(name: str) -> None:
    for kind in named_types(schemas.load(name)):
        assert kind.get("doc"), kind["name"]
        for field in kind.get("fields", ()):
            assert field.get("doc"), f"{kind['name']}.{field['name']}"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_stands_alone_in_the_namespace(name: str) -> None:
    text = (files("schemas") / f"{name}.avsc").read_text("utf-8")
    assert avro.schema.parse(text).fullname == f"ronde.v1.{name}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_an_optional_field_is_null_by_default(name: str) -> None:
    for kind in named_types(schemas.load(name)):
        for field in kind.get("fields", ()):
            if isinstance(field["type"], list):
                assert field["type"][0] == "null"
                assert len(field["type"]) == 2
                assert field["default"] is None


@pytest.mark.parametrize("name", NAMES)
def test_an_enum_has_one_default_for_an_unknown_symbol_and_an_absent_field(name: str) -> None:
    """contracts.md, Values: where there is one, it stands for both; our own enums all have UNKNOWN."""
    defaults = {}
    for kind in named_types(schemas.load(name)):
        if kind["type"] == "enum":
            defaults[kind["name"]] = kind.get("default")
            if kind["name"] not in INPUT_ENUMS:
                assert kind["default"] == "UNKNOWN" == kind["symbols"][-1], kind["name"]
    for kind in named_types(schemas.load(name)):
        for field in kind.get("fields", ()):
            symbol_type = field["type"] if isinstance(field["type"], str) else None
            if isinstance(field["type"], dict) and field["type"]["type"] == "enum":
                symbol_type = field["type"]["name"]
            if symbol_type in defaults:
                assert field.get("default") == defaults[symbol_type], field["name"]


@pytest.mark.parametrize("name", NAMES)
def test_a_records_fields_are_those_of_its_value_in_its_order(name: str) -> None:
    for kind in named_types(schemas.load(name)):
        if kind["type"] == "record":
            ours: Any = CONSTRUCTORS[kind["name"]]
            order = (
                tuple(field.name for field in dataclasses.fields(ours))
                if dataclasses.is_dataclass(ours)
                else ours._fields
            )
            assert tuple(field["name"] for field in kind["fields"]) == order


@pytest.mark.parametrize(
    ("name", "enum", "literal", "never_written"),
    [
        ("Site", "Role", names.Role, ()),
        ("Alert", "AlertKind", names.AlertKind, ()),
        ("CallResult", "Direction", names.Direction, ()),
        ("CallResult", "Outcome", names.Outcome, ()),
        ("CallResult", "Situation", names.Situation, ()),
        ("DispatchReport", "ReportStatus", names.ReportStatus, ()),
        ("OperatorAction", "OperatorVerb", names.OperatorVerb, ()),
        ("CallCommand", "CallVerb", names.CallVerb, ("UNKNOWN",)),
        ("CallCommand", "ProcedureName", names.ProcedureName, ("UNKNOWN",)),
        ("DispatchCommand", "DispatchVerb", names.DispatchVerb, ("UNKNOWN",)),
        ("Decision", "InputKind", names.InputKind, ("UNKNOWN",)),
        ("Decision", "Phase", names.Phase, ("UNKNOWN",)),
        ("State", "Phase", names.Phase, ("UNKNOWN",)),
        ("State", "DispatchStatus", state.DispatchStatus, ("UNKNOWN",)),
        ("State", "Cancelled", state.Cancelled, ("UNKNOWN",)),
    ],
)
def test_an_enums_symbols_are_the_cores_names(name: str, enum: str, literal: Any, never_written: tuple[str]) -> None:
    kinds = {kind["name"]: kind for kind in named_types(schemas.load(name))}
    assert tuple(kinds[enum]["symbols"]) == (*get_args(literal), *never_written)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_the_version_published_last_or_the_one_before_it(name: str) -> None:
    """ADR 6: a version is read one release before it is written. The rest is the gate's (tests/schemas/gate)."""
    versions = released(name)
    assert list(versions) == list(range(1, len(versions) + 1))
    assert meaning(schemas.load(name)) in [meaning(version) for version in list(versions.values())[-2:]]


def test_one_named_type_is_the_same_in_every_file() -> None:
    seen: dict[str, str] = {}
    for name in NAMES:
        defined: dict[str, Any] = {kind["name"]: kind for kind in named_types(schemas.load(name))}
        for kind in defined.values():
            kind.pop("namespace", None)
        for type_name, kind in defined.items():
            text = json.dumps(_expanded(kind, defined))
            assert seen.setdefault(type_name, text) == text, f"{type_name} in {name}"


def _expanded(schema: Any, defined: dict[str, Any]) -> Any:
    """The type with every type it names written out, so that it does not matter where one is defined."""
    if isinstance(schema, str):
        return _expanded(defined[schema], defined) if schema in defined else schema
    if isinstance(schema, list):
        return [_expanded(branch, defined) for branch in schema]
    parts = {"type", "items", "fields"}
    return {key: _expanded(part, defined) if key in parts else part for key, part in schema.items()}
