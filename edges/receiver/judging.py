"""A frame → what is kept of it, and what its panel is answered (docs/receiver.md).

`Judge` writes and sends nothing: it says which records must be in Kafka before which answer may go. Time, transmitters
and earlier copies are arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from edges.receiver import frame
from edges.receiver.accounts import Account, BadCrc
from edges.receiver.content import Content, Event, content_of
from edges.receiver.frame import Clear, Header, NotDc09Error, UnopenedError
from edges.receiver.framing import Flaw, FlawReason, Sealed, Tolerance
from edges.receiver.repeats import Copy, Identity, Repeats
from edges.receiver.values import Alert, Signal

# An encrypted frame's time may be so far from ours: a recorded one, sent again, is older.
OLDEST_MS: Final = -40_000
NEWEST_MS: Final = 20_000
_DAY_MS: Final = 24 * 3600 * 1000
_LINK_TEST: Final = "NULL"


class Silence(StrEnum):
    """Why a frame gets no answer; each is counted."""

    NOT_DC09 = "NOT_DC09"
    VIEW_STALE = "VIEW_STALE"
    KEY_SEALED = "KEY_SEALED"


class Refusal(StrEnum):
    """Why a frame gets a DUH."""

    NOT_ENCRYPTED = "NOT_ENCRYPTED"
    KEY_DOES_NOT_OPEN = "KEY_DOES_NOT_OPEN"


class Kept(NamedTuple):
    """What a first copy gave: the alert's id by event (None: no alert), and when it was raised."""

    alert_ids: tuple[str | None, ...]
    raised_at: int


class Verdict(NamedTuple):
    """What to do with a frame.

    Attributes:
        signals: records for `signals`, to be acknowledged first.
        alerts: records for `alerts`, to be acknowledged next.
        answer: what may be sent after that; None: nothing (``silence`` says why).
        is_link_test: the answer may go while Kafka has acknowledged something within 3 s; no record is written.
        is_late: the frame's time is not ours; ``answer`` is a NAK.
        identity: what to remember the frame by, once it is kept; None: it is not remembered.

    """

    signals: tuple[Signal, ...] = ()
    alerts: tuple[Alert, ...] = ()
    answer: bytes | None = None
    silence: Silence | None = None
    is_link_test: bool = False
    is_late: bool = False
    identity: Identity | None = None
    kept: Kept | None = None
    copy: Copy[Kept] | None = None
    tolerances: frozenset[Tolerance] = frozenset()


class Arrival(NamedTuple):
    """When a frame came (Unix milliseconds), and whether the view of transmitters was at most 5 s old then."""

    at: int
    is_view_fresh: bool


