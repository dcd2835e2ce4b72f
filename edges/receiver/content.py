"""The clear body of a frame → its events (SIA DC-05 for ADM-CID, SIA DC-03 for SIA-DCS, DC-09 extended data).

    ADM-CID   #1234|1130 01 015]              qualifier and code, partition, zone or user
    SIA-DCS   #1234|Nri1/BA012/TA012]         new or old, modifiers, codes with their numbers
    extended  [IKitchen][H21:03:12,11-28-2026]   text, the time of the event

A body that cannot be read is one event without a code: it is acknowledged and kept, as a panel without an answer
sends it again for ever.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

from edges.receiver import times
from edges.receiver.codes import UNKNOWN, Format, Meaning, Number, meaning_of

# Partition and zone may be missing: an alarm without them is one all the same.
_CONTACT_ID: Final = re.compile(
    r"\s*([0-9])([0-9A-F]{3})(?:[ ]+([0-9A-F]{1,3})(?:[ ]+([0-9A-F]{1,4}))?)?\s*\Z", re.IGNORECASE
)
_SIA_CODE: Final = re.compile(r"([A-Z]{2})([0-9A-Fa-f]*)(.*)\Z", re.DOTALL)
_SIA_MODIFIER: Final = re.compile(r"([a-z]{2})([^A-Za-z^]*)(?:\^[^^]*\^)?")
_SIA_AGE: Final = re.compile(r"[NO](?=[A-Z]{2}|[a-z]{2}|\Z)")
# Between slashes, but for those of a name: `^Hall/Attic^`, `*'Hall/Attic'`. Where an event with a number stands between
# them, the quotes are apostrophes.
_SIA_PARTS: Final = re.compile(
    r"(?:\^[^^]*\^|(?<=\*)'(?:[^'/]|/(?![NO]?(?:[a-z]{2}[0-9][0-9:,-]*)*[A-Z]{2}[0-9]))*'|[^/])+"
)
_SIA_NAME: Final = re.compile(r"\^[^^]*\^\Z")
_MODIFIERS: Final = r"(?:[a-z]{2}[0-9][0-9:,-]*(?:\^[^^]*\^)?)*"  # with numbers
# What goes on behind a text, and is not more of it: modifiers with numbers, a code with one, with a text, or alone.
_SIA_BEHIND_TEXT: Final = re.compile(
    rf"[NO]?({_MODIFIERS})(?:([A-Z]{{2}})(?:([0-9][0-9A-Fa-f]*)(?:\s.*)?)?(?:[*^'\"|].*)?)?\Z", re.DOTALL
)
_SIA_NUMBERED: Final = re.compile(rf"[NO]?{_MODIFIERS}([A-Z]{{2}})\s*[0-9]")
_SIA_TEXT: Final = re.compile(r"[*^'\"|]+")
_EXTENDED: Final = re.compile(r"\[([A-Z])([^\[\]]*)\]")
_ACCOUNT: Final = re.compile(r"[0-9A-Fa-f]*\Z")
# An event of SIA whose digits would do for an account: `FA012|AKitchen`.
_ACCOUNT_OR_SIA: Final = re.compile(r"[A-F]{2}[0-9A-F]*\Z")
# What an event begins with, and no text behind the bar, which an A marks: then an account stands before it.
_SIA_BEGINS: Final = re.compile(r"\s*(?:[NO]?(?:ri|id|ti|pi)[0-9]|[NO][A-Z]{2}[0-9]|[B-Z][A-Z][0-9])")
# The same where what stands before the bar is the code of an alarm, whose text may be any: `FA012|WC2`.
_SIA_BEGINS_SURELY: Final = re.compile(
    r"\s*(?:[NO]?(?:(?:ri|id|ti|pi)[0-9][0-9:,-]*(?:\^[^^]*\^)?/?)+[A-Z]{2}|[NO][A-Z]{2}[0-9])"
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_TEXT_BYTES: Final = 8000  # of UTF-8, below what makes an alert a dead letter, with room for what a code adds
_RESTORING: Final = frozenset("HRJ")
_NOTHING_KNOWN: Final = Meaning(UNKNOWN, Number.ZONE, None, None)


class Qualifier(StrEnum):
    """Whether an event begins, ends, or is repeated as a status."""

    NEW = "NEW"
    RESTORE = "RESTORE"
    STATUS = "STATUS"


_QUALIFIERS: Final = {"1": Qualifier.NEW, "3": Qualifier.RESTORE, "6": Qualifier.STATUS}


class Event(NamedTuple):
    """One event of a frame; numbers are strings as printed.

    Attributes:
        code: None where the data cannot be read.
        text: the event's own text, without that of the frame's extended data.

    """

    code: str | None
    qualifier: Qualifier | None
    partition: str | None
    zone: str | None
    user: str | None
    meaning: Meaning
    text: str | None

    @property
    def kind(self) -> str | None:
        """Which kind of alert it is; None: a signal that opens nothing and closes nothing."""
        return self.meaning.kind if self.qualifier is Qualifier.NEW else None


class Content(NamedTuple):
    """What a frame tells.

    Attributes:
        account: the inner one, as printed, blanks included; None where none stands. The outer one counts.
        text: extended data I.
        occurred_at: extended data H, Unix milliseconds.

    """

    account: str | None
    events: tuple[Event, ...]
    text: str | None
    occurred_at: int | None

    def text_of(self, event: Event) -> str | None:
        """An event's own text, and that of the frame."""
        if event.text is None or self.text is None or event.text == self.text:
            return event.text or self.text
        return printable(f"{event.text}; {self.text}")


