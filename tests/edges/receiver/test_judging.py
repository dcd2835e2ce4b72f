"""What a frame comes to: records, answer, silence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from edges.receiver import frame
from edges.receiver.accounts import IGNORE, Account, BadCrc, Override
from edges.receiver.framing import Flaw, Framer, Sealed, seal
from edges.receiver.judging import Arrival, Judge, Kept, Refusal, Silence, Verdict
from edges.receiver.repeats import Repeats
from tests.edges.receiver import vectors
from tests.edges.receiver.vectors import K

AT: Final = int(datetime(2026, 11, 28, 21, 3, 15, tzinfo=UTC).timestamp() * 1000)


class Desk:
    """A receiver's judge, with what it remembers once records are kept."""

    def __init__(self, *accounts: Account, gas_as_fire: bool = True) -> None:
        self.repeats: Repeats[Kept] = Repeats()
        self.judge = Judge("r1", {account.name: account for account in accounts}, self.repeats, gas_as_fire=gas_as_fire)

    def takes(self, raw: bytes, at: int = AT, *, fresh: bool = True) -> Verdict:
        (cut,) = Framer().feed(raw)
        assert isinstance(cut, Sealed)
        verdict = self.judge.judge(cut, Arrival(at, fresh))
        if verdict.copy is not None:
            self.repeats.repeat(verdict.copy, at)
        elif verdict.identity is not None and verdict.kept is not None:
            self.repeats.add(verdict.identity, verdict.kept, at)
        return verdict


def cid(event: str, sequence: int = 1, end: str = "") -> bytes:
    return seal(f'"ADM-CID"{sequence:04d}L0#1234[#1234|{event}]{end}'.encode())


PLAIN: Final = Account("1234", "S1")
KEYED: Final = Account("1234", "S1", key=K, requires_encryption=True)


def test_an_alarm_is_a_signal_and_an_alert_and_then_an_ack() -> None:
    verdict = Desk(PLAIN).takes(vectors.BURGLARY)
    (signal,), (alert,) = verdict.signals, verdict.alerts
    assert verdict.answer == vectors.ACK
    assert alert.alert_id.startswith("1234-0007-1-")
    assert alert[1:] == ("S1", "INTRUSION", AT - 3000, "015", None, "dc09:r1")
    assert (signal.outcome, signal.alert_id, signal.key) == ("ALERT", alert.alert_id, "S1")
    assert signal.signal_id == f"1234-0007-{alert.alert_id[-8:]}-{AT}-r1-1"
    assert (signal.raw, signal.authenticated, signal.meaning) == (vectors.BURGLARY, False, "BURGLARY")


def test_a_restore_is_a_signal_alone() -> None:
    verdict = Desk(PLAIN).takes(vectors.RESTORE)
    assert [signal.outcome for signal in verdict.signals] == ["SIGNAL"]
    assert (verdict.alerts, verdict.answer is not None) == ((), True)


def test_two_events_are_two_alerts_and_one_ack() -> None:
    verdict = Desk(PLAIN).takes(vectors.TWO_EVENTS)
    assert [alert.kind for alert in verdict.alerts] == ["INTRUSION", "TAMPER"]
    assert [alert.alert_id.split("-")[2] for alert in verdict.alerts] == ["1", "2"]


def test_a_repeat_with_a_new_time_says_the_first_alert_again() -> None:
    desk = Desk(PLAIN)
    first = desk.takes(cid("1130 01 015", end="_21:03:12,11-28-2026"))
    again = desk.takes(cid("1130 01 015", end="_21:03:32,11-28-2026"), AT + 20_000)
    assert again.alerts == first.alerts
    assert [(s.outcome, s.alert_id, s.raised_at) for s in again.signals] == [
        ("REPEATED", first.alerts[0].alert_id, AT - 3000)
    ]


def test_an_encrypted_alarm_is_authenticated_and_answered_encrypted() -> None:
    verdict = Desk(KEYED).takes(vectors.BURGLARY_AES)
    assert [(s.outcome, s.authenticated) for s in verdict.signals] == [("ALERT", True)]
    assert verdict.answer is not None
    answer = frame.header_of(verdict.answer[9:-1])
    assert (answer.kind, answer.is_encrypted) == ("ACK", True)


@pytest.mark.parametrize(("seconds", "is_late"), [(-41, True), (-40, False), (20, False), (21, True)])
def test_an_encrypted_frame_must_be_of_now(seconds: int, is_late: bool) -> None:
    sent = AT - 3000  # the frame's own time
    verdict = Desk(KEYED).takes(vectors.BURGLARY_AES, sent - seconds * 1000)
    assert verdict.is_late is is_late
    assert (verdict.signals == ()) is is_late
    if is_late:
        assert verdict.answer is not None
        assert b'"NAK"0000R0L0A0[]_' in verdict.answer


