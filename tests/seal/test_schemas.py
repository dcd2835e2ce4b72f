"""Schemas that others register: none stops the seal, and what is sealed is opened by what was known then."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import fastavro
import pytest

from ronde.shared.errors import Failed
from ronde.views.incident import sealed_dossier
from schemas.avro.errors import RegistryUnreachable, SchemaNotFound, UnusableSchema
from schemas.avro.loader import load
from seal.checking import check_records
from seal.commitments import Commitments
from seal.errors import SealError
from seal.proofs import read_value, resolved
from streams.kafka.reading import LogRecord
from tests.seal.bench import SealBench
from tests.streams.logbook import Logbook, seconds
from tests.streams.test_whatif import answer, waiting

WHOLE = ("key", "headers", "value")
HEADER = b"\x00\x00\x00\x00\x07"
EXTRA: tuple[tuple[Any, Any], ...] = (
    ("float", 1.5),
    (["null", "double"], -2.25),
    ({"type": "map", "values": ["null", "long"]}, {"a": 1, "b": None}),
    ({"type": "map", "values": "string"}, {}),
    ({"type": "fixed", "name": "Four", "size": 4}, b"\0\1\2\3"),
    ({"type": "array", "items": {"type": "fixed", "name": "One", "size": 1}}, [b"a", b"b"]),
    ({"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"]}, "BLUE"),
    (
        {"type": "map", "values": {"type": "record", "name": "Pair", "fields": [
            {"name": "nothing", "type": "null"}, {"name": "width", "type": "float"},
        ]}},
        {"a": {"nothing": None, "width": 1.5}, "b": {"nothing": None, "width": 0.25}},
    ),
)  # fmt: skip
HUGE_LIST = b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"  # of 2^62 items
ALERT = b"\x02a\x02b\x00\x00\x00\x00\x00"


def doubled(depth: int) -> Any:
    """A record that uses one twice which uses one twice, and so on: 2^depth texts."""
    kind: Any = "string"
    for number in range(depth):
        first, again = (kind, kind if isinstance(kind, str) else kind["name"])
        fields = [{"name": "first", "type": first}, {"name": "second", "type": again}]
        kind = {"type": "record", "name": f"Twice{number}", "fields": fields}
    return kind


def nested(depth: int) -> Any:
    kind: Any = "string"
    for _ in range(depth):
        kind = {"type": "map", "values": kind}
    return kind


# Types that a stranger's schema may have, and that hold or end a process which takes them as they come.
HOSTILE: tuple[tuple[str, Any], ...] = (
    ("a list of nothing", {"type": "array", "items": "null"}),
    ("a list of empty records", {"type": "array", "items": {"type": "record", "name": "Empty", "fields": []}}),
    ("a list of no bytes", {"type": "array", "items": {"type": "fixed", "name": "None", "size": 0}}),
    ("2^60 texts", doubled(60)),
    ("300 maps in each other", nested(300)),
    *((f"a fixed of size {size}", {"type": "fixed", "name": "Fixed", "size": size}) for size in ("x", None, 1.5, -1)),
    ("a type whose name is none", {"type": "string", "name": []}),
    ("values that are no type", {"type": "string", "values": 5}),
)


def alert_with(kind: Any) -> dict[str, Any]:
    """The schema of a producer that says more."""
    schema = deepcopy(load("Alert"))
    schema["fields"].append({"name": "extra", "type": kind})
    return schema


def commitments(registry: Callable[[int], Any]) -> Commitments:
    return Commitments(lambda *_: b"s" * 32, registry)


def record(value: bytes) -> LogRecord:
    return LogRecord("alerts", 0, 0, 0, b"S1", value, [])


@pytest.mark.parametrize(("kind", "said"), EXTRA, ids=str)
def test_a_field_of_any_type_is_split_and_read_again(kind: Any, said: Any) -> None:
    schema = alert_with(kind)
    alert = {"alert_id": "A1", "site_id": "S1", "kind": "FIRE", "raised_at": 5, "extra": said}
    written = io.BytesIO()
    fastavro.schemaless_writer(written, fastavro.parse_schema(deepcopy(schema)), alert)
    leaf = commitments(lambda _: schema).leaf(record(HEADER + written.getvalue()))
    assert b"".join(field.data for field in leaf.fields[2:]) == written.getvalue()
    types = {field["name"]: field["type"] for field in resolved(schema)["fields"]}
    data = leaf.fields[-1].data
    value, end = read_value(types["extra"], data, 0)
    shown = [one.hex() for one in said] if isinstance(said, list) else said.hex() if isinstance(said, bytes) else said
    assert (leaf.fields[-1].name, value, end) == ("extra", shown, len(data))


@pytest.mark.parametrize("kind", [kind for _, kind in HOSTILE], ids=[name for name, _ in HOSTILE])
def test_a_schema_of_anybody_neither_holds_nor_ends_the_seal(kind: Any) -> None:
    value = HEADER + ALERT + HUGE_LIST
    leaf = commitments(lambda _: alert_with(kind)).leaf(record(value))
    assert (tuple(field.name for field in leaf.fields), leaf.fields[-1].data) == (WHOLE, value)


@pytest.mark.parametrize("name", [name for name, _ in HOSTILE])
def test_no_schema_of_a_dossier_holds_its_verifier(name: str) -> None:
    with pytest.raises((ValueError, TypeError)):  # as its ``main`` catches
        resolved(alert_with(dict(HOSTILE)[name]))


@pytest.mark.parametrize("items", ["float", "boolean", {"type": "fixed", "name": "One", "size": 1}], ids=str)
def test_a_list_that_claims_more_items_than_there_are_bytes_is_no_list(items: Any) -> None:
    value = HEADER + ALERT + HUGE_LIST + bytes(8)
    schema = alert_with({"type": "array", "items": items})
    assert commitments(lambda _: schema).leaf(record(value)).fields[-1].data == value


@pytest.mark.parametrize("symbols", [["ann", "bob"], {"ann": 0, "bob": 1}], ids=str)
def test_a_record_that_names_no_contact_of_its_schema_is_the_site_s(symbols: Any) -> None:
    enum = {"type": "enum", "name": "Known", "symbols": symbols}
    schema = {"type": "record", "name": "Result", "fields": [{"name": "contact_id", "type": enum}]}
    parts = commitments(lambda _: schema).parts(record(HEADER + b"\x0a")._replace(topic="call-results"))
    assert (parts.contact_id, parts.layout.names) == ("", ("key", "headers", "contact_id"))


@pytest.mark.parametrize(
    "kind",
    [["null", "ronde.v1.Alert"], ["null", {"type": "error", "name": "E", "fields": []}], "ronde.v1.Nothing"],
    ids=str,
)
def test_the_value_of_a_schema_that_cannot_be_split_is_one_field(kind: Any) -> None:
    def registry(_: int) -> Any:
        schema = alert_with(kind)
        if kind == "ronde.v1.Nothing":
            raise UnusableSchema("no such type")
        return schema

    leaf = commitments(registry).leaf(record(HEADER + b"?"))
    assert (tuple(field.name for field in leaf.fields), leaf.fields[-1].data) == (WHOLE, HEADER + b"?")


def test_an_id_that_the_registry_does_not_know_is_asked_for_again() -> None:
    answers: list[Any] = [SchemaNotFound("7"), load("Alert")]

    def registry(_: int) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    made = commitments(registry)
    value = HEADER + b"\x02a\x02b\x00\x00\x00\x00\x00"
    first, second = made.leaf(record(value)), made.leaf(record(value))
    assert tuple(field.name for field in first.fields) == WHOLE
    assert len(second.fields) == 2 + len(load("Alert")["fields"])


def test_an_export_says_that_the_registry_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def registry(_: int) -> Any:
        raise RegistryUnreachable("the schema registry does not answer: ConnectError")

    for name, made in (
        ("opened", lambda *_, **__: contextlib.nullcontext((None, None))),
        ("connect", lambda _: contextlib.nullcontext()),
        ("incident_records", lambda *_: [record(HEADER + ALERT)]),
        ("_erasures", lambda _: []),
        ("commitments", lambda *_: commitments(registry)),
        ("recorded", Mock()),
        ("Store", Mock()),
    ):
        monkeypatch.setattr(sealed_dossier, name, made)
    with pytest.raises(Failed, match=r"the schema registry does not answer: ConnectError \(registry.url\)"):
        sealed_dossier.sealed_dossier(Mock(), "I1")


@pytest.mark.server
def test_a_record_is_opened_as_it_was_sealed_before_its_schema_was_known(
    bench: SealBench, night: Logbook, tmp_path: Path
) -> None:
    bench.commitments._by_header["alerts"] = {}  # those of a later release
    bench.book(night)
    told = bench.dossier(night, tmp_path / "night").verify()
    assert "the last one closes the incident" in told
    log = ("alerts", 0)
    kept = bench.store.trees()[log]
    alerts = night.logs["alerts"]
    assert [*check_records(bench.store, Commitments(bench.store.secret), log, kept, alerts, 0)] == []
    changed = [alerts[0]._replace(value=(alerts[0].value or b"") + b"?"), *alerts[1:]]
    (found,) = check_records(bench.store, Commitments(bench.store.secret), log, kept, changed, 0)
    assert found.startswith("ALTERED: alerts-0-0")


@pytest.mark.server
def test_an_erased_contact_s_result_that_was_sealed_as_one_field_is_not_exported(
    bench: SealBench, tmp_path: Path
) -> None:
    night = waiting()
    call = f"{night.decisions()[0].incident_id}-c2.1"
    night.chunk(700, answer("R3", call, "IDENTIFIED", "NORMAL")._replace(contact_id="ann"))
    bench.commitments._by_header["call-results"] = {}
    bench.book(night)
    assert bench.store.erase("S1", "bob", seconds(800))
    assert "closes the incident" in bench.dossier(night, tmp_path / "night").verify()
    assert bench.store.erase("S1", "ann", seconds(800))
    with pytest.raises(SealError, match="nobody knew its schema: its contact's fields cannot be withheld"):
        bench.packed(night)


@pytest.mark.server
def test_a_decision_that_no_verifier_could_read_is_not_exported(bench: SealBench, night: Logbook) -> None:
    bench.commitments._by_header["decisions"] = {}
    bench.book(night)
    with pytest.raises(SealError, match="decisions-0-0 was sealed while nobody knew its schema"):
        bench.packed(night)
