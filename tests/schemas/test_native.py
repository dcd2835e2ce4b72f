"""The quick readers and writers agree with the reference: on every value, and on any other bytes.

Here they are the generated source, uncompiled; under `make test-compiled` they are what mypyc makes of it.
"""

from types import ModuleType
from typing import Any, Final, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from compiling.codec import source
from schemas.avro.errors import Undecodable
from schemas.avro.generated import reader, writer
from schemas.contract.topics import TOPICS
from streams.formats import codec
from tests.schemas.shaped import CONSTRUCTORS, dicts, tupled
from tests.schemas.test_bytes import golden
from tests.support.examples import examples

READ: Final = sorted(topic.schema for topic in TOPICS.values() if topic.schema and topic.way in {"in", "own"})
WRITTEN: Final = sorted(topic.schema for topic in TOPICS.values() if topic.schema and topic.way in {"out", "own"})
SIZE: Final = 10  # of a header


@pytest.fixture(scope="module")
def native() -> Any:
    """The module of quick readers and writers."""
    if codec.NATIVE is not None:
        return codec.NATIVE
    made = ModuleType("streams.formats.codec_native")
    exec(compile(source(), "<codec_native>", "exec"), made.__dict__)
    return made


def never(*_: object) -> NoReturn:
    raise AssertionError("the reference is asked, which costs more than having no other")


def told(read: Any, data: bytes) -> Any:
    """What a reader says of bytes."""
    try:
        return read(data, SIZE)
    except Undecodable as error:
        return str(error)


@pytest.mark.parametrize("name", READ)
def test_golden_bytes_are_read_without_the_reference(native: Any, name: str) -> None:
    value, data, _ = golden(name)
    assert getattr(native, f"reader_{name}")(never)(data, SIZE) == tupled(name, value)


@pytest.mark.parametrize("name", WRITTEN)
def test_golden_bytes_are_written_without_the_reference(native: Any, name: str) -> None:
    value, data, _ = golden(name)
    assert getattr(native, f"writer_{name}")(data[:SIZE], never)(tupled(name, value)) == data


@pytest.mark.parametrize("name", READ)
def test_any_value_and_any_damage_to_it_is_read_as_by_the_reference(native: Any, name: str) -> None:
    reference = reader(schemas.load(name), CONSTRUCTORS)
    read = getattr(native, f"reader_{name}")(reference)

    @examples(60)
    @given(dicts(name), st.integers(0, 10_000), st.integers(0, 255))
    def check(value: dict[str, Any], place: int, byte: int) -> None:
        data = schemas.encode(name, value)
        assert read(data, SIZE) == reference(data, SIZE) == tupled(name, value)
        at = SIZE + place % (len(data) - SIZE)
        damaged = data[:at] + bytes([byte]) + data[at + 1 :]
        for broken in (damaged, data[:at], data + b"\0"):
            assert told(read, broken) == told(reference, broken)

    check()


@pytest.mark.parametrize("name", WRITTEN)
def test_any_value_is_written_as_by_the_reference(native: Any, name: str) -> None:
    reference = writer(schemas.load(name), b"header-10-", objects={"Incident"})
    write = getattr(native, f"writer_{name}")(b"header-10-", reference)

    @examples(60)
    @given(dicts(name))
    def check(value: dict[str, Any]) -> None:
        given_value = tupled(name, value)
        assert write(given_value) == reference(given_value)

    check()


def test_what_cannot_be_written_raises_as_the_reference_does(native: Any) -> None:
    value, _, _ = golden("Decision")
    broken = tupled("Decision", value)._replace(site_id="\ud800")
    reference = writer(schemas.load("Decision"))
    with pytest.raises(UnicodeEncodeError):
        native.writer_Decision(b"", reference)(broken)
