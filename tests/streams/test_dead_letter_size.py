"""What of a record is in its dead letter, of any size: whole, or cut and said so."""

from __future__ import annotations

from typing import Final

import pytest

from schemas.contract.topics import OWN_BYTES
from streams.formats.dead_letter_size import dead_letter
from streams.formats.message import Headers
from streams.kafka.dead_letters import Letter, read
from streams.kafka.reading import LogRecord

TOLD: Final[Headers] = [("dlq.topic", "alerts"), ("dlq.partition", "2"), ("dlq.offset", "7"), ("dlq.reason", "FAILED")]
LARGE: Final = 5_000_000


def size(letter: tuple[bytes | None, bytes | None, Headers]) -> int:
    """Bytes of its parts, each header with the largest frame it may have."""
    key, value, headers = letter
    parts = [
        len(key or b""),
        len(value or b""),
        *(10 + len(name.encode()) + len(text or b"") for name, text in headers),
    ]
    return sum(parts)


def read_back(letter: tuple[bytes | None, bytes | None, Headers]) -> Letter:
    key, value, headers = letter
    encoded: Headers = [(name, text.encode() if isinstance(text, str) else text) for name, text in headers]
    found = read(LogRecord("dead-letters", 2, 40, 1000, key, value, encoded))
    assert isinstance(found, Letter)
    return found


def test_what_fits_stays_as_it_came() -> None:
    headers: Headers = [("trace", b"1"), ("dlq.cut", b"value 7")]
    letter = dead_letter(b"S1", b"x" * 1_990_000, headers, TOLD, "no")
    found = read_back(letter)
    assert (found.key, found.value, found.headers, found.cut) == (b"S1", b"x" * 1_990_000, headers, None)


@pytest.mark.parametrize(
    ("key", "value", "headers", "cut"),
    [
        (b"S1", b"v" * LARGE, [("a", b"1")], "value 5000000"),
        (b"S1", b"v" * OWN_BYTES, [], "value 2000000"),
        (None, b"v" * LARGE, [("é" * 600_000, None)], "value 5000000"),
        (b"S1", b"v", [("a", b"1"), ("b", b"h" * LARGE), ("c", b"2")], "headers 3"),
        (b"S1", None, [("", None)] * 300_000, "headers 300000"),
        (b"S1", b"v", [("", None)] * 100_000, "headers 100000"),
        (b"k" * LARGE, b"v" * LARGE, [("a", b"1")], "key 5000000, value 5000000"),
        (b"k" * LARGE, b"v", [("a", b"1")], "key 5000000"),
        (b"k" * LARGE, b"v" * LARGE, [("h" * LARGE, b"")], "key 5000000, headers 1, value 5000000"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_does_not_fit_is_cut_and_says_so(
    key: bytes | None, value: bytes | None, headers: Headers, cut: str
) -> None:
    letter = dead_letter(key, value, headers, TOLD, "no")
    assert size(letter) <= OWN_BYTES
    found = read_back(letter)
    assert found.cut == cut
    assert (found.topic, found.partition, found.offset, found.reason, found.error) == ("alerts", 2, 7, "FAILED", "no")
    assert (key or b"").startswith(found.key or b"")
    assert (value or b"").startswith(found.value or b"")
    assert (found.key is None, found.value is None) == (key is None, value is None)
    assert found.headers == headers[: len(found.headers)]
    assert len(letter[2]) <= 100_000, "nobody is shown any header of a record that has more"
    assert size(letter) > OWN_BYTES - 1000 or "value" not in cut, "no more is cut than need be"


@pytest.mark.parametrize("error", ["\ud800 é" * 5000, "é" * 9000, "\0\n"])
def test_an_error_is_a_text_of_8000_bytes_at_most(error: str) -> None:
    *_, (name, told) = dead_letter(b"S1", b"v", [], TOLD, error).headers
    assert name == "dlq.error"
    assert isinstance(told, str)
    assert len(told.encode()) <= 8000
    assert error.endswith(told[-1])
