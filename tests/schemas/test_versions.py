"""What older, newer and other producers wrote is read by today's schema (Avro specification, Schema Resolution)."""

import copy
import io
from typing import Any

import fastavro
import pytest
from hypothesis import given

import schemas
from schemas.avro import decoder as decoding
from schemas.avro.canonical import without_logical_types
from schemas.avro.errors import NoRegistry, RegistryNotSet, SchemaNotFound, Undecodable, UnusableSchema
from schemas.avro.framing import confluent, single_object
from schemas.avro.generated import reader
from schemas.avro.loader import Schema, released
from streams.escalation.values import Alert, Intervention
from tests.schemas.shaped import CONSTRUCTORS, dicts, tupled
from tests.support.examples import examples

SITE: dict[str, Any] = {"site_id": "s", "subscribed": True, "contacts": [], "updated_at": 5}
ALERT: dict[str, Any] = {"alert_id": "a", "site_id": "s", "kind": "FIRE", "raised_at": 7}


def without(schema: Schema, *names: str) -> Schema:
    return {**schema, "fields": [field for field in schema["fields"] if field["name"] not in names]}


def changed(schema: Schema, name: str, **changes: Any) -> Schema:
    fields = [{**field, **changes} if field["name"] == name else field for field in schema["fields"]]
    return {**schema, "fields": fields}


def written(schema: Schema, value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(without_logical_types(schema)), value)
    return out.getvalue()


def read_as(name: str, written_by: Schema, value: dict[str, Any]) -> Any:
    return reader(schemas.load(name), CONSTRUCTORS, written_by=written_by)(written(written_by, value), 0)


# --- what is absent ----------------------------------------------------------------------------------


def test_an_older_site_without_intervention_takes_the_whole_default() -> None:
    older = without(schemas.load("Site"), "intervention", "test_until", "instructions")
    site = read_as("Site", older, SITE)
    assert site.intervention == Intervention(enabled=True, partners=())
    assert (site.test_until, site.instructions, site.updated_at) == (None, None, 5)


def test_an_older_intervention_without_partners_takes_the_field_default() -> None:
    schema = schemas.load("Site")
    nested = next(field for field in schema["fields"] if field["name"] == "intervention")["type"]
    older = changed(schema, "intervention", type=without(nested, "partners"))
    site = read_as("Site", older, {**SITE, "intervention": {"enabled": False}})
    assert site.intervention == Intervention(enabled=False, partners=())


def test_a_record_default_that_leaves_fields_out_is_filled_from_their_own_defaults() -> None:
    """The trap: fastavro hands such a default out unchanged, without what it leaves out."""
    today = changed(schemas.load("Site"), "intervention", default={})
    older = without(today, "intervention")
    site = reader(today, CONSTRUCTORS, written_by=older)(written(older, SITE), 0)
    assert site.intervention == Intervention(enabled=True, partners=())


def test_defaults_are_not_shared_between_decoded_dicts() -> None:
    older = without(schemas.load("Site"), "intervention")
    makers = {kind: (lambda *values: list(values)) for kind in ("Site", "Contact", "Address", "Intervention")}
    read = reader(schemas.load("Site"), makers, written_by=older, array=list)
    first, second = read(written(older, SITE), 0), read(written(older, SITE), 0)
    first[5][1].append("p1")
    assert second[5] == [True, []]


def test_an_absent_enum_takes_its_default() -> None:
    alert = read_as("Alert", without(schemas.load("Alert"), "kind", "zone"), ALERT)
    assert alert == Alert("a", "s", "OTHER", 7)


def test_a_field_that_must_be_there_makes_the_schema_unusable() -> None:
    with pytest.raises(UnusableSchema, match="site_id is neither written nor has a default"):
        read_as("Alert", without(schemas.load("Alert"), "site_id"), ALERT)


# --- what is unknown ---------------------------------------------------------------------------------


def with_symbol(schema: Schema, enum: str, symbol: str) -> Schema:
    """The schema of a producer whose enum has one symbol more, before all others."""
    newer = copy.deepcopy(schema)

    def visit(part: Any) -> None:
        if isinstance(part, list):
            for branch in part:
                visit(branch)
        elif isinstance(part, dict):
            if part.get("name") == enum and part.get("type") == "enum":
                part["symbols"].insert(0, symbol)
            for inner in part.values():
                visit(inner)

    visit(newer)
    return newer


def test_a_symbol_that_is_unknown_becomes_the_default_and_known_ones_stay() -> None:
    newer = with_symbol(schemas.load("Alert"), "AlertKind", "FLOOD")
    assert read_as("Alert", newer, {**ALERT, "kind": "FLOOD"}).kind == "OTHER"
    assert read_as("Alert", newer, ALERT).kind == "FIRE"


