"""Bytes of a connection become frames: in any pieces, and only frames that are right."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edges.receiver import framing
from edges.receiver.framing import CheckedFrame, CrcForm, DefectReason, FrameDefect, Framer, Tolerance, checksum, framed
from tests.edges.receiver import vectors

pytestmark = pytest.mark.filterwarnings("error")


def cut(*pieces: bytes) -> list[CheckedFrame | FrameDefect]:
    framer = Framer()
    return [*(found for piece in pieces for found in framer.feed(piece)), *framer.close()]


def contents(*pieces: bytes) -> list[bytes]:
    return [found.content for found in cut(*pieces) if isinstance(found, CheckedFrame)]


def test_the_check_value_of_the_checksum() -> None:
    assert checksum(b"123456789") == 0xBB3D


@pytest.mark.parametrize("name", vectors.ALL)
def test_each_vector_is_a_frame_without_any_tolerance(name: str) -> None:
    frame = vectors.ALL[name]
    (found,) = cut(frame)
    assert isinstance(found, CheckedFrame)
    assert found == CheckedFrame(frame[9:-1], frame, CrcForm.HEX, frozenset())
    assert framed(found.content) == frame


@pytest.mark.parametrize("name", vectors.ALL)
@pytest.mark.parametrize("form", CrcForm)
def test_each_vector_cut_at_every_byte(name: str, form: CrcForm) -> None:
    content = vectors.ALL[name][9:-1]
    frame = framed(content, form)
    for at in range(len(frame) + 1):
        assert contents(frame[:at], frame[at:]) == [content], at
    assert contents(*(frame[at : at + 1] for at in range(len(frame)))) == [content]


@pytest.mark.parametrize("first", ["BURGLARY", "TWO_EVENTS", "LINK_TEST_AES"])
@pytest.mark.parametrize("form", CrcForm)
def test_any_two_glued(first: str, form: CrcForm) -> None:
    for frame in vectors.ALL.values():
        one, two = vectors.ALL[first][9:-1], frame[9:-1]
        assert contents(framed(one, form) + framed(two, form)) == [one, two]
        assert contents(framed(one, form) + b"\0\0" + framed(two)) == [one, two]


@pytest.mark.parametrize("bad", [b"\r", b"\n", b"\0", b'"', b"A"])
def test_a_raw_checksum_may_be_any_two_bytes(bad: bytes) -> None:
    """Contents are found whose checksum begins with each awkward byte, and ends with it."""
    wanted = {0, 1}
    for number in range(10000):
        content = b'"ADM-CID"%04dL0#1234[#1234|1130 01 015]' % number
        crc = checksum(content).to_bytes(2)
        for side in list(wanted):
            if crc[side] == bad[0]:
                wanted.remove(side)
                frame = framed(content, CrcForm.RAW)
                for at in range(len(frame)):
                    assert contents(frame[:at], frame[at:]) == [content], (crc, at)
        if not wanted:
            return
    pytest.fail("no such checksum")


@pytest.mark.parametrize(
    ("raw", "tolerance"),
    [
        (vectors.BURGLARY[1:], Tolerance.NO_LF),
        (b"\0" + vectors.BURGLARY, Tolerance.NUL_AFTER_CR),
        (framed(vectors.BURGLARY[9:-1], CrcForm.RAW), Tolerance.RAW_CRC),
        (vectors.BURGLARY.replace(b"003D", b"0061"), Tolerance.DECIMAL_LENGTH),
        (vectors.BURGLARY.replace(b"4BBA", b"4bba"), Tolerance.LOWER_CASE_HEX),
        (vectors.BURGLARY.replace(b"003D", b"003d"), Tolerance.LOWER_CASE_HEX),
    ],
)
def test_tolerated_and_named(raw: bytes, tolerance: Tolerance) -> None:
    (found,) = cut(raw)
    assert isinstance(found, CheckedFrame)
    assert found.tolerances == {tolerance}


def test_a_frame_over_4_kib_is_none_and_the_next_one_is_read() -> None:
    long = framed(b'"ADM-CID"0007L0#1234[' + b"x" * 4096 + b"]")
    found = cut(long + vectors.BURGLARY)
    assert [type(one) for one in found] == [FrameDefect, CheckedFrame]
    assert isinstance(found[0], FrameDefect)
    assert found[0].reason is DefectReason.TOO_LONG
    assert contents(b"x" * 5000, b"y" * 5000, b"\r" + vectors.BURGLARY) == [vectors.BURGLARY[9:-1]]


@pytest.mark.parametrize("name", vectors.ALL)
def test_a_frame_that_lost_its_end_does_not_take_the_next_one_with_it(name: str) -> None:
    frame = vectors.ALL[name]
    for at in range(len(frame)):
        assert contents(frame[:at] + vectors.RESTORE + frame) == [vectors.RESTORE[9:-1], frame[9:-1]], at
        assert contents(frame[:at], vectors.RESTORE) == [vectors.RESTORE[9:-1]], at
    defects = [found for found in cut(frame[:-1] + vectors.RESTORE) if isinstance(found, FrameDefect)]
    assert defects == [FrameDefect(DefectReason.BAD_LENGTH, frame[:-1], frame[9:-1])]


def test_a_frame_behind_what_is_too_long_is_read_though_no_cr_stands_between() -> None:
    long = b"\n4BBA003D" + b"x\n" * 4096
    assert contents(long + vectors.BURGLARY) == [vectors.BURGLARY[9:-1]]
    assert contents(long, *(vectors.BURGLARY[at : at + 1] for at in range(len(vectors.BURGLARY)))) == [
        vectors.BURGLARY[9:-1]
    ]


def test_what_speaks_another_protocol_is_told_apart() -> None:
    found = cut(b"GET / HTTP/1.1\r\nHost: panel\r\n\r\n" + vectors.BURGLARY)
    assert [one.reason for one in found if isinstance(one, FrameDefect)] == [DefectReason.NOT_DC09] * 2
    assert isinstance(found[-1], CheckedFrame)


@pytest.mark.parametrize("blank", [b"\r", b"\r\0", b"\r\n", b"\n", b"\0"])
def test_a_piece_of_blank_bytes_is_dropped_in_a_few_steps(blank: bytes) -> None:
    """It closes no connection, so that it must cost next to nothing."""
    framer, steps = Framer(), 0
    step = framer._cut

    def counting() -> CheckedFrame | FrameDefect | bytes | None:
        nonlocal steps
        steps += 1
        return step()

    framer._cut = counting  # type: ignore[method-assign]
    assert [found for found in framer.feed(blank * 8192) if isinstance(found, CheckedFrame)] == []
    assert steps <= 16


@pytest.mark.slow
def test_thousands_of_defects_are_each_cut_without_a_look_at_the_others() -> None:
    """Were the rest copied for each, they would take seconds: all are cut from the bytes as they came."""
    framer, count = Framer(), 200_000
    cuts = framer.feed(b'"\r' * count)
    next(cuts)
    rest = framer._rest
    assert sum(framer._rest is rest for _ in cuts) == count - 4


def test_a_wrong_checksum_keeps_what_an_answer_needs() -> None:
    (found,) = cut(vectors.BURGLARY.replace(b"4BBA", b"4BBB"))
    assert isinstance(found, FrameDefect)
    assert (found.reason, found.content) == (DefectReason.BAD_CRC, vectors.BURGLARY[9:-1])


@pytest.mark.parametrize("lead", [b"\n", b"", b"\0\n", b"\r\0"])
def test_a_digit_of_a_checksum_that_became_another_byte_makes_it_no_raw_one(lead: bytes) -> None:
    content = vectors.BURGLARY[9:-1]
    for crc, form in (
        (b"G4BA", CrcForm.HEX),
        (b"4B\x02A", CrcForm.HEX),
        (b"4BB\xc1", CrcForm.HEX),
        (b"\x01\x02", CrcForm.RAW),
    ):
        (found,) = [one for one in cut(lead + crc + b"003D" + content + b"\r") if isinstance(one, FrameDefect)]
        assert (found.reason, found.crc_form) == (DefectReason.BAD_CRC, form), crc


@given(name=st.sampled_from(sorted(vectors.ALL)), bit=st.integers(0, 8 * 200))
def test_no_bit_flips_unseen(name: str, bit: int) -> None:
    """In what the checksum covers, and in the checksum: LF before and CR behind are no part of it."""
    frame = bytearray(vectors.ALL[name])
    at, mask = divmod(bit, 8)
    if 1 <= at < len(frame) - 1:
        frame[at] ^= 1 << mask
        content = vectors.ALL[name][9:-1]
        assert [found for found in contents(bytes(frame)) if found != content] == []


@given(
    pieces=st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(sorted(vectors.ALL.values()))), max_size=5),
    flips=st.lists(
        st.tuples(st.integers(0, 999), st.sampled_from([b"\n", b"\r", b"\0", b'"', b"F", b"0", b""])), max_size=3
    ),
)
def test_the_usual_frame_is_cut_as_any_other_is(pieces: list[bytes], flips: list[tuple[int, bytes]]) -> None:
    """One match in place of many steps: with it and without it, the same comes out."""
    raw = b"".join(pieces)
    for place, byte in flips:
        at = place % (len(raw) + 1)
        raw = raw[:at] + byte + raw[at + 1 :]
    usual = cut(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "_USUAL", re.compile(rb"(?!)"))
        assert cut(raw) == usual


FRAMES: Final = st.sampled_from(sorted(vectors.ALL.values()))


@example([b"\x01\r\0\0\0\0\0", b'\r"0'])
@example([b"\n" * 5000, vectors.BURGLARY])
@given(st.lists(st.one_of(st.binary(max_size=40), FRAMES, FRAMES.map(lambda raw: raw[:-1]), st.just(b'\r"0'))))
def test_any_bytes_are_cut_alike_in_any_pieces(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert cut(*pieces) == cut(whole) == cut(*(whole[at : at + 1] for at in range(len(whole))))
