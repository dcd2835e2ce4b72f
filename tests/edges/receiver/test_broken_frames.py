"""Frames cut, glued, with bits flipped: never an ACK to a broken one, never a crash; whole ones get theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edges.receiver.accounts import Account
from edges.receiver.framing import framed
from tests.edges.receiver import vectors
from tests.edges.receiver.receiving import client, receiver
from tests.support.examples import examples

ACCOUNTS: Final = (Account("1234", "S1"), Account("12345A", "S2"), Account("78919", "S3"), Account("FEDCBA", "S4"))
OURS: Final = "FEDCBA"  # the account of the frames that show where a test has come to
FRAMES: Final = [raw for name, raw in sorted(vectors.CLEAR.items()) if name not in {"ACK", "NAK", "DUH"}]
HEAD: Final = 9  # LF, checksum, length


def whole(number: int) -> bytes:
    """A frame that is answered after all that came before it."""
    return framed(f'"ADM-CID"{number:04d}L0#{OURS}[#{OURS}|1602 00 000]'.encode())


def is_broken(raw: bytes, original: bytes) -> bool:
    """Whether a frame with a bit flipped is none: another case of a hex digit, and another LF, are tolerated."""
    if raw[1:HEAD].upper() != original[1:HEAD].upper():
        return True
    return raw[HEAD:] != original[HEAD:]


class Wire:
    """One receiver and one connection for all examples of a test."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.number = 0

    async def _open(self) -> None:
        self._receiving = receiver(*ACCOUNTS)
        self.made = await self._receiving.__aenter__()
        await self._dial()

    async def _dial(self) -> None:
        self._dialling = client(self.made)
        self.panel = await self._dialling.__aenter__()

    def open(self) -> None:
        self.loop.run_until_complete(self._open())

    def close(self) -> None:
        self.loop.run_until_complete(self._dialling.__aexit__(None, None, None))
        self.loop.run_until_complete(self._receiving.__aexit__(None, None, None))

    def answers(self, *pieces: bytes, frames: int = 0) -> list[bytes]:
        """Send pieces; the answers to so many frames, and any others.

        Two whole frames behind them show that no other comes; what is broken may swallow the first.
        """
        return self.loop.run_until_complete(self._answers(pieces, frames))

    async def _answers(self, pieces: Iterable[bytes], frames: int) -> list[bytes]:
        for piece in pieces:
            self.panel.send(piece)
            await self.panel.writer.drain()
            await asyncio.sleep(0)
        self.number += 2
        answers = [await self.panel.answer() for _ in range(frames)]
        numbers = self.number % 9000 + 1, (self.number + 1) % 9000 + 1
        self.panel.send(*map(whole, numbers))
        while (answer := await self.panel.answer()).find(b'"ACK"%04dL0#%b' % (numbers[1], OURS.encode())) < 0:
            assert answer, "the connection is gone"
            if OURS.encode() not in answer:
                answers.append(answer)
        return answers

    def kept(self) -> list[bytes]:
        """What is in Kafka beside the whole frames, and forget it."""
        self.made.kafka.read()
        raws = [signal.raw for signal in self.made.kafka.signals if signal.account != OURS]
        self.made.kafka.signals.clear()
        self.made.kafka.readers[self.made.log] = 0
        return raws


@pytest.fixture
def wire() -> Iterator[Wire]:
    loop = asyncio.new_event_loop()
    made = Wire(loop)
    made.open()
    yield made
    made.close()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_bits_flipped(wire: Wire) -> None:
    @examples(300)
    @given(st.sampled_from(FRAMES), st.data())
    def check(raw: bytes, data: Any) -> None:
        bit = data.draw(st.integers(8, (len(raw) - 1) * 8 - 1), label="bit")
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        is_whole = not is_broken(bytes(flipped), raw)
        answers, kept = wire.answers(bytes(flipped), frames=is_whole), wire.kept()
        assert is_whole or (answers, kept) == ([], [])

    check()


def test_cut_anywhere(wire: Wire) -> None:
    @examples(200)
    @given(st.lists(st.sampled_from(FRAMES), min_size=1, max_size=4), st.lists(st.integers(1, 300), max_size=8))
    def check(frames: list[bytes], cuts: list[int]) -> None:
        glued = b"".join(frames)
        places = sorted({0, len(glued), *(cut for cut in cuts if cut < len(glued))})
        answers = wire.answers(*(glued[begin:end] for begin, end in pairwise(places)), frames=len(frames))
        assert len(answers) == len(frames)
        assert all(b'"ACK"' in answer for answer in answers)
        wire.kept()

    check()


def test_torn_off(wire: Wire) -> None:
    """The rest of a frame never comes, and another frame does."""

    @examples(200)
    @given(st.sampled_from(FRAMES), st.data())
    def check(raw: bytes, data: Any) -> None:
        end = data.draw(st.integers(1, len(raw) - 1), label="end")
        answers = wire.answers(raw[:end])
        assert (answers, wire.kept()) == ([], [])

    check()


def test_any_bytes(wire: Wire) -> None:
    @examples(200)
    @given(st.lists(st.binary(max_size=200), max_size=4))
    def check(pieces: list[bytes]) -> None:
        assert (wire.answers(*pieces), wire.kept()) == ([], [])

    check()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["BURGLARY", "TWO_EVENTS", "CP1252"])
def test_cut_at_every_byte(wire: Wire, name: str) -> None:
    raw = vectors.CLEAR[name]
    for place in range(1, len(raw)):
        (answer,) = wire.answers(raw[:place], raw[place:], frames=1)
        assert b'"ACK"' in answer
    wire.kept()


@pytest.mark.parametrize("inserted", [b"\n", b"\r"])
def test_a_line_break_in_the_middle(wire: Wire, inserted: bytes) -> None:
    raw = vectors.BURGLARY
    for place in range(HEAD + 1, len(raw) - 1):
        assert (wire.answers(raw[:place] + inserted + raw[place:]), wire.kept()) == ([], [])


def test_a_length_that_is_wrong_both_ways_and_four_kilobytes_without_an_end(wire: Wire) -> None:
    assert wire.answers(vectors.BURGLARY.replace(b"003D", b"003C")) == []
    assert wire.answers(vectors.BURGLARY.replace(b"003D", b"0061"), frames=1)  # 61, in decimal
    assert wire.answers(b'\n4BBA003D"ADM-CID"0007R1L2#1234[' + b"x" * 5000) == []