def content_of(kind: str, body: bytes, outer: str = "") -> Content:
    """Read a clear body; ``kind`` is the frame's id, ``outer`` the account of its header."""
    text = _decoded(body)
    data, _, extended = text.partition("]")
    account, told = _split(kind, data, outer)
    match kind:
        case "ADM-CID":
            events = _contact_id(told)
        case "SIA-DCS":
            events = _sia(told)
        case "NULL":
            events = ()
        case _:
            events = (_unread(told),)
    if not extended:
        return Content(account, events, None, None)
    blocks = dict(_EXTENDED.findall(extended))
    return Content(account, events, printable(blocks.get("I", "")), times.read(blocks.get("H", "")))


def printable(text: str) -> str | None:
    """A text without control characters, which databases refuse, and within what a text may have; None if empty."""
    if not text:
        return None
    text = _CONTROL.sub(" ", text).strip()
    while len(text) > _TEXT_BYTES // 4 and len(text.encode()) > _TEXT_BYTES:
        text = text[: -max(len(text.encode()) - _TEXT_BYTES, 4) // 4]
    return text or None


def _split(kind: str, data: str, outer: str) -> tuple[str | None, str]:
    """The inner account, None where none stands, and what stands behind it."""
    head, bar, told = data.partition("|")
    name = head.strip()
    is_marked = name.startswith("#")
    name = name[1:].lstrip() if is_marked else name
    if not (bar or is_marked) or not _ACCOUNT.match(name):
        return None, data
    may_be_sia = kind == "SIA-DCS" and not is_marked and _ACCOUNT_OR_SIA.match(name) is not None
    if may_be_sia and not _is_alike(name, outer):
        is_alarm = meaning_of(Format.SIA, name[:2]).kind is not None
        if not (_SIA_BEGINS_SURELY if is_alarm else _SIA_BEGINS).match(told):
            return None, data
    return (head.removeprefix("#") if name else None), told


def _is_alike(name: str, outer: str) -> bool:
    """Whether two accounts are one but for their padding."""
    return name.lstrip("0") == outer.upper().lstrip("0")


def _decoded(body: bytes) -> str:
    """Text is UTF-8 since 2026, and was CP1252 in the field before; its five unused bytes are read as Latin-1."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(byte.to_bytes().decode("cp1252", errors="ignore") or chr(byte) for byte in body)


def _contact_id(told: str) -> tuple[Event, ...]:
    match = _CONTACT_ID.match(told)
    if match is None:
        return (_unread(told),)
    qualifier, code, partition, number = match.groups()
    meaning = meaning_of(Format.CONTACT_ID, code.upper())
    return (_event(code.upper(), _QUALIFIERS.get(qualifier), partition, number or "", meaning),)


def _sia(told: str) -> tuple[Event, ...]:
    events: list[Event] = []
    texts: list[list[str]] = []  # of each event, between slashes
    partition = user = None
    is_in_text = False
    for part in _SIA_PARTS.findall(told):
        token = part.strip()
        if is_in_text and not _goes_on(token):
            texts[-1].append(token)
            continue
        if age := _SIA_AGE.match(token):
            token = token[age.end() :]
        while modifier := _SIA_MODIFIER.match(token):
            match modifier[1]:
                case "ri":
                    partition = printable(modifier[2])
                case "id":
                    user = printable(modifier[2])
            token = token[modifier.end() :]  # a code without a slash before it
        match = _SIA_CODE.match(token)
        if match is None:
            if token:
                events.append(_unread(token))
                texts.append([])
                is_in_text = False
            continue
        code, number, text = match.groups()
        qualifier = Qualifier.RESTORE if code[1] in _RESTORING else Qualifier.NEW
        event = _event(code, qualifier, partition, number, meaning_of(Format.SIA, code))
        events.append(event._replace(user=event.user or user))
        texts.append([text])
        text = text.strip()
        is_in_text = text != "" and not _SIA_NAME.match(text)
    return tuple(map(_with_text, events, texts)) or (_unread(told),)


def _goes_on(token: str) -> bool:
    """Whether what stands behind a text and a slash is no more of the text: a room may be called FACADE or BAR."""
    numbered = _SIA_NUMBERED.match(token)
    if numbered is not None and meaning_of(Format.SIA, numbered[1]).name != UNKNOWN:
        return True
    match = _SIA_BEHIND_TEXT.match(token)
    if match is None:
        return False
    modifiers, code, number = match.groups()
    if code is None:
        return modifiers != ""
    meaning = meaning_of(Format.SIA, code)
    return meaning.name != UNKNOWN or (meaning.kind is not None and number is not None)


def _with_text(event: Event, pieces: list[str]) -> Event:
    return event._replace(text=printable(_SIA_TEXT.sub("", "/".join(pieces)))) if pieces else event


def _event(code: str, qualifier: Qualifier | None, partition: str | None, number: str, meaning: Meaning) -> Event:
    number_or_none = number or None
    if meaning.number is Number.USER:
        return Event(code, qualifier, partition, None, number_or_none, meaning, None)
    return Event(code, qualifier, partition, number_or_none, None, meaning, None)


def _unread(told: str) -> Event:
    return Event(None, None, None, None, None, _NOTHING_KNOWN, printable(told))
