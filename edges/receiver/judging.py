"""A frame → what is kept of it, and what its panel is answered (docs/receiver.md).

`Judge` writes and sends nothing: it says which records must be in Kafka before which answer may go. Time, transmitters
and earlier copies are arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from edges.receiver import frame
from edges.receiver.accounts import Account, BadCrc
from edges.receiver.content import Content, Event, content_of
from edges.receiver.frame import Clear, Header, NotDc09Error, UnopenedError
from edges.receiver.framing import NO_TOLERANCES, CheckedFrame, DefectReason, FrameDefect, Tolerance
from edges.receiver.panel_clocks import PanelClock
from edges.receiver.repeats import Copy, Identity, KeptEvent, Repeats
from edges.values import Alert, Signal

_DAY_MS: Final = 24 * 3600 * 1000
_LINK_TEST: Final = "NULL"


class SilenceReason(StrEnum):
    """Why a frame whose checksum is right gets no answer, here or in the intake; each is counted."""

    NOT_DC09 = "NOT_DC09"
    IS_ANSWER = "IS_ANSWER"
    VIEW_STALE = "VIEW_STALE"
    KEY_SEALED = "KEY_SEALED"
    TOO_MANY_STRANGE = "TOO_MANY_STRANGE"
    KAFKA_SILENT = "KAFKA_SILENT"
    UNCONFIRMED = "UNCONFIRMED"
    NO_ROOM = "NO_ROOM"
    TOO_OLD = "TOO_OLD"


class Refusal(StrEnum):
    """Why a frame gets a DUH."""

    NOT_ENCRYPTED = "NOT_ENCRYPTED"
    KEY_DOES_NOT_OPEN = "KEY_DOES_NOT_OPEN"


class Accounts(Protocol):
    """The transmitters as they are known now."""

    def get(self, name: str, /) -> Account | None:
        """The account of this name, upper case; None: none is known."""

    def is_fresh(self, name: str, /) -> bool:
        """Whether what is known of this name is at most 5 s old."""


class Draft(NamedTuple):
    """What an event's alert says, whether it comes to one or not."""

    zone: str | None
    detail: str | None


_NO_EVENTS: Final[Mapping[int, KeptEvent]] = MappingProxyType({})


class Verdict(NamedTuple):
    """What to do with a frame.

    Attributes:
        signals: records for `signals`, to be acknowledged first.
        answer: what may be sent once all is kept; None: nothing (``silence`` says why).
        is_link_test: the answer may go while Kafka has acknowledged something within 3 s; no record is written.
        is_late: the frame's time is not ours; ``answer`` is a NAK.
        clock: what an encrypted frame says of its panel's clock.
        identity: what a repeat is known by; None: the frame is no first copy and no repeat.
        copy: the first copy, where the frame is a repeat.
        events: what the events became, by number from 1; of a repeat, as its first copy has them.
        drafts: of each event, in their order.
        has_alerts: whether any event is an alert.

    """

    signals: tuple[Signal, ...] = ()
    answer: bytes | None = None
    silence: SilenceReason | None = None
    is_link_test: bool = False
    is_late: bool = False
    clock: PanelClock | None = None
    identity: Identity | None = None
    copy: Copy | None = None
    events: Mapping[int, KeptEvent] = _NO_EVENTS
    drafts: tuple[Draft, ...] = ()
    tolerances: frozenset[Tolerance] = NO_TOLERANCES
    has_alerts: bool = False


