"""Hashes: the tree of RFC 9162, a record's leaf, its fields, with the standard library alone.

Part of the verifier of a dossier (`seal.verify`). A tree hashes by SHA-256, a leaf behind ``0x00``, a node behind
``0x01``. A leaf covers a record of a topic by a commitment for each field: SHA-256 of a salt and the field's Avro
bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

BLOCK = 1024  # leaves of a node that is kept
SALT = 32  # bytes

# --- trees (RFC 9162, section 2.1) --------------------------------------------------------------------


def leaf_hash(data: bytes) -> bytes:
    """Hash a leaf's data."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split_of(size: int) -> int:
    """Return the largest power of two below a size of two or more."""
    return int(1 << ((size - 1).bit_length() - 1))


def root_by_inclusion(leaf: bytes, place: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to; None: the proof has not the form of one."""
    first, last, found = place, size - 1, leaf
    if place >= size:
        return None
    for node in path:
        if last == 0:
            return None
        if first & 1 or first == last:
            found = node_hash(node, found)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            found = node_hash(found, node)
        first, last = first >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(size: int, root: bytes, later_size: int, later_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a consistency proof shows that the later tree begins with the earlier one."""
    if size == later_size:
        return root == later_root and not path
    if size == 0:
        return not path
    nodes = list(path) if size & (size - 1) else [root, *path]
    if size > later_size or not nodes:
        return False
    first, last = size - 1, later_size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    found = later_found = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            found, later_found = node_hash(node, found), node_hash(node, later_found)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            later_found = node_hash(later_found, node)
        first, last = first >> 1, last >> 1
    return found == root and later_found == later_root and last == 0


def end_line(lines: Sequence[bytes]) -> str:
    """Return the last line of a dossier, of the lines before it."""
    digest = hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
    return json.dumps({"line": len(lines) + 1, "what": "end", "sha256": digest})


# --- records and leaves -------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where a record lies, and Kafka's timestamp of it (ms since 1970, UTC)."""

    topic: str
    partition: int
    offset: int
    timestamp: int


# Fields that a contact's secret covers; all others, and those of records that name no contact, are the site's.
CONTACT_FIELDS: Mapping[str, tuple[str, ...]] = {
    "calls": ("contact_id", "contact_name", "phone", "language"),
    "call-results": ("contact_id", "detail"),
}


def commitment(salt: bytes, data: bytes) -> bytes:
    """Commit to a field's Avro bytes; without the salt, nobody can guess them."""
    return hashlib.sha256(salt + data).digest()


def leaf_data(place: Place, schema: str, names: str, commitments: Sequence[bytes]) -> bytes:
    """Return a leaf's data: the record's place, its schema, the names of its fields, their commitments.

    ``schema`` is the SHA-256 of the schema's canonical form, in hex; empty where the value does not decode. Spaces
    separate ``names``.
    """
    topic, partition, offset, timestamp = place
    heading = f"ronde leaf 1\n{topic}\n{partition}\n{offset}\n{timestamp}\n{schema}\n{names}\n"
    return heading.encode() + b"".join(commitments)


def read_value(schema: Any, data: bytes, at: int) -> tuple[Any, int]:
    """Decode an Avro value; return it and the place behind it. Raises `ValueError` or `IndexError` for what is none."""
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(schema, list):
        branch, at = read_number(data, at)
        return read_value(schema[branch], data, at)
    if isinstance(kind, (dict, list)):
        return read_value(kind, data, at)
    if kind == "record":
        fields = {}
        for field in schema["fields"]:
            fields[field["name"]], at = read_value(field["type"], data, at)
        return fields, at
    if kind == "array":
        return _items(schema["items"], data, at)
    if kind == "map":
        pairs, at = _items({"type": "record", "fields": [_KEY, {"name": "value", "type": schema["values"]}]}, data, at)
        return {pair["key"]: pair["value"] for pair in pairs}, at
    if kind == "fixed":
        return _raw(data, at, schema["size"]).hex(), at + schema["size"]
    if kind == "enum":
        symbol, at = read_number(data, at)
        return schema["symbols"][symbol], at
    return _primitive(kind, data, at)


_KEY = {"name": "key", "type": "string"}


def _items(schema: Any, data: bytes, at: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    count, at = read_number(data, at)
    while count:
        if count < 0:
            count = -count
            _, at = read_number(data, at)
        for _ in range(count):
            item, at = read_value(schema, data, at)
            items.append(item)
        count, at = read_number(data, at)
    return items, at


def _raw(data: bytes, at: int, size: int) -> bytes:
    if size < 0 or at + size > len(data):
        raise ValueError("the data ends within a value")
    return data[at : at + size]


def _primitive(kind: str, data: bytes, at: int) -> tuple[Any, int]:
    if kind == "null":
        return None, at
    if kind == "boolean":
        return data[at] == 1, at + 1
    if kind in {"int", "long"}:
        return read_number(data, at)
    if kind in {"float", "double"}:
        size = 4 if kind == "float" else 8
        return struct.unpack("<f" if kind == "float" else "<d", _raw(data, at, size))[0], at + size
    if kind in {"string", "bytes"}:
        length, at = read_number(data, at)
        raw = _raw(data, at, length)
        return (raw.decode() if kind == "string" else raw.hex()), at + length
    raise ValueError(f"the schema has a {kind}")


def read_number(data: bytes, at: int) -> tuple[int, int]:
    """Decode an Avro int or long; return it and the place behind it. Raises `ValueError` or `IndexError`."""
    shift = found = 0
    while True:
        if shift > 63:
            raise ValueError("a number has more than 64 bits")
        byte = data[at]
        found |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return (found >> 1) ^ -(found & 1), at
        shift += 7


_MOST_TYPES = 4000  # with every name replaced by what it stands for: a few names may multiply without bound
_DEEPEST = 100  # types within each other


def resolved(schema: Any) -> Any:
    """Put each named type's definition in the places of its name.

    Raises `ValueError` where nothing bounds the work on a value: anybody may have registered the schema.
    """
    made = _resolved(schema, {})
    for number, (kind, depth) in enumerate(_within(made)):
        if number == _MOST_TYPES or depth == _DEEPEST:
            raise ValueError("the schema has too many types within each other")
        _check_size(kind)
    return made


def _within(schema: Any) -> Iterator[tuple[Any, int]]:
    """Yield a type and all within it with their depths, a named one as often as it is used."""
    left = [(schema, 0)]
    while left:
        one, depth = left.pop()
        yield one, depth
        inner: list[Any] = []
        if isinstance(one, list):
            inner += one
        elif isinstance(one, dict):
            inner += [one[name] for name in ("items", "values") if name in one]
            inner += [field["type"] for field in one.get("fields", ())]
            inner += [one["type"]] if isinstance(one["type"], (dict, list)) else []
        left += [(part, depth + 1) for part in inner]


def _check_size(schema: Any) -> None:
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "fixed" and (type(schema["size"]) is not int or schema["size"] < 0):
        raise ValueError("the size of a fixed is none")
    if kind == "array" and not takes_bytes(schema["items"]):
        raise ValueError("the schema has a list of values that take no bytes")


def takes_bytes(schema: Any) -> bool:
    """Whether every value takes a byte or more: else the items of a list have no bound."""
    if isinstance(schema, list):
        return True  # which of its types it is
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, (dict, list)):
        return takes_bytes(kind)
    if kind == "record":
        return any(takes_bytes(field["type"]) for field in schema["fields"])
    if kind == "fixed":
        return bool(schema["size"])
    return bool(kind != "null")


def _resolved(schema: Any, known: dict[str, Any]) -> Any:
    if isinstance(schema, str):
        return known.get(schema, known.get(schema.rpartition(".")[2], schema))
    if isinstance(schema, list):
        return [_resolved(branch, known) for branch in schema]
    made = dict(schema)
    if isinstance(schema["type"], (dict, list)) or schema["type"] in known:
        made["type"] = _resolved(schema["type"], known)
    for inner in ("items", "values"):
        if inner in made:
            made[inner] = _resolved(made[inner], known)
    if "fields" in made:
        made["fields"] = [{**field, "type": _resolved(field["type"], known)} for field in made["fields"]]
    if "name" in made:
        known[made["name"]] = made
    return made
