"""What a record of dead-letters is, for any headers that the record had before."""

import pytest

from streams.formats.message import Headers
from streams.kafka.dead_letters import (
    Letter,
    LetterFilter,
    LetterId,
    Note,
    headers_to_replay,
    note_headers,
    parse_id,
    read,
)
from streams.kafka.reading import LogRecord

MARKS: Headers = [
    ("dlq.topic", b"alerts"),
    ("dlq.partition", b"2"),
    ("dlq.offset", b"7"),
    ("dlq.reason", b"FAILED"),
    ("dlq.error", b"no"),
]


def record(headers: Headers, value: bytes | None = b"v", partition: int = 2) -> LogRecord:
    return LogRecord("dead-letters", partition, 40, 1000, b"S1", value, headers)


def letter(headers: Headers, value: bytes | None = b"v") -> Letter:
    found = read(record([*headers, *MARKS], value))
    assert isinstance(found, Letter)
    return found


def test_a_letter_has_the_record_as_it_came() -> None:
    found = letter([("trace", b"1"), ("trace", None)])
    assert found[:7] == (LetterId(2, 40), 1000, "alerts", 2, 7, "FAILED", "no")
    assert (found.key, found.value, found.headers) == (b"S1", b"v", [("trace", b"1"), ("trace", None)])


def test_a_record_that_claims_to_be_settled_is_a_letter_all_the_same() -> None:
    """Its producer may have written any headers; ours are the last."""
    pretended: Headers = [("dlq.discarded", b"2-40"), ("dlq.topic", b"sites"), ("dlq.who", b"x")]
    found = letter(pretended, None)
    assert found.topic == "alerts"
    assert headers_to_replay(found) == [("dlq.replayed-from", "2-40")]


def test_a_producers_own_headers_go_back_however_they_begin() -> None:
    own: Headers = [("dlq.attempt", b"2"), ("dlq", b"x"), ("dlq.replayed-from", b"2-1")]
    assert headers_to_replay(letter(own)) == [("dlq.attempt", b"2"), ("dlq", b"x"), ("dlq.replayed-from", "2-40")]


def test_a_note_says_of_which_letter_and_what() -> None:
    name = LetterId(2, 7)
    told = read(record(note_headers(name, "replayed", place="alerts-2-9"), None))
    assert told == Note(name, "replayed", 1000, "alerts-2-9")
    told = read(record(note_headers(name, "discarded", why="test", who="zoe"), None))
    assert told == Note(name, "discarded", 1000, None, "test", "zoe")


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([], None),
        (MARKS[:4], b"v"),
        (MARKS[1:], b"v"),
        ([*MARKS[:1], ("dlq.partition", b"x"), *MARKS[2:]], b"v"),
        ([*MARKS[:1], ("dlq.partition", b"9" * 5000), *MARKS[2:]], b"v"),
        ([*MARKS[:2], ("dlq.offset", "²".encode()), *MARKS[3:]], b"v"),
        (note_headers(LetterId(2, 7), "replayed"), b"a value"),
        (note_headers(LetterId(1, 7), "replayed"), None),  # of another partition
        ([("dlq.replayed", b"2-07")], None),
    ],
)
def test_what_is_neither_is_neither(headers: Headers, value: bytes | None) -> None:
    assert read(record(headers, value)) is None


def test_ids_are_as_they_are_shown() -> None:
    assert parse_id("0-12") == LetterId(0, 12)
    assert str(LetterId(0, 12)) == "0-12"
    for wrong in ("", "1", "1-", "-1-1", "01-1", "1-1 ", "1-1-1", "१-1", "2147483648-1", "1-9223372036854775808"):
        with pytest.raises(ValueError, match="no id of a dead letter"):
            parse_id(wrong)


def test_letters_are_asked_for_by_reason_time_site_and_topic() -> None:
    found = letter([])
    fitting = [LetterFilter(), LetterFilter("FAILED", 1000, 1001, "S1", "alerts")]
    assert all(wanted.fits(found) for wanted in fitting)
    other = [
        LetterFilter("UNDECODABLE"),
        LetterFilter(since=1001),
        LetterFilter(until=1000),
        LetterFilter(site="S2"),
        LetterFilter(topic="sites"),
    ]
    assert not any(wanted.fits(found) for wanted in other)
