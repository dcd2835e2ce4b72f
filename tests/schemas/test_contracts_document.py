"""contracts.md says what the schemas, the topics and the settings are, no more and no less."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from ronde.cli import COMMANDS
from ronde.shared.whole_settings import WholeSettings
from schemas.avro.loader import NAMES, load
from schemas.contract.roles import ROLES
from schemas.contract.topics import TOPICS
from streams import settings
from streams.escalation.procedures import DEFAULTS

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text("utf-8")
VALUES: Final = tuple(name for name in NAMES if name != "State")  # the engine's own
# How the page names each role.
WHO: Final = {
    "worker": "workers",
    "telephony": "telephony",
    "desk": "desks",
    "partner": "partners",
    "sink": "sinks",
    "sites": "the app or CRM",
    "receiver": "receivers",
    "portal": "the portal",
    "partners": "`ronde partners`",
    "seal": "the seal",
    "watchdog": "the watchdog",
}


def section(title: str) -> str:
    """The text under a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#)", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert found is not None, f"no section {title}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:3] == "| `"]


def records(schema: Any) -> Iterator[dict[str, Any]]:
    """The records of a schema, each where it is defined."""
    if isinstance(schema, list):
        for branch in schema:
            yield from records(branch)
    elif isinstance(schema, dict):
        if schema.get("type") == "record":
            yield schema
        for part in (*(field["type"] for field in schema.get("fields", ())), schema.get("items"), schema["type"]):
            if not isinstance(part, str):
                yield from records(part)


class Notation:
    """Types as the document writes them."""

    def __init__(self, *, is_output: bool) -> None:
        self._is_output = is_output
        self._enums: dict[str, str] = {}

    def field(self, field: dict[str, Any]) -> str:
        """A field's type and, where it is worth telling, its default."""
        written = self._type(field["type"])
        symbolic = isinstance(field["type"], dict) and field["type"]["type"] == "enum"
        if symbolic:
            default = field["type"].get("default")
            if self._is_output and default == "UNKNOWN":
                return written  # it is never written
            return f"{written} = {default}" if default else written
        return f"{written} = {json.dumps(field['default'])}" if field.get("default") is not None else written

    def _type(self, schema: Any) -> str:
        if isinstance(schema, list):
            null, other = schema
            assert null == "null"
            return f"{self._type(other)}?"
        if isinstance(schema, str):
            return self._enums.get(schema, "bool" if schema == "boolean" else schema)
        match schema["type"]:
            case "array":
                return f"[{self._type(schema['items'])}]"
            case "record":
                return str(schema["name"])
            case "enum":
                symbols = [name for name in schema["symbols"] if not (self._is_output and name == "UNKNOWN")]
                self._enums[schema["name"]] = f"{{{', '.join(symbols)}}}"
                return self._enums[schema["name"]]
        return "instant" if schema.get("logicalType") == "timestamp-millis" else self._type(schema["type"])


@pytest.mark.parametrize("name", VALUES)
def test_every_value_is_told_field_by_field(name: str) -> None:
    is_output = name in {topic.schema for topic in TOPICS.values() if topic.way in {"out", "edge"}}
    for record in records(load(name)):
        if record["name"] in VALUES and record["name"] != name:
            continue  # told in a section of its own
        notation = Notation(is_output=is_output)
        expected = [(f"`{field['name']}`", f"`{notation.field(field)}`") for field in record["fields"]]
        told = rows(section(record["name"]))
        assert [(field, kind) for field, kind, _ in told] == expected
        assert all(meaning for _, _, meaning in told)


def test_every_topic_is_told() -> None:
    told = [tuple(cells[:4]) for cells in rows(section("Topics"))]
    assert [name for name, _, _, _ in told] == [f"`{name}`" for name in TOPICS]
    for (_, way, value, cleanup), topic in zip(told, TOPICS.values(), strict=True):
        assert way == topic.way
        assert cleanup.partition(",")[0] == topic.cleanup
        if topic.schema is not None and topic.way != "own":
            assert value.partition(",")[0] == f"`{topic.schema}`"


def test_every_topic_is_told_with_those_who_write_and_read_it() -> None:
    roles = [role for role in ROLES.values() if role.name != "engineer"]  # of whom it is said once, below the table
    assert "The role `engineer`" in section("Topics")
    for name, _, _, _, writers, readers in rows(section("Topics")):
        topic = name.strip("`")
        assert _roles(writers) == {WHO[role.name] for role in roles if topic in role.writes}, topic
        assert _roles(readers) == {WHO[role.name] for role in roles if topic in role.reads}, topic


def _roles(cell: str) -> set[str]:
    """Whom a cell names; what stands in brackets has no role of its own."""
    return set(re.sub(r" \([^)]*\)", "", cell).removesuffix(" |").split(", "))


def test_every_setting_is_told_with_its_default() -> None:
    rest = {
        shown.name: shown.value
        for shown in settings.load(None, {}).shown()
        if not shown.name.startswith(("procedures.", "kafka."))
    }
    told = {cells[0].strip("`"): cells[1] for cells in rows(section("Everything else"))}
    assert told.pop("kafka.…")
    assert list(told) == list(rest)
    elsewhere = {"worker.id", "topics.replication_factor", "topics.min_insync_replicas"}  # the host's, the brokers'
    for name in rest.keys() - elsewhere:
        assert told[name] == _default(rest[name]), name

    procedures = {cells[0].strip("`"): cells[1] for cells in rows(section("The procedures"))}
    for procedure in DEFAULTS.values():
        values = procedure._asdict()
        del values["name"]
        assert procedures.keys() == values.keys()
        for name, value in values.items():
            written = json.dumps(value) if name in {"version", "confirms"} else _default(value)
            assert written in procedures[name], name


def test_every_setting_of_the_ledger_is_told_with_its_default() -> None:
    shown = settings.load(None, {}, WholeSettings).shown()
    rest = {one.name: one.value for one in shown if one.name.startswith(("sink.", "postgres."))}
    told = {cells[0].strip("`"): cells[1] for cells in rows(section("The ledger"))}
    assert list(told) == list(rest)
    for name in rest.keys() - {"sink.id"}:  # the host's
        assert told[name] == _default(rest[name]), name


EDGES: Final = ("receiver.", "desk.", "portal.", "partners.", "watchdog.", "web.", "objectives.")


def test_every_setting_of_the_edges_is_told_with_its_default() -> None:
    shown = settings.load(None, {}, WholeSettings).shown()
    rest = {one.name: one.value for one in shown if one.name.startswith(EDGES)}
    told = {cells[0].strip("`"): cells[1] for cells in rows(section("The edges"))}
    assert list(told) == list(rest)
    for name in rest.keys() - {f"{edge}id" for edge in EDGES}:  # the host's
        assert told[name] == _default(rest[name]), name


def test_every_setting_of_the_seal_is_told_with_its_default() -> None:
    shown = settings.load(None, {}, WholeSettings).shown()
    rest = {one.name: one.value for one in shown if one.name.startswith("seal.")}
    told = {cells[0].strip("`"): cells[1] for cells in rows(section("The seal"))}
    assert told == {name: _default(value) for name, value in rest.items()} | {"seal.id": "the host's name"}


def test_every_command_is_told() -> None:
    told = re.findall(r"^\| `ronde ([a-z]+)", section("Command line: `ronde`"), re.MULTILINE)
    assert COMMANDS.keys() == {*told}


def _default(value: object) -> str:
    """A default as the table has it."""
    if isinstance(value, bool):
        return json.dumps(value)
    return "none" if value is None else f"`{json.dumps(value)}`" if isinstance(value, str) else str(value)
