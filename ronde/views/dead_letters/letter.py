"""One dead letter whole; what is personal in it only on request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import schemas
from ronde.shared.plain import one_line
from ronde.shared.terminal import Terminal
from ronde.views.dead_letters.listing import as_object, error_of
from schemas.avro.errors import Undecodable
from schemas.avro.framing import CONFLUENT, CONFLUENT_SIZE, SINGLE_OBJECT, SINGLE_OBJECT_SIZE
from schemas.contract.topics import INPUT_TOPICS, TOPICS
from streams.formats.json_values import writer
from streams.formats.redaction import HIDDEN, masked
from streams.formats.topic_values import TopicValues
from streams.kafka.dead_letters import Letter, Note


def whole(letter: Letter, note: Note | None, recorded: TopicValues, *, personal: bool) -> dict[str, Any]:
    """A letter with its key, headers and value; what is personal is hidden unless ``personal``."""
    return {
        **as_object(letter, note),
        "error": error_of(letter, personal=personal),
        "replayed_from": letter.replayed_from,
        "cut": letter.cut,
        "key": _key(letter.key),
        "headers": [{"name": name, "value": _header(value, personal=personal)} for name, value in letter.headers],
        "value": _value(letter, recorded, personal=personal),
    }


def print_whole(fields: Mapping[str, Any]) -> None:
    """The same for people: a line a field, the value as JSON."""
    lines = [
        one_line(f"{name.replace('_', ' ')}: {fields[name]}")
        for name in (
            "id",
            "at",
            "reason",
            "topic",
            "partition",
            "offset",
            "site_id",
            "key",
            "state",
            "replayed_from",
            "cut",
        )
        if fields[name] is not None
    ]
    lines += [one_line(f"{fields['state']} {name}: {text}") for name, text in (fields["settled"] or {}).items()]
    lines += [one_line(f"header {header['name']}: {header['value']}") for header in fields["headers"]]
    lines.append(f"error: {fields['error'].rstrip()}")
    value = fields["value"]
    if value is None:
        lines.append("value: none")
    elif "decoded" in value:
        lines.append(f"value: {value['schema']}, {value['bytes']:,} bytes")
        lines.append(json.dumps(value["decoded"], indent=2, ensure_ascii=False))
    else:
        lines.append(f"value: {value['bytes']:,} bytes that do not decode, {value['hidden_bytes']:,} of them hidden")
        lines.append(value["hex"])
    console = Terminal()
    for line in lines:
        console.print(line, soft_wrap=True)


def _key(key: bytes | None) -> str | None:
    if key is None:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return f"0x{key.hex()}"


def _header(value: str | bytes | None, *, personal: bool) -> str | None:
    """The value of a header; a foreign record may hold anything in it."""
    if value is None:
        return None
    if not personal:
        return f"{HIDDEN}, {len(value)} bytes"
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _value(letter: Letter, recorded: TopicValues, *, personal: bool) -> dict[str, Any] | None:
    """The value decoded where it decodes, else its bytes."""
    if letter.value is None:
        return None
    schema = TOPICS[letter.topic].schema if letter.topic in TOPICS else None
    decoded = None if schema is None else _decoded(letter.topic, schema, letter.value, recorded)
    if decoded is None or schema is None:
        return _raw(letter.value, personal=personal)
    return {"bytes": len(letter.value), "schema": schema, "decoded": decoded if personal else masked(schema, decoded)}


def _decoded(topic: str, schema: str, data: bytes, recorded: TopicValues) -> Mapping[str, Any] | None:
    try:
        if topic in INPUT_TOPICS:
            value = recorded.value(topic, data)
            return writer(type(value))(value)
        return schemas.decode(schema, data)
    except Undecodable:
        return None


def _raw(data: bytes, *, personal: bool) -> dict[str, Any]:
    """Bytes that are no value: their header names a schema, and the rest may be a name in plain text."""
    visible = data if personal else data[: _header_size(data)]
    return {"bytes": len(data), "hex": visible.hex(), "hidden_bytes": len(data) - len(visible)}


def _header_size(data: bytes) -> int:
    if data.startswith(CONFLUENT):
        return CONFLUENT_SIZE
    return SINGLE_OBJECT_SIZE if data.startswith(SINGLE_OBJECT) else 0