class Judge:
    """Judges the frames of one receiver; holds nothing but what it is given."""

    def __init__(
        self, receiver: str, accounts: Mapping[str, Account], repeats: Repeats[Kept], *, gas_as_fire: bool = True
    ) -> None:
        self._receiver = receiver
        self._accounts = accounts
        self._repeats = repeats
        self._gas_as_fire = gas_as_fire

    def judge(self, sealed: Sealed, arrival: Arrival) -> Verdict:
        """What a frame comes to."""
        try:
            header = frame.header_of(sealed.content)
        except NotDc09Error:
            return Verdict(silence=Silence.NOT_DC09)
        tolerances = sealed.tolerances | frame.header_tolerances(header)
        name = header.account.upper()
        account = self._accounts.get(name)
        if account is None:
            return self._unknown(sealed, header, name, arrival)._replace(tolerances=tolerances)
        return self._known(sealed, header, account, arrival)._replace(tolerances=tolerances)

    def judge_flaw(self, flaw: Flaw, arrival: Arrival) -> bytes | None:
        """The answer to bytes that are no frame: a NAK to a wrong checksum, where the account asks for it."""
        if flaw.reason is not FlawReason.BAD_CRC:
            return None
        try:
            header = frame.header_of(flaw.content)
        except NotDc09Error:
            return None
        account = self._accounts.get(header.account.upper())
        if account is None or account.bad_crc is not BadCrc.NAK:
            return None
        return frame.nak(arrival.at, flaw.crc_form)

    def _known(self, sealed: Sealed, header: Header, account: Account, arrival: Arrival) -> Verdict:
        if account.is_sealed and header.is_encrypted:
            return Verdict(silence=Silence.KEY_SEALED)
        if not header.is_encrypted and account.requires_encryption:
            return self._refused(sealed, header, account, Refusal.NOT_ENCRYPTED, arrival)
        try:
            clear = _opened(header, account.key)
        except NotDc09Error:
            return Verdict(silence=Silence.NOT_DC09)
        except UnopenedError:
            return self._refused(sealed, header, account, Refusal.KEY_DOES_NOT_OPEN, arrival)
        if header.is_encrypted and not OLDEST_MS <= (clear.time or 0) - arrival.at <= NEWEST_MS:
            return Verdict(answer=frame.nak(arrival.at, sealed.crc_form), is_late=True)
        answer = frame.ack(header, sealed.crc_form, account.key, arrival.at)
        if header.kind == _LINK_TEST:
            return Verdict(answer=answer, is_link_test=True)
        return self._kept(sealed, header, account, clear, arrival)._replace(answer=answer)

    def _kept(self, sealed: Sealed, header: Header, account: Account, clear: Clear, arrival: Arrival) -> Verdict:
        digest = hashlib.sha256(clear.body).digest()[:4]
        identity = Identity(account.name, header.sequence, digest)
        content = content_of(header.kind, clear.body)
        copy = self._repeats.first_copy(identity, arrival.at)
        kinds = [self._kind(account, event, arrival.at) for event in content.events]
        if copy is not None:
            kept = copy.kept
        else:
            alert_ids = tuple(
                f"{account.name}-{header.sequence}-{number}-{digest.hex()}" if kind is not None else None
                for number, (kind, _) in enumerate(kinds, start=1)
            )
            kept = Kept(alert_ids, _raised_at(content, clear, arrival.at))
        signals, alerts = [], []
        for number, (event, (kind, is_overridden)) in enumerate(zip(content.events, kinds, strict=True), start=1):
            alert_id = kept.alert_ids[number - 1] if number <= len(kept.alert_ids) else None
            outcome = "REPEATED" if copy is not None else "SIGNAL" if alert_id is None else "ALERT"
            signals.append(
                self._signal(sealed, header, account.name, event, arrival, number, digest)._replace(
                    site_id=account.site_id,
                    kind=kind,
                    alert_id=alert_id,
                    outcome=outcome,
                    reason="OVERRIDE" if is_overridden else None,
                    occurred_at=content.occurred_at or clear.time,
                    raised_at=kept.raised_at,
                    text=_text(content, event),
                )
            )
            if alert_id is not None and kind is not None:
                detail = "; ".join(filter(None, (event.meaning.detail, _text(content, event)))) or None
                source = f"dc09:{self._receiver}"
                alerts.append(
                    Alert(alert_id, account.site_id, kind, kept.raised_at, event.zone or event.user, detail, source)
                )
        return Verdict(tuple(signals), tuple(alerts), identity=identity, kept=kept, copy=copy)

    def _kind(self, account: Account, event: Event, now: int) -> tuple[str | None, bool]:
        kind, is_overridden = account.kind_of(event, now)
        if not is_overridden and kind is not None and event.meaning.detail in {"CO", "GAS"} and not self._gas_as_fire:
            return "OTHER", False
        return kind, is_overridden

    def _unknown(self, sealed: Sealed, header: Header, name: str, arrival: Arrival) -> Verdict:
        """Acknowledged and kept: a panel that is refused hangs, and somebody must see that it is not set up."""
        if not arrival.is_view_fresh:
            return Verdict(silence=Silence.VIEW_STALE)
        answer = frame.ack(header, sealed.crc_form, None, arrival.at)
        try:
            clear = Clear(b"]", None) if header.is_encrypted else frame.clear(header.data)
        except NotDc09Error:
            return Verdict(silence=Silence.NOT_DC09)
        if header.kind == _LINK_TEST:
            return Verdict(answer=answer, is_link_test=True)
        digest = hashlib.sha256(header.data if header.is_encrypted else clear.body).digest()[:4]
        content = content_of("*" if header.is_encrypted else header.kind, clear.body)
        signals = tuple(
            self._signal(sealed, header, name, event, arrival, number, digest)._replace(
                kind=event.kind,
                outcome="UNKNOWN_ACCOUNT",
                occurred_at=content.occurred_at or clear.time,
                text=_text(content, event),
            )
            for number, event in enumerate(content.events, start=1)
        )
        return Verdict(signals, answer=answer)

    def _refused(self, sealed: Sealed, header: Header, account: Account, refusal: Refusal, arrival: Arrival) -> Verdict:
        digest = hashlib.sha256(header.data).digest()[:4]
        (event,) = content_of("*", b"]").events
        signal = self._signal(sealed, header, account.name, event, arrival, 1, digest)._replace(
            site_id=account.site_id, outcome="REFUSED", reason=refusal.value
        )
        return Verdict((signal,), answer=frame.duh(header, sealed.crc_form))

    def _signal(
        self, sealed: Sealed, header: Header, account: str, event: Event, arrival: Arrival, number: int, digest: bytes
    ) -> Signal:
        return Signal(
            signal_id=f"{account}-{header.sequence}-{digest.hex()}-{arrival.at}-{self._receiver}-{number}",
            site_id=None,
            account=account,
            protocol="DC09",
            sequence=header.sequence,
            code=event.code,
            qualifier=event.qualifier,
            partition=event.partition,
            zone=event.zone,
            user=event.user,
            meaning=event.meaning.name,
            kind=None,
            alert_id=None,
            outcome="SIGNAL",
            reason=None,
            occurred_at=None,
            raised_at=None,
            received_at=arrival.at,
            receiver=self._receiver,
            authenticated=header.is_encrypted,
            text=None,
            raw=sealed.raw,
        )


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


def _text(content: Content, event: Event) -> str | None:
    return event.text or content.text