def test_an_unknown_symbol_of_an_enum_without_a_default_is_undecodable_for_that_value_only() -> None:
    result = {"result_id": "r", "site_id": "s", "direction": "OUTBOUND", "outcome": "NO_ANSWER", "ended_at": 1}
    newer = with_symbol(schemas.load("CallResult"), "Outcome", "VOICEMAIL")
    assert read_as("CallResult", newer, result).outcome == "NO_ANSWER"
    with pytest.raises(Undecodable, match=r"CallResult\.outcome"):
        read_as("CallResult", newer, {**result, "outcome": "VOICEMAIL"})


def test_an_older_reader_of_decisions_sees_unknown_for_a_phase_it_does_not_know() -> None:
    newer = with_symbol(schemas.load("Decision"), "Phase", "PAUSED")
    decision = dict.fromkeys(("incident_id", "procedure_version", "site_offset", "phase_from", "round"))
    value: dict[str, Any] = {
        **decision,
        "decision_id": "d",
        "site_id": "s",
        "version": 1,
        "at": 1,
        "input": {"kind": "ALERT", "id": "a"},
        "rule": "OPENED",
        "phase_to": "PAUSED",
        "outputs": [],
    }
    assert read_as("Decision", newer, value).phase_to == "UNKNOWN"


def test_fields_of_every_type_that_we_do_not_know_are_passed_over() -> None:
    extras: list[tuple[str, Any, Any]] = [
        ("a_map", {"type": "map", "values": {"type": "array", "items": "string"}}, {"k": ["v", "w"], "l": []}),
        ("a_fixed", {"type": "fixed", "name": "Six", "size": 6}, b"sixsix"),
        ("some_bytes", "bytes", b"\xff\x00"),
        ("a_float", "float", 1.5),
        ("a_double", "double", 2.5),
        ("a_union", ["null", "int", "string", {"type": "record", "name": "P", "fields": []}], "text"),
        ("a_null", "null", None),
        ("a_long", "long", -(2**63)),
        ("an_enum", {"type": "enum", "name": "Many", "symbols": [f"S{n}" for n in range(200)]}, "S199"),
        ("a_record", {"type": "record", "name": "Q", "fields": [{"name": "x", "type": "boolean"}]}, {"x": True}),
        ("again", "Six", b"666666"),
    ]
    newer = schemas.load("Alert")
    newer["fields"] = [{"name": name, "type": kind} for name, kind, _ in extras] + newer["fields"]
    value = {**ALERT, **{name: given for name, _, given in extras}}
    assert read_as("Alert", newer, value) == Alert("a", "s", "FIRE", 7)


def test_other_orders_names_and_smaller_numbers_are_read() -> None:
    other = schemas.load("Alert")
    other = changed(other, "raised_at", type="int")
    other = changed(other, "alert_id", type="bytes")
    other = changed(other, "zone", type="string", default="")
    other["namespace"] = "com.example"
    other["fields"].reverse()
    value = {**ALERT, "alert_id": b"a", "zone": "z"}
    assert read_as("Alert", other, value) == Alert("a", "s", "FIRE", 7, "z")


def test_a_value_that_may_be_what_we_do_not_take_is_refused_only_where_it_is() -> None:
    other = changed(schemas.load("Alert"), "site_id", type=["null", "string"])
    assert read_as("Alert", other, ALERT).site_id == "s"
    with pytest.raises(Undecodable, match=r"site_id: of a type that the reader does not take"):
        read_as("Alert", other, {**ALERT, "site_id": None})


@pytest.mark.parametrize(
    "hostile",
    [
        {"type": "record", "name": "Alert", "fields": [{"name": "x", "type": "Alert"}]},
        {"type": "record", "name": "Alert", "fields": [{"name": "x", "type": {"type": "array", "items": "null"}}]},
        {"type": "record", "name": "Site", "fields": []},
        {"type": "record", "name": "Alert"},
        {"type": "enum", "name": "Alert", "symbols": ["A"]},
        {"type": "record", "name": "Alert", "fields": [{"name": "site_id", "type": "long"}]},
        "string",
        ["null"],
        7,
        {},
    ],
)
def test_a_schema_that_no_alert_can_be_read_by_is_unusable(hostile: Any) -> None:
    with pytest.raises((UnusableSchema, Undecodable)):
        reader(schemas.load("Alert"), CONSTRUCTORS, written_by=hostile)(b"\x02\x00\x02\x00\x00\x00", 0)


def test_a_schema_nested_too_deep_is_unusable() -> None:
    deep: Any = "string"
    for _ in range(60):
        deep = {"type": "array", "items": deep}
    newer = schemas.load("Alert")
    newer["fields"].append({"name": "deep", "type": deep})
    with pytest.raises(UnusableSchema):
        reader(schemas.load("Alert"), CONSTRUCTORS, written_by=newer)


