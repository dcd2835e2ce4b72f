"""The content of a DC-09 frame: its header, its clear body, its time; and the answers to it (DC-09-2013 §5.5, 2021).

    "id"seq[Rr]Lp#acct[data][x…]_HH:MM:SS,MM-DD-YYYY

An id that begins with ``*`` is encrypted: all behind the first ``[`` is then hex of AES-CBC with an initial value of
0. Deciphered it is a pad of any bytes but ``[ ] |``, then ``|`` where there are data, then the rest as above. The pad
has 1 to 16 bytes until 2021, 16 to 31 from 2026; `deciphered` reads both.
"""

from __future__ import annotations

import re
import secrets
from typing import Final, NamedTuple

from edges.receiver import times
from edges.receiver.cipher import BLOCK, cipher_of
from edges.receiver.framing import NO_TOLERANCES, CheckedFrame, CrcForm, DefectReason, FrameDefect, Tolerance, framed

_HEADER: Final = re.compile(
    rb'"(\*?)([A-Za-z0-9-]{1,16})"([0-9]{4})'
    rb"(?:R([0-9A-Fa-f]{0,6}))?(?:L([0-9A-Fa-f]{0,6}))?"
    rb"#([0-9A-Fa-f]+)\["
)
_TIME: Final = re.compile(rb"_(" + times.PATTERN.encode() + rb")\Z")
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e]*\Z")
_LONGEST_PAD: Final = 31
_ANSWERS: Final = frozenset({"ACK", "NAK", "DUH"})
# Digits of an account by the standard.
_FEWEST_DIGITS: Final = 3
MOST_DIGITS: Final = 16
# From any byte to one that a pad may have, each as likely as the others.
_PAD_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-" * 4


class NotDc09Error(Exception):
    """The content is no DC-09 message, though its checksum is right."""


class UnopenedError(Exception):
    """The key does not open the frame: what it deciphers to is no message."""


class Header(NamedTuple):
    """What stands before the data, and is never encrypted.

    Attributes:
        kind: ``SIA-DCS``, ``ADM-CID``, ``NULL`` or another id, without its ``*``.
        sequence: four digits, as printed.
        receiver: digits behind R; None where no R came.
        line: digits behind L, possibly none; None where no L came.
        account: hex digits, as printed.
        data: what stands behind the ``[``: clear text, or hex.

    """

    kind: str
    is_encrypted: bool
    sequence: str
    receiver: str | None
    line: str | None
    account: str
    data: bytes

    @property
    def is_answer(self) -> bool:
        """Whether it is an answer of a receiver, which is never answered."""
        return self.kind in _ANSWERS

    @property
    def echo(self) -> bytes:
        """Sequence, R, L and account, as an answer repeats them."""
        _, _, sequence, receiver, line, account, _ = self
        receiver = "" if receiver is None else f"R{receiver}"
        line = "" if line is None else f"L{line}"
        return f"{sequence}{receiver}{line}#{account}".encode()


class Clear(NamedTuple):
    """What a frame says, in the clear.

    Attributes:
        body: the bytes between ``[`` (behind pad and ``|``) and the time: data, ``]``, extended data.
        time: the frame's own, Unix milliseconds; None where none stands, or it is no time.

    """

    body: bytes
    time: int | None


def is_dc09(cut: CheckedFrame | FrameDefect) -> bool:
    """Whether it begins as a DC-09 message does. A bad line breaks DC-09, and does not make it another protocol."""
    if isinstance(cut, FrameDefect) and cut.reason is DefectReason.NOT_DC09:
        return False
    return _HEADER.match(cut.content) is not None


def header_of(content: bytes) -> Header:
    """Read what is in the clear. Raises `NotDc09Error`."""
    match = _HEADER.match(content)
    if match is None:
        raise NotDc09Error
    star, kind, sequence, receiver, line, account = match.groups()
    return Header(
        kind.decode(),
        star != b"",
        sequence.decode(),
        None if receiver is None else receiver.decode(),
        None if line is None else line.decode(),
        account.decode(),
        content[match.end() :],
    )


