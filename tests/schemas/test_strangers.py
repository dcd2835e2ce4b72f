"""Schemas of strangers, as a registry may answer them: each of their values is read truly, or refused; nothing else."""

from __future__ import annotations

import json
import time
from typing import Any, Final

import httpx
import pytest

import schemas
from schemas.avro import decoder as decoding
from schemas.avro.errors import Undecodable, UnusableSchema
from schemas.avro.framing import confluent
from service.registry import LARGEST_SCHEMA, Registry
from tests.machine import stretched
from tests.schemas.shaped import CONSTRUCTORS
from tests.schemas.test_versions import ALERT, SITE, changed, written

_MINUTE_MS: Final = 60_000
NOW_MS: Final = 1_767_225_600_123


def fixed(size: Any) -> dict[str, Any]:
    field = {"name": "x", "type": {"type": "fixed", "name": "F", "size": size}}
    return {**schemas.load("Alert"), "fields": [field, *schemas.load("Alert")["fields"]]}


def doubling(depth: int, innermost: Any) -> dict[str, Any]:
    """A few names that stand for 2 to the power of ``depth`` fields."""
    inner: Any = {"type": "record", "name": "R0", "fields": innermost}
    for number in range(1, depth):
        fields = [{"name": "a", "type": inner}, {"name": "b", "type": f"R{number - 1}"}]
        inner = {"type": "record", "name": f"R{number}", "fields": fields}
    newer = schemas.load("Alert")
    newer["fields"].append({"name": "x", "type": {"type": "array", "items": inner}})
    return newer


HOSTILE: Final[dict[str, Any]] = {
    "a primitive": "string",
    "bytes": "bytes",
    "an object of a primitive": {"type": "string"},
    "a union of primitives": ["null", "string"],
    "an empty union": [],
    "nothing": None,
    "a number": 7,
    "an object of nothing": {},
    "an array": {"type": "array", "items": "string"},
    "a map": {"type": "map", "values": "Alert"},
    "an enum of the name": {"type": "enum", "name": "Alert", "symbols": ["A"]},
    "a fixed of the name": {"type": "fixed", "name": "Alert", "size": 4},
    "a size in words": fixed("x"),
    "a size in digits": fixed("4"),
    "a size below nothing": fixed(-1),
    "no size": fixed(None),
    "a size that is no number": fixed(float("nan")),
    "a size beyond all": fixed(10**400),
    "a size of true": fixed(True),
    "a record in itself": {
        "type": "record",
        "name": "Alert",
        "fields": [*schemas.load("Alert")["fields"], {"name": "x", "type": ["null", "Alert"]}],
    },
    "2**40 fields": doubling(40, [{"name": "x", "type": "string"}]),
    "2**40 fields of nothing": doubling(40, []),
    "a field without a name": {**schemas.load("Alert"), "fields": [{"type": "string"}]},
    "a field whose name is a number": {**schemas.load("Alert"), "fields": [{"name": 7, "type": "string"}]},
    "symbols that are numbers": changed(
        schemas.load("Alert"), "kind", type={"type": "enum", "name": "AlertKind", "symbols": [{}, 1]}
    ),
    "fields that are a text": {**schemas.load("Alert"), "fields": "abc"},
    "65 types": changed(
        schemas.load("Alert"),
        "zone",
        type=[{"type": "fixed", "name": f"F{number}", "size": 1} for number in range(64)] + ["null"],
    ),
}


class Answering:
    """Stands for a registry with one schema for every id."""

    def __init__(self, schema: Any) -> None:
        self._schema = schema

    def schema(self, schema_id: int) -> Any:
        return self._schema


@pytest.mark.slow
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_every_value_of_a_schema_that_is_none_of_ours_is_undecodable(hostile: Any) -> None:
    decode = decoding.decoder("Alert", CONSTRUCTORS, Answering(hostile))
    began = time.monotonic()
    for data in (b"", b"\0", b"\2a", schemas.encode("Alert", ALERT)[10:], b"\xff" * 40):
        with pytest.raises(Undecodable):
            decode(confluent(7) + data)
    assert time.monotonic() - began < stretched(5)