def test_names_out_of_a_foreign_schema_never_become_code() -> None:
    newer = schemas.load("Alert")
    newer["fields"].append({"name": "x = 1; import os #", "type": "string"})
    newer["fields"].append({"name": "\n    boom", "type": {"type": "enum", "name": "a b\nc", "symbols": ["S"]}})
    read = reader(schemas.load("Alert"), CONSTRUCTORS, written_by=newer)
    assert "import" not in read.source  # type: ignore[attr-defined]
    assert "boom" not in read.source  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["Site", "Alert", "CallResult", "DispatchReport", "OperatorAction", "State"])
def test_resolution_agrees_with_fastavro(name: str) -> None:
    """Over schemas that lack every field with a default, and have one that nobody knows."""
    today = without_logical_types(schemas.load(name))
    older = {**today, "fields": [field for field in today["fields"] if "default" not in field]}
    older["fields"] = [*reversed(older["fields"]), {"name": "added", "type": {"type": "array", "items": "string"}}]
    ours = reader(today, CONSTRUCTORS, written_by=older)
    theirs = (fastavro.parse_schema(older), fastavro.parse_schema(today))

    @examples(40)
    @given(dicts(name))
    def check(value: dict[str, Any]) -> None:
        data = written(older, {**value, "added": ["x"]})
        resolved: Any = fastavro.schemaless_reader(io.BytesIO(data), *theirs)
        assert ours(data, 0) == tupled(name, resolved)

    check()


# --- by which schema: the two framings --------------------------------------------------------------


class FewSchemas:
    """Stands for a registry that knows these schemas, and counts what it is asked."""

    def __init__(self, known: dict[int, Schema]) -> None:
        self.known = known
        self.asked = 0

    def schema(self, schema_id: int) -> Schema:
        self.asked += 1
        if schema_id not in self.known:
            raise SchemaNotFound("not there")
        return self.known[schema_id]


def test_single_object_bytes_of_an_older_published_version_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    older = without(schemas.load("Site"), "intervention")
    versions = {1: older, **{number + 1: schema for number, schema in released("Site").items()}}
    monkeypatch.setattr(decoding, "released", lambda name: versions)
    decode = decoding.decoder("Site", CONSTRUCTORS)
    assert decode(single_object(older) + written(older, SITE)).intervention == Intervention()
    today = {**SITE, "intervention": {"enabled": False}}
    assert decode(schemas.encode("Site", today)).intervention == Intervention(enabled=False)


def test_both_framings_are_read_side_by_side() -> None:
    newer = with_symbol(schemas.load("Alert"), "AlertKind", "FLOOD")
    registry = FewSchemas({7: schemas.load("Alert"), 2**31: newer})
    decode = decoding.decoder("Alert", CONSTRUCTORS, registry)
    single = schemas.encode("Alert", ALERT)
    assert decode(single) == decode(confluent(7) + single[10:]) == Alert("a", "s", "FIRE", 7)
    assert decode(confluent(2**31) + written(newer, {**ALERT, "kind": "FLOOD"})).kind == "OTHER"
    assert decode(confluent(7) + single[10:]).alert_id == "a"
    assert registry.asked == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "neither"),
        (b"\xc3", "neither"),
        (b"{}", "neither"),
        (b"\xc3\x01", "no published schema of Alert"),
        (b"\xc3\x01" + b"\x07" * 8 + b"xx", "no published schema of Alert"),
        (b"\x00", "none is configured"),
        (confluent(7) + b"xx", "none is configured"),
    ],
)
def test_bytes_by_no_known_schema_are_undecodable(data: bytes, message: str) -> None:
    with pytest.raises(Undecodable, match=message):
        decoding.decoder("Alert", CONSTRUCTORS)(data)


def test_a_value_of_any_version_behind_a_registrys_id_says_that_no_registry_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    older = without(schemas.load("Site"), "intervention")
    monkeypatch.setattr(decoding, "released", lambda name: {1: older})
    decode = decoding.decoder("Site", CONSTRUCTORS)
    for data in (schemas.encode("Site", SITE)[10:], written(older, SITE)):
        with pytest.raises(NoRegistry):
            decode(confluent(7) + data)
        with pytest.raises(RegistryNotSet, match=r"set registry\.url"):
            decoding.of_output(decode)(confluent(7) + data)
        with pytest.raises(Undecodable) as error:
            decoding.of_output(decode)(confluent(7) + data + b"x")
        assert not isinstance(error.value, NoRegistry), "any record may begin with a zero byte"


def test_a_short_header_an_unknown_id_and_an_unusable_schema_are_undecodable_with_a_registry() -> None:
    registry = FewSchemas({7: schemas.load("Site")})
    decode = decoding.decoder("Alert", CONSTRUCTORS, registry)
    for data, message in ((b"\0\0", "header"), (confluent(8) + b"x", "not there"), (confluent(7) + b"x", "schema 7")):
        for _ in range(2):
            with pytest.raises(Undecodable, match=message):
                decode(data)
    assert registry.asked == 3  # the unusable one is asked for once, the unknown one may come yet
