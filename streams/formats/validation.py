"""What keeps a record that decodes out of the core, with its reason (`schemas.contract.dead_letter_reasons`).

The same checks stand in the worker and in `ronde simulate`. Error texts name the field and what is wrong
with it, never what it holds.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from schemas.avro.generated.shapes import Array, Primitive, Record, Union, present, shape_of
from schemas.avro.loader import load
from schemas.contract.dead_letter_reasons import DeadLetterReason
from streams.escalation.readiness import is_empty
from streams.escalation.values import Alert, CallResult, DispatchReport, Event, OperatorAction, Site

ID_BYTES: Final = 128  # of UTF-8, in an id or a partner
TEXT_BYTES: Final = 8192  # in any other string


class DeadLetterCause(NamedTuple):
    """Why a record is a dead letter; ``error`` is free text for its header."""

    reason: DeadLetterReason
    error: str


def admit(value: Event | Site, key: str | None) -> DeadLetterCause | None:
    """None for a value that the core may see, else the first reason that fits.

    ``key`` is the record's; None stands for a null one and for one that is not UTF-8, and differs from every
    site's. Where a record has no key of its own (`ronde simulate`), give the value's ``site_id``.
    """
    if value.site_id != key:
        return DeadLetterCause("KEY_MISMATCH", "site_id differs from the record's key")
    checks = _CHECKS[type(value)]
    fields: Sequence[Any] = value
    for index, field in checks.own_ids:
        if is_empty(fields[index]):
            return DeadLetterCause("EMPTY_ID", f"{field} is empty")
    if type(value) is OperatorAction and value.action == "CLOSE" and is_empty(value.incident_id):
        return DeadLetterCause("EMPTY_ID", "incident_id is empty, and CLOSE needs it")
    overlong = _overlong(fields, checks)
    return None if overlong is None else _too_long(*overlong)


def admit_tombstone(topic: str, key: bytes | str | None) -> DeadLetterCause | None:
    """None for a null value that deletes a site, else the first reason that fits. ``topic`` has no prefix."""
    if topic != "sites":
        return DeadLetterCause("UNDECODABLE", "the value is null, and only sites takes a tombstone")
    text = key_text(key) if isinstance(key, bytes) else key
    if text is None and key is not None:
        return DeadLetterCause("KEY_MISMATCH", "the key is not UTF-8")
    if is_empty(text):
        return DeadLetterCause("UNDECODABLE", "a tombstone without a key")
    assert text is not None
    return _too_long("the key", ID_BYTES) if _bytes(text) > ID_BYTES else None


def key_text(key: bytes | None) -> str | None:
    """A record's key as `admit` wants it: None for a null one and for one that is not UTF-8."""
    if key is None:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None


def site_named(key: bytes) -> str:
    """The site that the key of a state record names; an id that no site can have, where it is longer than ids are.

    A stranger's key may have megabytes: more than what is written about its record may have.
    """
    cut = key[:ID_BYTES].decode(errors="replace")
    return cut if len(key) <= ID_BYTES else f"{cut}…"


# --- what to look at, read off the schemas --------------------------------------------------------


class _Checks(NamedTuple):
    """The fields of one record, each by its place; nothing of a schema can be forgotten here."""

    own_ids: tuple[tuple[int, str], ...]  # never null
    texts: tuple[tuple[int, str, int, int], ...]  # place, name, most bytes, characters that surely fit
    lists: tuple[tuple[int, str], ...]  # of ids
    nested: tuple[tuple[int, str, "_Checks"], ...]  # records, and lists of them


def _checks_of(record: Record) -> _Checks:
    fields = [(index, field.name, present(field.shape)) for index, field in enumerate(record.fields)]
    texts = [(index, name) for index, name, shape in fields if shape == Primitive("string")]
    lists = [(index, name) for index, name, shape in fields if shape == Array(Primitive("string"))]
    assert all(name == "partners" for _, name in lists), "another list of strings: are they ids?"
    return _Checks(
        own_ids=tuple(
            (index, name) for index, name in texts if name.endswith("_id") and not _is_optional(record, index)
        ),
        texts=tuple(
            (index, name, limit, limit // 4)
            for index, name in texts
            for limit in (ID_BYTES if name.endswith("_id") else TEXT_BYTES,)
        ),
        lists=tuple(lists),
        nested=tuple(
            (index, name, _checks_of(inner))
            for index, name, shape in fields
            for inner in (shape.items if isinstance(shape, Array) else shape,)
            if isinstance(inner, Record)
        ),
    )


def _is_optional(record: Record, index: int) -> bool:
    return isinstance(record.fields[index].shape, Union)


def _checks_for(name: str) -> _Checks:
    shape = shape_of(load(name))
    assert isinstance(shape, Record)
    return _checks_of(shape)


_CHECKS: Final = {
    kind: _checks_for(kind.__name__) for kind in (Site, Alert, CallResult, DispatchReport, OperatorAction)
}


def _overlong(record: Any, checks: _Checks) -> tuple[str, int] | None:
    """The first string that is too long in a record and all it holds: where it is, and the bytes it may have."""
    # A character takes at most four bytes, so most texts are known to fit by their length.
    for index, field, limit, surely in checks.texts:
        text = record[index]
        if text is not None and len(text) > surely and _bytes(text) > limit:
            return field, limit
    for index, field in checks.lists:
        for number, text in enumerate(record[index]):
            if _bytes(text) > ID_BYTES:
                return f"{field}[{number}]", ID_BYTES
    for index, field, inner in checks.nested:
        value = record[index]
        if value is None:
            continue
        is_record = hasattr(value, "_fields")  # a named tuple is a record, another tuple a list of them
        for number, held in enumerate((value,) if is_record else value):
            overlong = _overlong(held, inner)
            if overlong is not None:
                return f"{field if is_record else f'{field}[{number}]'}.{overlong[0]}", overlong[1]
    return None


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _too_long(field: str, limit: int) -> DeadLetterCause:
    return DeadLetterCause("TOO_LONG", f"{field} takes more than {limit} bytes")
