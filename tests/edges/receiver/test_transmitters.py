"""Transmitters as their topic has them, records of later versions among them."""

from __future__ import annotations

from edges.receiver.accounts import Override as Kept
from edges.receiver.transmitters import Transmitters
from edges.receiver.wrapping import Wrapping
from edges.values import Override, Transmitter


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
    assert account.overrides == (Kept("131", "7", "FIRE", None),)
