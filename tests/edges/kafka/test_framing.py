"""Where a dead letter lay, by its headers."""

from __future__ import annotations

from typing import Any

import pytest

from edges.kafka.framing import origin
from edges.values import Source
from schemas.avro.errors import Undecodable
from streams.kafka.dead_letters import Fate, LetterId, note_headers


class Headed:
    """A record of dead-letters with these headers."""

    def __init__(self, headers: list[Any] | None) -> None:
        self._headers = headers

    def headers(self) -> list[Any] | None:
        return self._headers


@pytest.mark.parametrize("fate", ["replayed", "discarded"])
def test_a_note_on_a_dead_letter_is_none_and_no_record_that_does_not_decode(fate: Fate) -> None:
    note: Any = Headed(note_headers(LetterId(1, 2), fate, place="alerts-1-3", why="a test", who="Zoé"))
    assert origin(note) is None
    place = [("dlq.topic", b"alerts"), ("dlq.partition", b"1"), ("dlq.offset", b"7")]
    again: Any = Headed([(f"dlq.{fate}", b"1-2"), *place])
    assert origin(again) == Source("alerts", 1, 7), "a letter, of a record with such a header"
    for headers in (None, [], place[1:], [("a", b"1")]):
        other: Any = Headed(headers)
        with pytest.raises(Undecodable):
            origin(other)