class Judge:
    """Judges the frames of one receiver; holds nothing but what it is given."""

    def __init__(self, receiver: str, accounts: Accounts, repeats: Repeats, *, gas_as_fire: bool = True) -> None:
        self._receiver = receiver
        self._accounts = accounts
        self._repeats = repeats
        self._gas_as_fire = gas_as_fire

    def judge(self, checked: CheckedFrame, at: int, admits_strange: Callable[[], bool] = lambda: True) -> Verdict:
        """What a frame that came at ``at`` (Unix milliseconds) comes to.

        ``admits_strange`` is asked once of a frame that is unknown or refused, before its content is read.
        """
        try:
            header = frame.header_of(checked.content)
        except NotDc09Error:
            return Verdict(silence=SilenceReason.NOT_DC09)
        if header.is_answer:
            return Verdict(silence=SilenceReason.IS_ANSWER)
        tolerances = checked.tolerances or NO_TOLERANCES
        if of_header := frame.header_tolerances(header):
            tolerances |= of_header
        name = header.account.upper()
        account = self._accounts.get(name)
        if account is None:
            verdict = self._unknown(checked, header, name, at, admits_strange)
        else:
            verdict = self._known(checked, header, account, at, admits_strange)
        return verdict._replace(tolerances=tolerances | verdict.tolerances) if tolerances else verdict

    def judge_defect(self, defect: FrameDefect, at: int) -> bytes | None:
        """The answer to bytes that are no frame: a NAK to a wrong checksum, where the account asks for it."""
        if defect.reason is not DefectReason.BAD_CRC:
            return None
        try:
            header = frame.header_of(defect.content)
        except NotDc09Error:
            return None
        account = self._accounts.get(header.account.upper())
        if account is None or account.bad_crc is not BadCrc.NAK:
            return None
        return frame.nak(at, defect.crc_form)

    def alerts(self, verdict: Verdict, copy: Copy) -> tuple[Alert, ...]:
        """The records for `alerts`, with the ids, kinds, site and time of the first copy."""
        source = f"dc09:{self._receiver}"
        events = {**verdict.events, **copy.events}
        return tuple(
            Alert(alert_id, copy.site_id, kind, copy.raised_at, draft.zone, draft.detail, source)
            for number, draft in enumerate(verdict.drafts, start=1)
            for alert_id, kind in (events[number],)
            if alert_id is not None and kind is not None
        )

    def _known(
        self, checked: CheckedFrame, header: Header, account: Account, at: int, admits_strange: Callable[[], bool]
    ) -> Verdict:
        if account.has_unreadable_key and header.is_encrypted:
            return Verdict(silence=SilenceReason.KEY_SEALED)
        if not header.is_encrypted and account.requires_encryption:
            return self._refused(checked, header, account, Refusal.NOT_ENCRYPTED, at, admits_strange)
        try:
            clear = _opened(header, account.key)
        except NotDc09Error:
            return Verdict(silence=SilenceReason.NOT_DC09)
        except UnopenedError:
            return self._refused(checked, header, account, Refusal.KEY_DOES_NOT_OPEN, at, admits_strange)
        clock = PanelClock(account.name, (clear.time or 0) - at) if header.is_encrypted else None
        if clock is not None and not clock.is_ours:
            has_time = clear.time is not None
            return Verdict(answer=frame.nak(at, checked.crc_form), is_late=True, clock=clock if has_time else None)
        answer = frame.ack(header, checked.crc_form, account.key, at)
        if header.kind == _LINK_TEST:
            return Verdict(answer=answer, is_link_test=True, clock=clock, tolerances=_link_test_tolerances(clear))
        verdict = self._kept(checked, header, account, clear, answer, at)
        return verdict if clock is None else verdict._replace(clock=clock)

    def _kept(
        self, checked: CheckedFrame, header: Header, account: Account, clear: Clear, answer: bytes, at: int
    ) -> Verdict:
        digest = _digest(clear.body)
        identity = Identity(account.name, header.sequence, digest)
        content = content_of(header.kind, clear.body, header.account)
        copy = self._repeats.first_copy(identity, at)
        site_id = account.site_id if copy is None else copy.site_id
        raised_at = _raised_at(content, clear, at) if copy is None else copy.raised_at
        signals, events, drafts, has_alerts = [], {}, [], False
        for number, event in enumerate(content.events, start=1):
            kind, is_overridden = self._kind(account, event, at)
            kept = KeptEvent(kind and f"{account.name}-{header.sequence}-{number}-{digest}", kind)
            if copy is not None:
                kept = copy.events.get(number, kept)
            events[number] = kept
            has_alerts = has_alerts or kept.alert_id is not None
            text, detail = content.text_of(event), event.meaning.detail
            drafts.append(Draft(event.zone or event.user, f"{detail}; {text}" if detail and text else detail or text))
            signals.append(
                self._signal(
                    checked,
                    header,
                    account.name,
                    event,
                    at,
                    number,
                    digest,
                    site_id=site_id,
                    kind=kept.kind,
                    alert_id=kept.alert_id,
                    outcome="REPEATED" if copy is not None else "SIGNAL" if kept.alert_id is None else "ALERT",
                    is_opened=header.is_encrypted,
                    reason="OVERRIDE" if is_overridden else None,
                    occurred_at=clear.time if content.occurred_at is None else content.occurred_at,
                    raised_at=raised_at,
                    text=text,
                )
            )
        return Verdict(
            tuple(signals),
            answer,
            identity=identity,
            copy=copy,
            events=events,
            drafts=tuple(drafts),
            tolerances=_content_tolerances(content, account.name),
            has_alerts=has_alerts,
        )

    def _kind(self, account: Account | None, event: Event, now: int) -> tuple[str | None, bool]:
        """Which kind of alert an event is, and whether an override says so."""
        kind, is_overridden = (event.kind, False) if account is None else account.kind_of(event, now)
        if not is_overridden and kind is not None and event.meaning.detail in {"CO", "GAS"} and not self._gas_as_fire:
            return "OTHER", False
        return kind, is_overridden

    def _unknown(
        self, checked: CheckedFrame, header: Header, name: str, at: int, admits_strange: Callable[[], bool]
    ) -> Verdict:
        """Acknowledged and kept: a panel that is refused hangs, and somebody must see that it is not set up."""
        if not self._accounts.is_fresh(name):
            return Verdict(silence=SilenceReason.VIEW_STALE)
        try:
            clear = None if header.is_encrypted else frame.clear(header.data)
        except NotDc09Error:
            return Verdict(silence=SilenceReason.NOT_DC09)
        if not admits_strange():
            return Verdict(silence=SilenceReason.TOO_MANY_STRANGE)
        answer = frame.ack(header, checked.crc_form, None, at)
        if header.kind == _LINK_TEST:
            tolerances = NO_TOLERANCES if clear is None else _link_test_tolerances(clear)
            return Verdict(answer=answer, is_link_test=True, tolerances=tolerances)
        reason = None if len(name) <= frame.MOST_DIGITS else "ACCOUNT_TOO_LONG"
        content, signals = self._strange(checked, header, None, clear, at, "UNKNOWN_ACCOUNT", reason)
        tolerances = NO_TOLERANCES if clear is None else _content_tolerances(content, name)
        return Verdict(signals, answer=answer, tolerances=tolerances)

    def _refused(
        self,
        checked: CheckedFrame,
        header: Header,
        account: Account,
        refusal: Refusal,
        at: int,
        admits_strange: Callable[[], bool],
    ) -> Verdict:
        """Kept as far as it can be read: somebody must see that it was an alarm."""
        if not self._accounts.is_fresh(account.name):  # its key may have changed, and a panel gives up what is refused
            return Verdict(silence=SilenceReason.VIEW_STALE)
        if not admits_strange():
            return Verdict(silence=SilenceReason.TOO_MANY_STRANGE)
        clear = None
        with suppress(NotDc09Error):
            clear = None if header.is_encrypted else frame.clear(header.data)
        _, signals = self._strange(checked, header, account, clear, at, "REFUSED", refusal.value)
        return Verdict(signals, answer=frame.duh(header, checked.crc_form))

    def _strange(
        self,
        checked: CheckedFrame,
        header: Header,
        account: Account | None,
        clear: Clear | None,
        at: int,
        outcome: str,
        reason: str | None,
    ) -> tuple[Content, tuple[Signal, ...]]:
        """What a frame tells that makes no alert, and its signals; ``clear`` is None where it cannot be read."""
        # No transmitter has a longer one, and the record has the frame itself.
        name = header.account.upper()[: frame.MOST_DIGITS] if account is None else account.name
        kind = "*" if clear is None or header.kind == _LINK_TEST else header.kind  # of a link test a record, too
        body, time = (b"]", None) if clear is None else clear
        digest = _digest(header.data if clear is None else body)
        content = content_of(kind, body, header.account)
        signals = tuple(
            self._signal(
                checked,
                header,
                name,
                event,
                at,
                number,
                digest,
                site_id=None if account is None else account.site_id,
                kind=self._kind(account, event, at)[0],
                outcome=outcome,
                reason=reason,
                occurred_at=time if content.occurred_at is None else content.occurred_at,
                text=content.text_of(event),
            )
            for number, event in enumerate(content.events, start=1)
        )
        return content, signals

    def _signal(
        self,
        checked: CheckedFrame,
        header: Header,
        account: str,
        event: Event,
        at: int,
        number: int,
        digest: str,
        *,
        outcome: str,
        is_opened: bool = False,
        site_id: str | None = None,
        kind: str | None = None,
        alert_id: str | None = None,
        reason: str | None = None,
        occurred_at: int | None = None,
        raised_at: int | None = None,
        text: str | None = None,
    ) -> Signal:
        code, qualifier, partition, zone, user, meaning, _ = event
        # In the order of `Signal`: by keyword it takes half as long again.
        return Signal(
            f"{account}-{header.sequence}-{digest}-{at}-{self._receiver}-{number}",
            site_id,
            account,
            "DC09",
            header.sequence,
            code,
            qualifier,
            partition,
            zone,
            user,
            meaning.name,
            kind,
            alert_id,
            outcome,
            reason,
            occurred_at,
            raised_at,
            at,
            self._receiver,
            is_opened,
            text,
            checked.raw,
        )


