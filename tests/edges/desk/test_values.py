"""The desk's values have the fields of the schemas, in their order."""

from __future__ import annotations

from typing import Any

import pytest

from edges.desk.values import CONSTRUCTORS
from schemas.avro.loader import load
from schemas.contract.topics import TOPICS

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