def test_duh_for_plain_text_where_encryption_is_required() -> None:
    verdict = Desk(KEYED).takes(vectors.BURGLARY)
    assert verdict.answer == vectors.DUH
    assert [(s.outcome, s.reason) for s in verdict.signals] == [("REFUSED", Refusal.NOT_ENCRYPTED)]
    assert (verdict.alerts, verdict.identity) == ((), None)


@pytest.mark.parametrize("key", [bytes(16), None])
def test_duh_for_a_frame_that_the_key_does_not_open(key: bytes | None) -> None:
    verdict = Desk(Account("1234", "S1", key=key)).takes(vectors.BURGLARY_AES)
    assert verdict.answer == vectors.DUH
    assert [(s.outcome, s.reason) for s in verdict.signals] == [("REFUSED", Refusal.KEY_DOES_NOT_OPEN)]


def test_a_key_that_we_cannot_open_is_our_fault_and_gets_silence() -> None:
    verdict = Desk(Account("1234", "S1", is_sealed=True, requires_encryption=True)).takes(vectors.BURGLARY_AES)
    assert (verdict.answer, verdict.silence) == (None, Silence.KEY_SEALED)


def test_an_unknown_account_is_acknowledged_and_recorded_under_its_account() -> None:
    verdict = Desk().takes(vectors.BURGLARY)
    assert [(s.outcome, s.key, s.kind) for s in verdict.signals] == [("UNKNOWN_ACCOUNT", "account:1234", "INTRUSION")]
    assert (verdict.alerts, verdict.answer, verdict.identity) == ((), vectors.ACK, None)


def test_an_account_is_unknown_in_a_fresh_view_only() -> None:
    verdict = Desk().takes(vectors.BURGLARY, fresh=False)
    assert (verdict.answer, verdict.silence) == (None, Silence.VIEW_STALE)


@pytest.mark.parametrize("raw", [vectors.LINK_TEST, vectors.LINK_TEST_TIMED, vectors.LINK_TEST_AES])
def test_a_link_test_writes_nothing(raw: bytes) -> None:
    verdict = Desk(Account("1234", "S1", key=K)).takes(
        raw, int(datetime(2026, 11, 28, 21, 5, tzinfo=UTC).timestamp() * 1000)
    )
    assert (verdict.signals, verdict.is_link_test, verdict.answer is not None) == ((), True, True)


def test_an_override_goes_before_the_table_until_it_ends() -> None:
    by_zone = Override("130", "015", IGNORE, until=AT + 1)
    everywhere = Override("130", None, "FIRE", until=None)
    desk = Desk(Account("1234", "S1", overrides=(everywhere, by_zone)))
    assert desk.takes(cid("1130 01 015", 1)).alerts == ()
    assert [alert.kind for alert in desk.takes(cid("1130 01 016", 2)).alerts] == ["FIRE"]
    assert [alert.kind for alert in desk.takes(cid("1130 01 015", 3), AT + 1).alerts] == ["FIRE"]
    assert desk.takes(cid("3130 01 016", 4)).alerts == ()


def test_gas_is_fire_unless_the_settings_say_otherwise() -> None:
    for gas_as_fire, kind in ((True, "FIRE"), (False, "OTHER")):
        (alert,) = Desk(PLAIN, gas_as_fire=gas_as_fire).takes(cid("1151 01 001")).alerts
        assert (alert.kind, alert.detail) == (kind, "GAS")


def test_text_is_the_alerts_detail_beside_what_the_code_says() -> None:
    desk = Desk(PLAIN)
    assert desk.takes(vectors.EXTENDED).alerts[0].detail == "Cuisine"
    assert desk.takes(vectors.DURESS).alerts[0].detail == "DURESS"
    assert desk.takes(cid("1162 01 001][IHall", 5)).alerts[0].detail == "CO; Hall"


def test_a_time_more_than_a_day_off_is_not_when_it_was_raised() -> None:
    (alert,) = Desk(PLAIN).takes(cid("1130 01 015", end="_00:00:00,01-01-2000")).alerts
    assert alert.raised_at == AT


@pytest.mark.parametrize("bad_crc", BadCrc)
def test_a_wrong_checksum_is_answered_where_the_account_asks_for_it(bad_crc: BadCrc) -> None:
    (flaw,) = Framer().feed(vectors.BURGLARY.replace(b"4BBA", b"4BBB"))
    assert isinstance(flaw, Flaw)
    answer = Desk(PLAIN._replace(bad_crc=bad_crc)).judge.judge_flaw(flaw, Arrival(AT - 3000, True))
    assert answer == (vectors.NAK if bad_crc is BadCrc.NAK else None)
