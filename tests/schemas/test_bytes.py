"""The bytes of each value: golden vectors, and two other implementations that must agree.

A golden file has a value, the fingerprint of its schema and its bytes in single-object encoding, as the
`avro` package made them. Published bytes never change: a new version adds a file, it rewrites none.
"""

import io
import json
from pathlib import Path
from typing import Any

import avro.io
import avro.schema
import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.avro.canonical import canonical, fingerprint, without_logical_types
from schemas.avro.generated import reader, writer
from schemas.avro.generated.shapes import Primitive, Record, Shape, Union, shape_of
from schemas.avro.loader import NAMES
from tests.schemas.shaped import CONSTRUCTORS, dicts, tupled
from tests.support.examples import examples

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str) -> tuple[dict[str, Any], bytes, str]:
    vector = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    value = _with_bytes(shape_of(schemas.load(name)), vector["value"])
    return value, bytes.fromhex("".join(vector["hex"])), vector["fingerprint"]


def _with_bytes(shape: Shape, value: Any) -> Any:
    """The value with its bytes, which JSON has as Avro's own JSON does: a character a byte."""
    if isinstance(shape, Record):
        return {field.name: _with_bytes(field.shape, value[field.name]) for field in shape.fields}
    if isinstance(shape, Union) and value is not None:
        return _with_bytes(shape.branches[1], value)
    if isinstance(shape, Primitive) and shape.kind == "bytes":
        return value.encode("latin-1")
    return value


def avro_schema(name: str) -> Any:
    return avro.schema.parse(json.dumps(without_logical_types(schemas.load(name))))


@pytest.mark.parametrize("name", NAMES)
def test_golden_bytes_are_written_and_read_by_all_our_ways(name: str) -> None:
    value, data, _ = golden(name)
    schema = schemas.load(name)
    assert schemas.encode(name, value) == data
    assert schemas.decode(name, data) == value
    assert writer(schema, header=data[:10], objects={"Incident"})(tupled(name, value)) == data
    assert reader(schema, CONSTRUCTORS)(data, 10) == tupled(name, value)


@pytest.mark.parametrize("name", NAMES)
def test_golden_bytes_are_those_of_the_avro_package(name: str) -> None:
    value, data, _ = golden(name)
    out = io.BytesIO()
    avro.io.DatumWriter(avro_schema(name)).write(value, avro.io.BinaryEncoder(out))
    assert out.getvalue() == data[10:]
    decoder = avro.io.BinaryDecoder(io.BytesIO(data[10:]))
    assert avro.io.DatumReader(avro_schema(name)).read(decoder) == value


@pytest.mark.parametrize("name", NAMES)
def test_the_header_is_the_fingerprint_of_the_canonical_form_little_endian(name: str) -> None:
    _, data, known = golden(name)
    assert data[:2] == b"\xc3\x01"
    assert data[2:10].hex() == known == fingerprint(schemas.load(name)).hex()
    assert avro_schema(name).fingerprint() == data[2:10]
    assert avro_schema(name).canonical_form == canonical(schemas.load(name))


@pytest.mark.parametrize(
    ("schema", "known"),
    # The primitives of Avro's own share/test/data/schema-tests.txt, there as signed numbers.
    [("null", 7195948357588979594), ("int", 8247732601305521295), ("string", -8142146995180207161)],
)
def test_fingerprints_are_those_avro_publishes(schema: str, known: int) -> None:
    assert fingerprint(schema) == known.to_bytes(8, "little", signed=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_any_value_has_the_bytes_that_fastavro_gives_it_and_comes_back(name: str) -> None:
    schema = schemas.load(name)
    theirs = fastavro.parse_schema(without_logical_types(schema))
    write, read = writer(schema, objects={"Incident"}), reader(schema, CONSTRUCTORS)

    @examples(60)
    @given(dicts(name))
    def check(value: dict[str, Any]) -> None:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, theirs, value)
        ours = tupled(name, value)
        assert write(ours) == out.getvalue()
        assert read(b"header" + out.getvalue(), 6) == ours
        assert schemas.decode(name, schemas.encode(name, value)) == value

    check()


@pytest.mark.parametrize("size", [0, 63, 64, 8191, 8192, 70_000])
@pytest.mark.parametrize("letter", ["x", "é", "火", "🔥"])
def test_texts_of_every_size_and_script(size: int, letter: str) -> None:
    alert = {"alert_id": letter * size, "site_id": "site-1", "raised_at": 0, "detail": letter * size}
    data = schemas.encode("Alert", alert)
    value = reader(schemas.load("Alert"), CONSTRUCTORS)(data, 10)
    assert value.detail == value.alert_id == letter * size
    assert writer(schemas.load("Alert"), data[:10])(value) == data


@given(st.integers(-(2**63), 2**63 - 1) | st.integers(2**40 - 2, 2**40 + 2) | st.integers(2**41 - 2, 2**41 + 2))
@examples(300)
def test_instants_of_all_times(instant: int) -> None:
    data = schemas.encode("Alert", {"alert_id": "a", "site_id": "s", "raised_at": instant})
    value = reader(schemas.load("Alert"), CONSTRUCTORS)(data, 10)
    assert value.raised_at == instant
    assert writer(schemas.load("Alert"), data[:10])(value) == data


def test_a_number_of_more_than_64_bits_is_not_written() -> None:
    alert = CONSTRUCTORS["Alert"]("a", "s", "FIRE", 2**63)
    with pytest.raises(OverflowError):
        writer(schemas.load("Alert"))(alert)


def test_encode_fills_what_is_absent_and_refuses_what_does_not_fit() -> None:
    site = {"site_id": "s", "subscribed": True, "contacts": [], "updated_at": 1}
    decoded = schemas.decode("Site", schemas.encode("Site", site))
    assert decoded["intervention"] == {"enabled": True, "partners": []}
    assert decoded["address"] is None
    with pytest.raises(ValueError, match="not a value of Site"):
        schemas.encode("Site", {"site_id": "s"})
    with pytest.raises(ValueError, match="not a value of Site"):
        schemas.encode("Site", {**site, "adress": None})


def test_a_generated_function_shows_its_source() -> None:
    assert "def read(data, at):" in reader(schemas.load("Alert"), CONSTRUCTORS).source  # type: ignore[attr-defined]
