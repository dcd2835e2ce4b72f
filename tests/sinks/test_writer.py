"""One chunk is written while the next is made; its result comes before anything else happens."""

from __future__ import annotations

import threading

import pytest

from sinks.errors import Fenced
from sinks.rows.chunk import LedgerChunk
from sinks.write.ledger import WriteResult
from sinks.write.writer import Writer

NOTHING = WriteResult({}, [])


def test_a_chunk_is_written_while_the_next_one_is_made_and_told_of_when_it_is_settled() -> None:
    committed: list[LedgerChunk] = []
    begun, go = threading.Event(), threading.Event()

    def write(_: LedgerChunk) -> WriteResult:
        begun.set()
        assert go.wait(10)
        return NOTHING

    writer = Writer(write, lambda chunk, _: committed.append(chunk))
    first, second = LedgerChunk(), LedgerChunk()
    writer.write(first)
    assert begun.wait(10)
    assert committed == []
    go.set()
    writer.write(second)
    assert [id(chunk) for chunk in committed] == [id(first)]
    writer.settle()
    writer.settle()
    assert [id(chunk) for chunk in committed] == [id(first), id(second)]
    writer.close()


def test_what_a_write_raised_is_raised_once_where_it_is_settled_and_the_next_chunk_is_not_begun() -> None:
    attempts: list[LedgerChunk] = []

    def write(chunk: LedgerChunk) -> WriteResult:
        attempts.append(chunk)
        raise Fenced

    writer = Writer(write, lambda _chunk, _written: pytest.fail("it was not written"))
    writer.write(LedgerChunk())
    with pytest.raises(Fenced):
        writer.write(LedgerChunk())
    assert len(attempts) == 1
    writer.settle()
    writer.close()


def test_closing_waits_for_what_is_under_way_and_raises_nothing() -> None:
    ended = threading.Event()

    def write(_: LedgerChunk) -> WriteResult:
        ended.set()
        raise Fenced

    writer = Writer(write, lambda _chunk, _written: None)
    writer.write(LedgerChunk())
    writer.close()
    assert ended.is_set()