def header_tolerances(header: Header) -> frozenset[Tolerance]:
    """What the header does otherwise than the standard."""
    account, line = header.account, header.line or ""
    is_of_a_length = _FEWEST_DIGITS <= len(account) <= MOST_DIGITS
    digits = account + line + (header.receiver or "")
    is_upper_case = digits == digits.upper() and not (header.is_encrypted and header.data != header.data.upper())
    if line and is_of_a_length and is_upper_case:
        return NO_TOLERANCES
    found = set()
    if not line:
        found.add(Tolerance.NO_LINE_DIGIT)
    if not is_upper_case:
        found.add(Tolerance.LOWER_CASE_HEX)
    if not is_of_a_length:
        found.add(Tolerance.ACCOUNT_LENGTH)
    return frozenset(found)


def clear(data: bytes) -> Clear:
    """Split the time off, one of another form too. Raises `NotDc09Error` if the data are not closed by ``]``."""
    end = data.rfind(b"]") + 1
    if not end:
        raise NotDc09Error
    match = _TIME.search(data, end)
    if match is not None:
        return Clear(data[: match.start()], times.read(match[1].decode()))
    return Clear(data[:end] if data.startswith(b"_", end) else data, None)


def deciphered(data: bytes, key: bytes) -> Clear:
    """Open encrypted data with a key of 16, 24 or 32 bytes. Raises `UnopenedError`.

    What opens has a time at its end, which may be none of the calendar's, or a pad as it must be and closes as a frame
    without a time does, or with one of another form: its key is right, and a NAK tells its panel the form too.
    """
    try:
        cipher = bytes.fromhex(data.decode("ascii"))
    except ValueError:
        raise UnopenedError from None
    if not cipher or len(cipher) % BLOCK:
        raise UnopenedError
    text = cipher_of(key).decipher(cipher)
    close = text.find(b"]")
    bar = text.find(b"|", 0, max(close, 0))
    if close < 0 or b"[" in text[: max(bar, 0)]:
        raise UnopenedError
    opened = text[bar + 1 :] if bar >= 0 else text[close:]
    pad = bar if bar >= 0 else close
    # A wrong key gives a last `]` once in 256 frames: alone, it is believed in one block only, where no time has room,
    # or behind a pad that a wrong key does not give.
    longest = BLOCK - 1 if opened == b"]" and not _PRINTABLE.match(text[:pad]) else _LONGEST_PAD
    if not _TIME.search(opened) and (pad > longest or not _closes(opened)):
        raise UnopenedError
    try:
        return clear(opened)
    except NotDc09Error:
        raise UnopenedError from None


def _closes(opened: bytes) -> bool:
    """Whether it ends as a frame without a time does, or with one of another form."""
    end = opened.rfind(b"]") + 1
    return (end == len(opened) or opened.startswith(b"_", end)) and _PRINTABLE.match(opened) is not None


def enciphered(body: bytes, time: int, key: bytes) -> bytes:
    """Encrypt a clear body and a time (Unix milliseconds), as hex; the pad's bytes are random."""
    text = body + times.stamp(time)
    if not body.startswith(b"]"):
        text = b"|" + text
    text = secrets.token_bytes(BLOCK - len(text) % BLOCK).translate(_PAD_BYTES) + text
    return cipher_of(key).encipher(text).hex().upper().encode()


def ack(header: Header, form: CrcForm, key: bytes | None, now: int) -> bytes:
    """The frame is kept. Encrypted (then with our time) where the frame was and ``key`` is its key."""
    if header.is_encrypted and key is not None:
        return framed(b'"*ACK"%b[%b' % (header.echo, enciphered(b"]", now, key)), form)
    return framed(b'"ACK"%b[]' % header.echo, form)


def duh(header: Header, form: CrcForm) -> bytes:
    """The frame cannot be used, and will never be; never encrypted."""
    return framed(b'"DUH"%b[]' % header.echo, form)


def nak(now: int, form: CrcForm) -> bytes:
    """The frame's time is not ours: ``now`` (Unix milliseconds) is; never encrypted."""
    return framed(b'"NAK"0000R0L0A0[]' + times.stamp(now), form)
