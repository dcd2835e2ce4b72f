"""A reader takes exactly one value or raises Undecodable; no bytes make anything else escape."""

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.avro.canonical import without_logical_types
from schemas.avro.errors import Undecodable
from schemas.avro.generated import reader
from schemas.avro.loader import NAMES
from tests.schemas.shaped import CONSTRUCTORS, tupled
from tests.schemas.test_bytes import golden
from tests.support.examples import examples

# alert_id "a", site_id "s", kind FIRE, raised_at 1, nothing else
ALERT = bytes([2, 97, 2, 115, 6, 2, 0, 0, 0])


def read_alert(data: bytes) -> Any:
    return reader(schemas.load("Alert"), CONSTRUCTORS)(data, 0)


def test_the_alert_that_the_cases_break_is_good() -> None:
    assert read_alert(ALERT) == CONSTRUCTORS["Alert"]("a", "s", "FIRE", 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Alert.alert_id: the data ends too early"),
        (ALERT + b"\0", "bytes are left over"),
        (ALERT[:-1], "Alert.source: the data ends too early"),
        (b"\x01" + ALERT[1:], "Alert.alert_id: a size is negative"),
        (b"\x81\x01" + ALERT[1:], "Alert.alert_id: a size is negative"),
        (b"\x02\xff" + ALERT[2:], "Alert.alert_id: the text is not UTF-8"),
        (b"\x06\xed\xa0\x80" + ALERT[2:], "Alert.alert_id: the text is not UTF-8"),  # a lone surrogate
        (ALERT[:4] + b"\x0a" + ALERT[5:], "Alert.kind: no such symbol"),
        (ALERT[:4] + b"\x01" + ALERT[5:], "Alert.kind: no such symbol"),
        (ALERT[:5] + b"\x80" * 10 + ALERT[5:], "Alert.raised_at: a number is longer than 10 bytes"),
        (ALERT[:5] + b"\xff" * 9 + b"\x02" + ALERT[6:], "Alert.raised_at: a number has more than 64 bits"),
        (ALERT[:6] + b"\x04" + ALERT[7:], "Alert.zone: no such type of the union"),
        (ALERT[:6] + b"\x01" + ALERT[7:], "Alert.zone: no such type of the union"),
        (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" + ALERT[1:], "too early"),
    ],
)
def test_a_broken_alert_is_refused_and_the_field_named(data: bytes, message: str) -> None:
    with pytest.raises(Undecodable, match=message.replace(".", r"\.")):
        read_alert(data)


def readiness(missing: bytes) -> bytes:
    return b"\x02s" + b"\x01\x00\x01" + missing + b"\x00" + b"\x02"


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        (b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a list is longer than the data"),  # 2**63 - 1 items
        (b"\x7e\x02a\x00", "too early|no such|not UTF-8|negative"),  # 63 items announced, one there
        (b"\x01\x06\x02a\x00", "a list does not end where it says"),  # its size is 3, two bytes are there
        (b"\x01\x01\x02a\x00", "a size is negative"),
    ],
)
def test_a_broken_list_is_refused(missing: bytes, message: str) -> None:
    with pytest.raises(Undecodable, match=message):
        reader(schemas.load("Readiness"), CONSTRUCTORS)(readiness(missing), 0)


@pytest.mark.parametrize("missing", [b"\x04\x02a\x02b\x00", b"\x02\x02a\x02\x02b\x00", b"\x03\x08\x02a\x02b\x00"])
def test_a_list_may_come_in_blocks_with_or_without_their_sizes(missing: bytes) -> None:
    assert reader(schemas.load("Readiness"), CONSTRUCTORS)(readiness(missing), 0).missing == ("a", "b")


def test_a_boolean_is_0_or_1_and_an_int_has_32_bits() -> None:
    with pytest.raises(Undecodable, match=r"Readiness\.subscribed: .*no such boolean"):
        reader(schemas.load("Readiness"), CONSTRUCTORS)(b"\x02s\x02", 0)
    value, _, _ = golden("Quarantined")
    source = without_logical_types(schemas.load("Quarantined"))
    wide = {**source, "fields": [*source["fields"]]}
    wide["fields"][6] = {"name": "input", "type": _with_long_partition(source["fields"][6]["type"])}
    out = io.BytesIO()
    broken = {**value, "input": {**value["input"], "partition": 2**31}}
    fastavro.schemaless_writer(out, fastavro.parse_schema(wide), broken)
    with pytest.raises(Undecodable, match=r"input\.partition: an int has more than 32 bits"):
        reader(schemas.load("Quarantined"), CONSTRUCTORS)(out.getvalue(), 0)


def _with_long_partition(source: dict[str, Any]) -> dict[str, Any]:
    return {
        **source,
        "fields": [{**field, "type": "long"} if field["name"] == "partition" else field for field in source["fields"]],
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_value_cut_short_anywhere_or_followed_by_anything_is_refused(name: str) -> None:
    value, data, _ = golden(name)
    read = reader(schemas.load(name), CONSTRUCTORS)
    assert read(data, 10) == tupled(name, value)
    for end in range(10, len(data)):
        with pytest.raises(Undecodable):
            read(data[:end], 10)
    with pytest.raises(Undecodable, match="left over"):
        read(data + b"\0", 10)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_broken_and_random_bytes_raise_undecodable_or_are_what_fastavro_reads(name: str) -> None:
    _, data, _ = golden(name)
    good = data[10:]
    read = reader(schemas.load(name), CONSTRUCTORS)
    theirs = fastavro.parse_schema(without_logical_types(schemas.load(name)))

    changes = st.lists(st.tuples(st.integers(0, len(good) - 1), st.integers(0, 255)), min_size=1, max_size=3)
    mutated = changes.map(lambda some: bytes({**dict(enumerate(good)), **dict(some)}.values()))

    @examples(150)
    @given(st.binary(max_size=60) | mutated)
    def check(broken: bytes) -> None:
        try:
            value = read(broken, 0)
        except Undecodable:
            return
        read_by_them: Any = fastavro.schemaless_reader(io.BytesIO(broken), theirs, None)
        assert value == tupled(name, read_by_them)

    check()


def test_the_error_holds_nothing_of_what_the_value_holds() -> None:
    data = schemas.encode("Alert", {"alert_id": "secret-id", "site_id": "s", "raised_at": 1, "detail": "secret-word"})
    for end in range(len(data)):
        with pytest.raises(Undecodable) as error:
            schemas.decode("Alert", data[:end])
        assert "secret" not in str(error.value)
        assert error.value.__cause__ is None
