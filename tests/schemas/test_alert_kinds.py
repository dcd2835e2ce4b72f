"""Every place that lists the kinds of alerts has all of them."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import get_args

import pytest

from edges.desk.labels import labels
from edges.desk.script import phrases
from edges.portal import sentences
from edges.receiver import codes
from schemas.avro.generated.shapes import Enum, nodes, shape_of
from schemas.avro.loader import load
from schemas.contract.alert_kinds import BY_URGENCY, AlertKind, OverrideKind
from streams.escalation import names

KINDS = get_args(AlertKind)


@pytest.mark.parametrize(
    ("schema", "enum", "symbols"),
    [
        ("Alert", "AlertKind", KINDS),
        ("Quarantined", "AlertKind", KINDS),
        ("Signal", "AlertKind", KINDS),
        ("Transmitter", "OverrideKind", (*get_args(OverrideKind), "UNKNOWN")),
    ],
)
def test_the_schemas(schema: str, enum: str, symbols: tuple[str, ...]) -> None:
    found = [node for node in nodes(shape_of(load(schema))) if isinstance(node, Enum) and node.name == enum]
    assert [node.symbols for node in found] == [symbols]


def test_the_core() -> None:
    assert get_args(names.AlertKind) == KINDS


def test_words() -> None:
    for words in (labels(str)["kind"], phrases()["kinds"], sentences.KINDS):
        assert tuple(words) == KINDS


def test_codes() -> None:
    assert {meaning.kind for meaning in codes.table().values()} == {*KINDS, None}


def test_urgency() -> None:
    assert sorted(BY_URGENCY) == sorted(KINDS)
    query = files("sinks").joinpath("queries", "handling.sql").read_text(encoding="utf-8")
    assert tuple(re.findall(r"(?:THEN|ELSE) '(\w+)'", query)) == BY_URGENCY
