"""Split a record into its fields' Avro bytes by functions made once for a schema, without decoding a value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from seal.proofs import read_number, resolved, takes_bytes

Skip: TypeAlias = Callable[[bytes, int], int]  # from a value's place to the one behind it
Split: TypeAlias = Callable[[bytes, int], list[bytes]]


def splitter(schema: Any) -> tuple[tuple[str, ...], Split]:
    """Return a schema's field names, and a function that splits a record at a place. Raises `ValueError`.

    The function raises `ValueError` or `IndexError` for what is no record.
    """
    fields = resolved(schema)["fields"]
    skips = [_skipper(field["type"]) for field in fields]

    def split(data: bytes, at: int) -> list[bytes]:
        pieces = []
        for skip in skips:
            end = skip(data, at)
            pieces.append(data[at:end])
            at = end
        if at != len(data):
            raise ValueError("the data end before the record, or behind it")
        return pieces

    return tuple(field["name"] for field in fields), split


def _length(data: bytes, at: int) -> int:
    byte = data[at]
    if byte < 128 and not byte & 1:
        return at + 1 + (byte >> 1)
    length, at = read_number(data, at)
    if length < 0:
        raise ValueError("a text has a length below 0")
    return at + length


def _varint(data: bytes, at: int) -> int:
    while data[at] > 127:
        at += 1
    return at + 1


def _skipper(schema: Any) -> Skip:
    if isinstance(schema, list):
        return _union([_skipper(branch) for branch in schema], schema)
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(kind, dict | list):
        return _skipper(kind)
    if kind == "record":
        types = [field["type"] for field in schema["fields"]]
        return _record([_skipper(one) for one in types if takes_bytes(one)])  # else a list of them takes long
    if kind == "array":
        return _array(_skipper(schema["items"]))
    if kind == "map":
        values = _skipper(schema["values"])
        return _array(lambda data, at: values(data, _length(data, at)))
    if kind == "fixed":
        return _bytes(schema["size"])
    known: dict[str, Skip] = {
        "null": lambda _, at: at,
        "boolean": lambda _, at: at + 1,
        "int": _varint,
        "long": _varint,
        "enum": _varint,
        "float": _bytes(4),
        "double": _bytes(8),
        "string": _length,
        "bytes": _length,
    }
    if kind not in known:
        raise ValueError(f"the schema has a {kind}")
    return known[kind]


def _bytes(size: int) -> Skip:
    return lambda _, at: at + size


def _union(branches: Sequence[Skip], schema: Sequence[Any]) -> Skip:
    def union(data: bytes, at: int) -> int:
        branch, at = read_number(data, at)
        if branch < 0:
            raise ValueError("a union has no such branch")
        return branches[branch](data, at)

    if len(schema) != 2 or schema[0] != "null":
        return union
    present = branches[1]

    def optional(data: bytes, at: int) -> int:
        branch = data[at]
        if branch == 0:
            return at + 1
        return present(data, at + 1) if branch == 2 else union(data, at)

    return optional


def _record(skips: list[Skip]) -> Skip:
    def record(data: bytes, at: int) -> int:
        for skip in skips:
            at = skip(data, at)
        return at

    return record


def _array(skip: Skip) -> Skip:
    def array(data: bytes, at: int) -> int:
        count, at = read_number(data, at)
        while count:
            if count < 0:
                count = -count
                _, at = read_number(data, at)
            for _ in range(count):
                at = skip(data, at)
                if at > len(data):
                    raise ValueError("a list is longer than the data")
            count, at = read_number(data, at)
        return at

    return array
