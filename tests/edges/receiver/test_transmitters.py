"""Transmitters as their topic has them, records of later versions among them."""

from __future__ import annotations

from typing import Any

import pytest

from edges.receiver.transmitters import Transmitters, checked
from edges.receiver.wrapping import Wrapping
from edges.values import Override, Transmitter
from schemas.avro.decoder import decoder
from schemas.avro.errors import SchemaNotFound
from schemas.avro.records import encode


def test_an_override_of_a_kind_that_this_version_lacks_is_left_to_the_table() -> None:
    overrides = (
        Override("130", None, "UNKNOWN", None, "ann", "a kind of a later version"),
        Override("131", "7", "FIRE", None, "ann", "a smoke detector"),
    )
    record = Transmitter("1234", "S1", "DC09", None, None, "SILENT", overrides, 0)
    transmitters = Transmitters(lambda _: record, Wrapping(None), lambda _: True)
    transmitters.put("1234", b"")
    account = transmitters.get("1234")
    assert account is not None
    assert account.overrides == overrides[1:]


class Registry:
    """One that knows no schema, and is asked in the reader's thread alone."""

    is_in_reader = True

    def schema(self, schema_id: int) -> Any:
        assert self.is_in_reader
        raise SchemaNotFound(f"schema {schema_id}")


@pytest.mark.parametrize("value", [b"broken", b"\0\0\0\0\7of a schema that is not there"])
def test_of_a_record_that_does_not_decode_nothing_is_known_with_a_registry_too(value: bytes) -> None:
    """Neither that the account is not there, nor what stood before."""
    registry = Registry()
    decode = decoder("Transmitter", {"Transmitter": Transmitter, "Override": Override}, registry)
    take = checked(decode)
    known = encode("Transmitter", Transmitter("1234", "S1", "DC09", None, None, "SILENT", (), 0)._asdict())
    taken = take(known), take(value)
    registry.is_in_reader = False
    transmitters = Transmitters(decode, Wrapping(None), lambda _: True)
    transmitters.put("1234", taken[0])
    assert transmitters.get("1234") is not None
    transmitters.put("1234", taken[1])
    assert (transmitters.get("1234"), transmitters.is_fresh("1234")) == (None, False)
    assert transmitters.unreadable_records == {"1234"}