def _digest(body: bytes) -> str:
    """The first 4 bytes of a body's SHA-256, in hex."""
    return hashlib.sha256(body).digest()[:4].hex()


def _opened(header: Header, key: bytes | None) -> Clear:
    if not header.is_encrypted:
        return frame.clear(header.data)
    if key is None:
        raise UnopenedError
    return frame.deciphered(header.data, key)


def _raised_at(content: Content, clear: Clear, arrived_at: int) -> int:
    if content.occurred_at is not None:
        return content.occurred_at
    if clear.time is not None and abs(clear.time - arrived_at) <= _DAY_MS:
        return clear.time
    return arrived_at


def _content_tolerances(content: Content, name: str) -> frozenset[Tolerance]:
    if len(content.events) == 1 and content.account == name:
        return NO_TOLERANCES
    found = set()
    if content.account is None:
        found.add(Tolerance.NO_INNER_ACCOUNT)
    elif content.account.upper() != name:
        found.add(Tolerance.OTHER_INNER_ACCOUNT)
    if len(content.events) > 1:
        found.add(Tolerance.SEVERAL_EVENTS)
    return frozenset(found)


def _link_test_tolerances(clear: Clear) -> frozenset[Tolerance]:
    return NO_TOLERANCES if clear.body.startswith(b"]") else frozenset({Tolerance.DATA_IN_NULL})
