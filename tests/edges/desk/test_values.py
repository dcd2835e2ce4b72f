"""The desk's values have the fields of the schemas, in their order."""

from __future__ import annotations

from typing import Any

import pytest

from edges.desk.values import CONSTRUCTORS, InputRef, origin
from schemas.avro.errors import Undecodable
from schemas.avro.loader import load
from schemas.contract.topics import TOPICS
from streams.kafka.dead_letters import Fate, LetterId, note_headers

READ = (
    "sites", "alerts", "signals", "call-results", "dispatch-reports", "operator-actions",
    "calls", "dispatches", "attention", "decisions", "claims", "desk-log",
)  # fmt: skip


def records(schema: Any) -> dict[str, list[str]]:
    """The fields of each record within a schema."""
    found: dict[str, list[str]] = {}
    if isinstance(schema, list):
        for branch in schema:
            found |= records(branch)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            found[schema["name"]] = [field["name"] for field in schema["fields"]]
            for field in schema["fields"]:
                found |= records(field["type"])
        elif schema["type"] == "array":
            found |= records(schema["items"])
    return found


@pytest.mark.parametrize("topic", READ)
def test_fields(topic: str) -> None:
    name = TOPICS[topic].schema
    assert name is not None
    for record, fields in records(load(name)).items():
        kind: Any = CONSTRUCTORS[record]
        assert list(kind._fields) == fields


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
    assert origin(again) == InputRef("", "", "alerts", 1, 7), "a letter, of a record with such a header"
    for headers in (None, [], place[1:], [("a", b"1")]):
        other: Any = Headed(headers)
        with pytest.raises(Undecodable):
            origin(other)
