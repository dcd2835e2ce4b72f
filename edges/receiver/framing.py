"""Bytes of a connection → DC-09 frames whose length and checksum are right (ANSI/SIA DC-09-2013 §5.5, DC-09-2021).

    LF crc 0LLL "id"seq[Rr]Lp#acct[data][x…]_HH:MM:SS,MM-DD-YYYY CR

The checksum is CRC-16/ARC over the bytes from the first ``"`` to before CR; the length counts the same bytes, in hex.
`Framer` takes pieces of any size and gives what it cut out of them: a `CheckedFrame`, or a `FrameDefect` that says why
it is none. Nothing here reads a clock or a socket.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from enum import Enum, StrEnum
from typing import Final, NamedTuple

QUOTE: Final = 0x22
# A frame may be so long, from LF to CR; beyond it nothing is kept.
MOST_BYTES: Final = 4096

_HEX4: Final = re.compile(rb"[0-9A-Fa-f]{4}\Z")
# What nearly all frames look like: one match in place of many steps.
_USUAL: Final = re.compile(rb'\n([0-9A-F]{4})([0-9A-F]{4})("[^\r]*)\r')
_BLANK: Final = b"\n\r\0"
_BLANKS: Final = re.compile(rb"[\n\r\0]*")
# What stands before the first quote at most: LF, four digits of checksum, four of length.
_RAW_HEAD: Final = 6
_HEX_HEAD: Final = 8


def _table() -> tuple[int, ...]:
    """What the register becomes behind two bytes, by what it was, exclusive or them."""
    table = [0]
    for bit in range(16):
        value = 1 << bit
        for _ in range(16):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
        table += [value ^ other for other in table]  # it is linear
    return tuple(table)


_TABLE: Final = _table()


def checksum(content: bytes) -> int:
    """CRC-16/ARC: 0xA001 reflected, initially 0, no final exclusive or; ``123456789`` gives 0xBB3D."""
    table = _TABLE
    value = 0
    # A zero in front changes nothing, as the register is 0 there.
    padded = b"\0" + content if len(content) % 2 else content
    for pair in struct.unpack(f"<{len(padded) // 2}H", padded):
        value = table[value ^ pair]
    return value


class CrcForm(Enum):
    """How a panel writes its checksum; the answer is written likewise."""

    HEX = "HEX"
    RAW = "RAW"


class DefectReason(StrEnum):
    """Why bytes are no frame. Only a wrong checksum may be answered, where the account says so."""

    BAD_CRC = "BAD_CRC"
    BAD_LENGTH = "BAD_LENGTH"
    TOO_LONG = "TOO_LONG"
    NOT_DC09 = "NOT_DC09"


class Tolerance(StrEnum):
    """What a frame does otherwise than the standard, and is accepted for all the same; each is counted."""

    NO_LF = "NO_LF"
    NUL_AFTER_CR = "NUL_AFTER_CR"
    RAW_CRC = "RAW_CRC"
    DECIMAL_LENGTH = "DECIMAL_LENGTH"
    LOWER_CASE_HEX = "LOWER_CASE_HEX"
    NO_LINE_DIGIT = "NO_LINE_DIGIT"
    ACCOUNT_LENGTH = "ACCOUNT_LENGTH"
    SEVERAL_FRAMES = "SEVERAL_FRAMES"
    IN_PIECES = "IN_PIECES"
    SEVERAL_EVENTS = "SEVERAL_EVENTS"
    DATA_IN_NULL = "DATA_IN_NULL"
    NO_INNER_ACCOUNT = "NO_INNER_ACCOUNT"
    OTHER_INNER_ACCOUNT = "OTHER_INNER_ACCOUNT"


NO_TOLERANCES: Final[frozenset[Tolerance]] = frozenset()


class CheckedFrame(NamedTuple):
    """A frame as it came, its checksum and length right.

    Attributes:
        content: the bytes that the checksum covers, from the first quote to before CR.
        raw: all of its bytes, as they came.

    """

    content: bytes
    raw: bytes
    crc_form: CrcForm
    tolerances: frozenset[Tolerance]


class FrameDefect(NamedTuple):
    """Bytes that are no frame.

    Attributes:
        content: what the checksum would cover, as far as it is there: from the first quote. Empty where none stands.

    """

    reason: DefectReason
    raw: bytes
    content: bytes = b""
    crc_form: CrcForm = CrcForm.HEX


class Framer:
    """Cuts the bytes of one connection, or of one datagram, into frames."""

    def __init__(self) -> None:
        self._rest = b""
        self._at = 0  # so much of it is cut off already
        self._is_skipping = False  # in something too long: up to the next CR

    @property
    def has_rest(self) -> bool:
        """Whether bytes wait for others to become a frame."""
        return bool(self._rest[self._at :].strip(_BLANK))

    @property
    def has_nul(self) -> bool:
        """Whether nothing but blank bytes is left, a NUL among them: one behind a frame that no other followed."""
        return self._rest.find(b"\0", self._at) >= 0 and not self.has_rest

    def feed(self, piece: bytes) -> Iterator[CheckedFrame | FrameDefect]:
        """Give what is complete now; the rest waits for the next piece."""
        self._rest, self._at = self._rest[self._at :] + piece, 0
        while (cut := self._cut()) is not None:
            if not isinstance(cut, bytes):
                yield cut
        self._rest, self._at = self._rest[self._at :], 0

    def close(self) -> Iterator[FrameDefect]:
        """Give what is left when no byte follows: a datagram without CR, a connection closed in a frame."""
        left = self._rest[self._at :].strip(_BLANK)
        self._rest, self._at = b"", 0
        if left and not self._is_skipping:
            yield FrameDefect(DefectReason.NOT_DC09, left)
        self._is_skipping = False

    def _cut(self) -> CheckedFrame | FrameDefect | bytes | None:
        """The next frame or defect; bytes: something of no meaning was dropped; None: more bytes are needed."""
        rest, at = self._rest, self._at
        if self._is_skipping:
            return self._skip()
        if at == len(rest):
            return None
        usual = _USUAL.match(rest, at)
        if usual is not None and (cut := _usual(usual)) is not None:
            self._at = usual.end()
            return cut
        end = rest.find(b"\r", at)
        # Behind a CR by more than a raw checksum's head, a quote is another frame's.
        first_quote = rest.find(b'"', at, len(rest) if end < 0 else end + _RAW_HEAD + 1)
        is_junk = (first_quote < 0 or end < first_quote) and len(rest[at : max(end, at)].lstrip(_BLANK)) > 1
        if is_junk:
            return self._drop(end + 1)
        quote = _opening_quote(rest, at, first_quote)
        if quote is None:
            return None
        # A CR within six bytes before the quote may be half of a raw checksum; without a quote, it may become so.
        if end >= 0 and (quote < 0 or end < quote):
            if quote < 0 and len(rest) <= end + _RAW_HEAD:
                return None
            if quote < 0 or end < quote - _RAW_HEAD or not _HEX4.match(rest[quote - 4 : quote]):
                return self._drop(end + 1)
            end = -1
        if quote >= 0 and end < 0:
            end = rest.find(b"\r", quote)
        if end < 0 or end - at >= MOST_BYTES:
            if len(rest) - at > MOST_BYTES:
                self._is_skipping = True
                most = at + MOST_BYTES
                return FrameDefect(DefectReason.TOO_LONG, rest[at:most], rest[quote:most] if quote >= 0 else b"")
            return None
        return self._taken(rest[at : end + 1], quote - at)

    def _taken(self, raw: bytes, quote: int) -> CheckedFrame | FrameDefect:
        """Take bytes away that end with CR: a frame, or a defect up to where a whole frame begins in them."""
        found = _opened(raw, quote)
        if isinstance(found, FrameDefect) and (begin := _begin_of_whole(raw, quote)) >= 0:
            # What lost its end has no checksum that could be wrong.
            reason = DefectReason.BAD_LENGTH if found.reason is DefectReason.BAD_CRC else found.reason
            found = FrameDefect(reason, raw[:begin], raw[quote:begin])
        self._at += len(found.raw)
        return found

    def _skip(self) -> bytes | None:
        rest, at = self._rest, self._at
        end = rest.find(b"\r", at)
        if end < 0:
            # A whole frame may begin at the last LF.
            begin = rest.rfind(b"\n", at)
            self._at = begin if begin >= 0 and len(rest) - begin < MOST_BYTES else len(rest)
            return None
        self._is_skipping = False
        begin = _begin_of_whole(rest[at : end + 1], 0)
        self._at = at + begin if begin >= 0 else end + 1
        return rest[at : self._at]

    def _drop(self, end: int) -> FrameDefect | bytes:
        """Take the bytes up to a place away: blank ones are of no meaning, others are no DC-09."""
        rest, at = self._rest, self._at
        is_blank = not rest[at:end].strip(_BLANK)
        if is_blank and (run := _BLANKS.match(rest, end)) is not None:
            # At once up to the last CR that is no part of a checksum: sent without end it must not cost much.
            end = max(rest.rfind(b"\r", end, max(run.end() - _HEX_HEAD, end)) + 1, end)
        self._at = end
        return rest[at:end] if is_blank else FrameDefect(DefectReason.NOT_DC09, rest[at:end])


def _usual(match: re.Match[bytes]) -> CheckedFrame | None:
    """A frame that is right and differs from the standard in nothing; None: that takes a closer look."""
    crc, length, content = match.groups()
    if int(length, 16) != len(content) or len(match[0]) > MOST_BYTES or int(crc, 16) != checksum(content):
        return None
    return CheckedFrame(content, match[0], CrcForm.HEX, NO_TOLERANCES)


def _opening_quote(rest: bytes, at: int, first: int) -> int | None:
    """Where the content begins, of what begins ``at``; -1: no quote yet; None: that shows with the next bytes.

    ``first`` is where the first quote is. A raw checksum may have a quote itself: then the one that counts stands five
    or six bytes behind it.
    """
    if first < 0 or _HEX4.match(rest[max(first - 4, at) : first]):
        return first
    for later in (first + 5, first + 6):
        if later >= len(rest):
            return None
        if rest[later] == QUOTE and _HEX4.match(rest[later - 4 : later]):
            return later
    return first


def _opened(raw: bytes, quote: int) -> CheckedFrame | FrameDefect:
    """A frame from its first byte to CR, its first quote there: compare checksum and length."""
    content = raw[quote:-1]
    length_digits = raw[max(quote - 4, 0) : quote]
    if not _HEX4.match(length_digits):
        return FrameDefect(DefectReason.NOT_DC09, raw)
    tolerances: set[Tolerance] = set()
    crc_digits = raw[max(quote - _HEX_HEAD, 0) : quote - 4]
    if _HEX4.match(crc_digits):
        form, stated, begin = CrcForm.HEX, int(crc_digits, 16), quote - _HEX_HEAD
        if crc_digits != crc_digits.upper():
            tolerances.add(Tolerance.LOWER_CASE_HEX)
    elif quote >= _RAW_HEAD:
        form, stated, begin = CrcForm.RAW, int.from_bytes(raw[quote - _RAW_HEAD : quote - 4]), quote - _RAW_HEAD
        tolerances.add(Tolerance.RAW_CRC)
    else:
        return FrameDefect(DefectReason.NOT_DC09, raw)
    if int(length_digits, 16) != len(content):
        if not length_digits.isdigit() or int(length_digits) != len(content):
            return FrameDefect(DefectReason.BAD_LENGTH, raw, content)
        tolerances.add(Tolerance.DECIMAL_LENGTH)
    elif length_digits != length_digits.upper():
        tolerances.add(Tolerance.LOWER_CASE_HEX)
    if stated != checksum(content):
        return FrameDefect(DefectReason.BAD_CRC, raw, content, _form_of_wrong(raw[: quote - 4]))
    if not raw[:begin].endswith(b"\n"):
        tolerances.add(Tolerance.NO_LF)
    if b"\0" in raw[:begin]:
        tolerances.add(Tolerance.NUL_AFTER_CR)
    return CheckedFrame(content, raw, form, frozenset(tolerances))


def _form_of_wrong(head: bytes) -> CrcForm:
    """How a wrong checksum was written, by all that stands before the length: a digit may have become any byte."""
    return CrcForm.HEX if len(head.rpartition(b"\n")[2].lstrip(_BLANK)) >= 4 else CrcForm.RAW


def _begin_of_whole(raw: bytes, since: int) -> int:
    """Where the whole frame begins that ends bytes which are none, behind ``since``; -1: there is no such frame.

    A frame that lost its end would else take the next one with it.
    """
    begin = raw.rfind(b"\n", since)
    frame = raw[begin:]
    quote = 1 + _HEX_HEAD
    is_whole = (
        begin >= 0
        and len(frame) <= MOST_BYTES
        and frame.find(b'"') == quote
        and _HEX4.match(frame[1:5]) is not None
        and isinstance(_opened(frame, quote), CheckedFrame)
    )
    return begin if is_whole else -1


def framed(content: bytes, form: CrcForm = CrcForm.HEX) -> bytes:
    """A whole frame around its content, to be sent."""
    value = checksum(content)
    crc = b"%04X" % value if form is CrcForm.HEX else value.to_bytes(2)
    return b"\n%b%04X%b\r" % (crc, len(content), content)
