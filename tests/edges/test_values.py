"""The edges' values have the fields of the schemas, in their order."""

from __future__ import annotations

from typing import Any

import pytest

from edges.values import CONSTRUCTORS
from schemas.avro.generated.shapes import Record, nodes, shape_of
from schemas.avro.loader import NAMES, load

FIELDS = {
    node.name: tuple(field.name for field in node.fields)
    for name in NAMES
    if name != "State"  # the core's own
    for node in nodes(shape_of(load(name)))
    if isinstance(node, Record)
}


@pytest.mark.parametrize("record", sorted(FIELDS))
def test_fields(record: str) -> None:
    kind: Any = CONSTRUCTORS[record]
    assert kind._fields == FIELDS[record]


def test_there_is_no_other_value() -> None:
    assert CONSTRUCTORS.keys() == FIELDS.keys()
