"""A record as its dead letter: whole where the topic takes it, else cut to fit, and said so (contracts.md, Topics).

An input may be larger than its topic's limit: brokers count the bytes of a batch as it is compressed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.contract.topics import OWN_BYTES

if TYPE_CHECKING:
    from streams.formats.message import Headers

_ERROR_BYTES: Final = 8000
# A record's frame, and that of its batch; a header's. At the most, as their numbers have no fixed size.
_FRAME_BYTES: Final = 100
_HEADER_BYTES: Final = 10
_CUT_BYTES: Final = 100
# librdkafka shows none of the headers of a record that has more than 100,000.
_MOST_HEADERS: Final = 99_990

# The last header of a letter that is not whole: each part that was cut, with the size it came with.
CUT: Final = "dlq.cut"


class DeadLetter(NamedTuple):
    """The record to write."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def dead_letter(key: bytes | None, value: bytes | None, headers: Headers, place: Headers, error: str) -> DeadLetter:
    """A record with its ``headers``, and behind these the letter's own: its ``place`` and reason, the error, any cut.

    Cut is the value first, then the last of the headers, then the key, to half of the room.
    """
    own: Headers = [*place, ("dlq.error", _end_of(error))]
    room = OWN_BYTES - _FRAME_BYTES - _size(own)
    if _length(key) + _length(value) + _size(headers) <= room and len(headers) <= _MOST_HEADERS:
        return DeadLetter(key, value, [*headers, *own])
    room -= _CUT_BYTES
    kept_key = None if key is None else key[: room // 2]
    room -= _length(kept_key)
    kept_headers: Headers = []
    for header in headers[:_MOST_HEADERS]:
        size = _size([header])
        if size > room:
            break
        room -= size
        kept_headers.append(header)
    kept_value = None if value is None else value[:room]
    parts = (
        ("key", _length(key), _length(kept_key)),
        ("headers", len(headers), len(kept_headers)),
        ("value", _length(value), _length(kept_value)),
    )
    cut = ", ".join(f"{part} {size}" for part, size, kept in parts if kept < size)
    return DeadLetter(kept_key, kept_value, [*kept_headers, *own, (CUT, cut)])


def _length(part: bytes | None) -> int:
    return 0 if part is None else len(part)


def _size(headers: Headers) -> int:
    return sum(_HEADER_BYTES + len(name.encode()) + len(value or b"") for name, value in headers)


def _end_of(error: str) -> str:
    """Its last bytes: of a traceback, what was raised. A stranger's text may hold what is no text."""
    return error.encode("utf-8", "backslashreplace")[-_ERROR_BYTES:].decode("utf-8", "ignore")
