"""What of a value may be shown to anybody: everything but what could tell who lives where and how to reach them.

Names, phones, addresses, hashes and free text are hidden. It is not these that are listed but the others, so that a
field which a schema gains is hidden until somebody has thought about it: shown are ids, enums, numbers, instants,
and the few texts named here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from schemas.avro.generated.shapes import Array, Enum, Primitive, Record, Shape, Union, present, shape_of
from schemas.avro.loader import load

HIDDEN: Final = "(hidden)"

# Texts that are ids or names of the procedure, although neither their type nor their own name says so.
_PLAIN_TEXTS: Final = frozenset(
    {
        "id",
        "topic",
        "version",
        "procedure_version",
        "rule",
        "cause",
        "kind",
        "reason",
        "partners",
        "default_partner",
        "alert_kinds",
        "missing",
        "warnings",
        "outputs",
        "source",
    }
)
# Here a reason is what somebody wrote.
_FREE_REASONS: Final = frozenset({"DispatchReport", "OperatorAction"})


def masked(schema: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A value as a dict (`streams.formats.json_values` or `schemas.decode` gives it), what is personal hidden.

    What is null or empty stays so.
    """
    shown: dict[str, Any] = _mask(_shape(schema), value, "", "")
    return shown


def is_personal(schema: str, path: str) -> bool:
    """Whether a field (``site_id``, ``alert.detail``) or anything in it is hidden; a field that is not there is."""
    shape, owner, name = _shape(schema), "", ""
    for name in path.split("."):
        matches = _field(shape, name)
        if matches is None:
            return True
        owner, shape = matches
    return _hides(shape, owner, name)


@cache
def _shape(schema: str) -> Shape:
    return shape_of(load(schema))


def _field(shape: Shape, name: str) -> tuple[str, Shape] | None:
    """The record that has a field, and the field's shape."""
    if isinstance(shape, Union):
        return next((matches for branch in shape.branches if (matches := _field(branch, name))), None)
    if isinstance(shape, Record):
        return next(((shape.name, field.shape) for field in shape.fields if field.name == name), None)
    return None


def _hides(shape: Shape, owner: str, name: str) -> bool:
    match shape:
        case Array(items):
            return _hides(items, owner, name)
        case Union(branches):
            return any(_hides(branch, owner, name) for branch in branches)
        case Record():
            return any(_hides(field.shape, shape.name, field.name) for field in shape.fields)
        case Enum():
            return False
        case Primitive("string" | "bytes"):
            return not _is_plain(owner, name)
    return not isinstance(shape, Primitive)


def _is_plain(owner: str, name: str) -> bool:
    if name == "reason":
        return owner not in _FREE_REASONS
    return name.endswith("_id") or name in _PLAIN_TEXTS


def _mask(shape: Shape, value: Any, owner: str, name: str) -> Any:
    match shape:
        case Record():
            return {field.name: _mask(field.shape, value[field.name], shape.name, field.name) for field in shape.fields}
        case Array(items):
            return [_mask(items, item, owner, name) for item in value]
        case Union():
            return None if value is None else _mask(present(shape), value, owner, name)
    return HIDDEN if _hides(shape, owner, name) and value not in {"", b""} else value