def test_what_a_stranger_calls_a_field_stands_in_no_error() -> None:
    """It may be no text that a header or a database takes."""
    name = "\ud800\0" + "x" * 10_000
    ours = schemas.load("Alert")
    strange = {"name": name, "type": {"type": "record", "name": name, "fields": [{"name": "x", "type": "string"}]}}
    for schema in (
        {**ours, "fields": [strange, *ours["fields"]]},
        {**ours, "name": name},
        changed(ours, "zone", type=strange["type"]),
    ):
        with pytest.raises(Undecodable) as refused:
            decoding.decoder("Alert", CONSTRUCTORS, Answering(schema))(confluent(7) + b"\xff")
        assert "x" * 100 not in str(refused.value)
        assert str(refused.value).isprintable()


def test_a_union_that_has_ours_in_it_is_read() -> None:
    decode = decoding.decoder("Alert", CONSTRUCTORS, Answering(["null", schemas.load("Alert")]))
    assert decode(confluent(7) + b"\2" + schemas.encode("Alert", ALERT)[10:]).alert_id == "a"
    with pytest.raises(Undecodable):
        decode(confluent(7) + b"\0")


# --- what a number counts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logical", "factor"),
    [("timestamp-millis", 1), ("timestamp-micros", 1000), ("timestamp-nanos", 1_000_000), ("not-of-avro", 1)],
)
@pytest.mark.parametrize("is_whole", [True, False])
def test_instants_of_any_unit_become_ours(logical: str, factor: int, is_whole: bool) -> None:
    """Also where all else of the schema is ours: a fingerprint leaves logical types out."""
    unit = {"type": "long", "logicalType": logical}
    other = changed(changed(schemas.load("Site"), "updated_at", type=unit), "test_until", type=["null", unit])
    for instant in (NOW_MS, 0, -1, -NOW_MS):
        value = {**SITE, "updated_at": instant * factor, "test_until": (instant - _MINUTE_MS) * factor}
        if not is_whole:
            value["updated_at"] += factor - 1
        read = decoding.decoder("Site", CONSTRUCTORS, Answering(other))(confluent(7) + written(other, value))
        assert (read.updated_at, read.test_until) == (instant, instant - _MINUTE_MS)


@pytest.mark.parametrize(
    "other",
    [
        *({"type": "long", "logicalType": f"local-timestamp-{unit}"} for unit in ("millis", "micros", "nanos")),
        {"type": "long", "logicalType": "time-micros"},
        {"type": "int", "logicalType": "time-millis"},
        {"type": "int", "logicalType": "date"},
    ],
    ids=lambda other: str(other["logicalType"]),
)
def test_what_counts_no_instants_is_undecodable_as_one(other: dict[str, str]) -> None:
    schema = changed(schemas.load("Alert"), "raised_at", type=other)
    decode = decoding.decoder("Alert", CONSTRUCTORS, Answering(schema))
    with pytest.raises(Undecodable, match=other["logicalType"]):
        decode(confluent(7) + written(schema, {**ALERT, "raised_at": 7}))
    optional = changed(schemas.load("Site"), "test_until", type=["null", other])
    decode = decoding.decoder("Site", CONSTRUCTORS, Answering(optional))
    assert decode(confluent(7) + written(optional, {**SITE, "test_until": None})).test_until is None
    with pytest.raises(Undecodable, match="test_until: of a type"):
        decode(confluent(7) + written(optional, {**SITE, "test_until": 7}))


def test_a_decimal_is_no_text() -> None:
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 0}
    schema = changed(schemas.load("Alert"), "alert_id", type=decimal)
    with pytest.raises(Undecodable, match="decimal"):
        decoding.decoder("Alert", CONSTRUCTORS, Answering(schema))(
            confluent(7) + written(schema, ALERT | {"alert_id": b"1"})
        )


# --- what the registry's client makes of it -----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "is_usable"),
    [
        ('"string"', True),
        ('["null", "string"]', True),
        (json.dumps({**schemas.load("Alert"), "doc": "x" * LARGEST_SCHEMA}), False),
        ("7", False),
        ("null", False),
    ],
)
def test_the_client_answers_twice_alike(tmp_path: Any, text: str, is_usable: bool) -> None:
    """From the registry, and from what it kept."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"schema": text, "metadata": json.loads("[" * 400 + "]" * 400)})

    with httpx.Client(base_url="http://registry", transport=httpx.MockTransport(answer)) as client:
        for _ in range(2):
            if is_usable:
                assert Registry(client, tmp_path).schema(3) == json.loads(text)
            else:
                with pytest.raises(UnusableSchema):
                    Registry(client, tmp_path).schema(3)
