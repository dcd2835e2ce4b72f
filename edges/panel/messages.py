"""What a panel says, as DC-09 frames: the other side of `edges.receiver.frame`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from edges.receiver import frame, times
from edges.receiver.content import Qualifier
from edges.receiver.framing import MOST_BYTES, CrcForm, framed

_CONTACT_ID: Final = re.compile(r"[0-9]{3}\Z")
_HEADER_DIGITS: Final = re.compile(r"[0-9A-Fa-f]{0,6}\Z")
_SIA: Final = re.compile(r"[A-Z]{2}\Z")
_DIGITS: Final = {Qualifier.NEW: "1", Qualifier.RESTORE: "3", Qualifier.STATUS: "6"}
_UNPRINTABLE: Final = re.compile(r"[\[\]|\r\n\"]")
TEST: Final = "NULL"


class NotASignalError(ValueError):
    """Something that no panel can say; the message names the part."""


class Panel(NamedTuple):
    """Who sends.

    Attributes:
        account: as configured in the panel: hex digits.
        receiver: digits behind R; None: no R is sent.
        line: digits behind L.
        key: 16, 24 or 32 bytes; None: in the clear.

    """

    account: str
    receiver: str | None = None
    line: str = "0"
    key: bytes | None = None
    crc_form: CrcForm = CrcForm.HEX


class Said(NamedTuple):
    """One signal.

    Attributes:
        code: three digits of Contact ID, two letters of SIA, or `TEST`.
        number: zone or user, as the code has it.

    """

    code: str
    number: str = ""
    partition: str = ""
    qualifier: Qualifier = Qualifier.NEW
    text: str = ""

    def body(self, account: str) -> tuple[str, str]:
        """The id of its frame and the clear body. Raises `NotASignalError`."""
        for name, value in (("zone", self.number), ("partition", self.partition), ("text", self.text)):
            if _UNPRINTABLE.search(value):
                raise NotASignalError(f'{name}: none of [ ] | " and no line break can be sent')
        extended = f"[I{self.text}]" if self.text else ""
        if self.code == TEST:
            return TEST, f"]{extended}"
        if _CONTACT_ID.match(self.code):
            if not re.fullmatch("[0-9]{0,3}", self.number) or not re.fullmatch("[0-9]{0,2}", self.partition):
                raise NotASignalError("zone: up to three digits in Contact ID, and a partition up to two")
            event = f"{_DIGITS[self.qualifier]}{self.code} {self.partition:0>2} {self.number:0>3}"
            return "ADM-CID", f"#{account}|{event}]{extended}"
        if _SIA.match(self.code):
            if self.qualifier is not Qualifier.NEW:
                raise NotASignalError(f"code: in SIA a restore is a code of its own, as {self.code[0]}R")
            area = f"ri{self.partition}/" if self.partition else ""
            return "SIA-DCS", f"#{account}|N{area}{self.code}{self.number}]{extended}"
        raise NotASignalError(f"code: {self.code!r} is neither three digits (Contact ID) nor two capital letters (SIA)")


def frame_of(panel: Panel, said: Said, sequence: int, time: int) -> bytes:
    """The whole frame, at a time in Unix milliseconds. Raises `NotASignalError`."""
    for name, value in (("receiver", panel.receiver or ""), ("line", panel.line)):
        if not _HEADER_DIGITS.match(value):
            raise NotASignalError(f"{name}: up to six hexadecimal digits")
    kind, clear = said.body(panel.account)
    body = clear.encode()
    receiver = "" if panel.receiver is None else f"R{panel.receiver}"
    echo = f"{number_of(said, sequence):04d}{receiver}L{panel.line}#{panel.account}["
    if panel.key is None:
        content = f'"{kind}"{echo}'.encode() + body + times.stamp(time)
    else:
        content = f'"*{kind}"{echo}'.encode() + frame.enciphered(body, time, panel.key)
    whole = framed(content, panel.crc_form)
    if len(whole) > MOST_BYTES:
        raise NotASignalError(f"text: its frame has {len(whole):,} bytes, and a receiver takes {MOST_BYTES:,}")
    return whole


def number_of(said: Said, sequence: int) -> int:
    """The number that a frame bears: a link test counts as none."""
    return 0 if said.code == TEST else sequence


class Answer(NamedTuple):
    """What came back: ``ACK``, ``NAK`` or ``DUH``; a NAK has the receiver's time (Unix milliseconds)."""

    kind: str
    sequence: int
    account: str
    time: int | None

    def is_to(self, panel: Panel, number: int) -> bool:
        """Whether it is the answer to a panel's frame of this number; a NAK names none."""
        if self.kind == "NAK":
            return True
        return self.kind in {"ACK", "DUH"} and (self.sequence, self.account.upper()) == (number, panel.account.upper())


def answer_of(content: bytes, key: bytes | None) -> Answer:
    """Read the content of an answer's frame. Raises `frame.NotDc09Error`, `frame.UnopenedError`."""
    if content.startswith(b'"NAK"'):
        return Answer("NAK", 0, "", frame.clear(content.partition(b"[")[2]).time)
    header = frame.header_of(content)
    if header.is_encrypted:
        if key is None:
            raise frame.UnopenedError
        frame.deciphered(header.data, key)
    return Answer(header.kind, int(header.sequence), header.account, None)
