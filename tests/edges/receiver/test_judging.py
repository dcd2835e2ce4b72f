"""What a frame comes to: records, answer, silence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from edges.receiver import frame
from edges.receiver.accounts import IGNORE, Account, BadCrc
from edges.receiver.framing import CheckedFrame, FrameDefect, Framer, Tolerance, framed
from edges.receiver.judging import Judge, Refusal, SilenceReason, Verdict
from edges.receiver.repeats import Repeats
from edges.receiver.signal_log import SignalLog
from edges.values import Alert, Override
from tests.edges.receiver import vectors
from tests.edges.receiver.vectors import K256, K

AT: Final = int(datetime(2026, 11, 28, 21, 3, 15, tzinfo=UTC).timestamp() * 1000)


class Known(dict[str, Account]):
    """Accounts, in a view that is fresh or not."""

    fresh = True

    def is_fresh(self, _name: str) -> bool:
        return self.fresh


class Desk:
    """A receiver's judge, and the topic that it reads back."""

    def __init__(self, *accounts: Account, gas_as_fire: bool = True, repeats: Repeats | None = None) -> None:
        self.repeats = Repeats() if repeats is None else repeats
        self.log = SignalLog(self.repeats)
        self.accounts = Known({account.name: account for account in accounts})
        self.judge = Judge("r1", self.accounts, self.repeats, gas_as_fire=gas_as_fire)

    def takes(self, raw: bytes, at: int = AT, *, written: int | None = None) -> Verdict:
        """``written``: how many of the signals it came to write before it was killed."""
        (cut,) = Framer().feed(raw)
        assert isinstance(cut, CheckedFrame)
        verdict = self.judge.judge(cut, at)
        self.log.take(verdict.signals[:written])
        return verdict

    def alerts(self, raw: bytes, at: int = AT) -> tuple[Alert, ...]:
        verdict = self.takes(raw, at)
        copy = self.repeats.first_copy(verdict.identity, at) if verdict.identity is not None else None
        return () if copy is None else self.judge.alerts(verdict, copy)


def cid(event: str, sequence: int = 1, end: str = "") -> bytes:
    return framed(f'"ADM-CID"{sequence:04d}L0#1234[#1234|{event}]{end}'.encode())


def override(code: str, zone: str | None, kind: str, until: int | None = None) -> Override:
    return Override(code, zone, kind, until, "ann", "a smoke detector")


PLAIN: Final = Account("1234", "S1")
KEYED: Final = Account("1234", "S1", key=K, requires_encryption=True)


def test_an_alarm_is_a_signal_and_an_alert_and_then_an_ack() -> None:
    desk = Desk(PLAIN)
    verdict = desk.takes(vectors.BURGLARY)
    (signal,), (alert,) = verdict.signals, desk.alerts(vectors.BURGLARY)
    assert verdict.answer == vectors.ACK
    assert alert.alert_id.startswith("1234-0007-1-")
    assert alert[1:] == ("S1", "INTRUSION", AT - 3000, "015", None, "dc09:r1")
    assert (signal.outcome, signal.alert_id, signal.key) == ("ALERT", alert.alert_id, "S1")
    assert signal.signal_id == f"1234-0007-{alert.alert_id[-8:]}-{AT}-r1-1"
    assert (signal.raw, signal.authenticated, signal.meaning) == (vectors.BURGLARY, False, "BURGLARY")


def test_a_restore_is_a_signal_alone() -> None:
    verdict = Desk(PLAIN).takes(vectors.RESTORE)
    assert [signal.outcome for signal in verdict.signals] == ["SIGNAL"]
    assert (verdict.has_alerts, verdict.answer is not None) == (False, True)


def test_two_events_are_two_alerts_and_one_ack() -> None:
    alerts = Desk(PLAIN).alerts(vectors.TWO_EVENTS)
    assert [alert.kind for alert in alerts] == ["INTRUSION", "TAMPER"]
    assert [alert.alert_id.split("-")[2] for alert in alerts] == ["1", "2"]


def test_a_repeat_with_a_new_time_says_the_first_alert_again() -> None:
    desk = Desk(PLAIN)
    first = desk.alerts(cid("1130 01 015", end="_21:03:12,11-28-2026"))
    again = cid("1130 01 015", end="_21:03:32,11-28-2026")
    assert [(s.outcome, s.alert_id, s.raised_at) for s in desk.takes(again, AT + 20_000).signals] == [
        ("REPEATED", first[0].alert_id, AT - 3000)
    ]
    assert desk.alerts(again, AT + 30_000) == first


def test_a_repeat_with_a_new_time_of_another_form_is_one_too() -> None:
    desk = Desk(PLAIN)
    first = desk.alerts(cid("1130 01 015", end="_9:03:12,11-28-2026"))
    assert desk.alerts(cid("1130 01 015", end="_9:03:17,11-28-2026"), AT + 5000) == first != ()


def test_the_log_decides_which_of_two_receivers_had_the_first_copy() -> None:
    log = Repeats()
    one, other = Desk(PLAIN, repeats=log), Desk(PLAIN)
    raw = cid("1130 01 015")  # without a time: when it came is when it was raised
    verdict = other.takes(raw, AT + 1000)
    one.takes(raw, AT)
    other.repeats = log
    other.log = SignalLog(log)
    other.log.take(verdict.signals)
    assert verdict.identity is not None
    copy = log.first_copy(verdict.identity, AT)
    assert copy is not None
    assert [alert.raised_at for alert in other.judge.alerts(verdict, copy)] == [AT]


def test_a_repeat_completes_what_a_killed_receiver_began() -> None:
    desk = Desk(PLAIN)
    first = desk.takes(vectors.TWO_EVENTS, written=1)
    again = desk.alerts(vectors.TWO_EVENTS, AT + 20_000)
    assert [(alert.alert_id, alert.kind) for alert in again] == [
        (event.alert_id, event.kind) for event in first.events.values()
    ]


def test_a_repeat_says_the_first_copys_alert_though_the_transmitter_has_changed_since() -> None:
    desk = Desk(PLAIN)
    first = desk.alerts(vectors.BURGLARY)
    desk.accounts["1234"] = PLAIN._replace(site_id="S2", overrides=(override("130", None, IGNORE),))
    assert desk.alerts(vectors.BURGLARY, AT + 1000) == first


@pytest.mark.parametrize("kind", ["ACK", "DUH"])
def test_an_answer_is_not_answered(kind: str) -> None:
    assert Desk(PLAIN).takes(framed(f'"{kind}"0007L0#1234[]'.encode())).silence is SilenceReason.IS_ANSWER


@pytest.mark.parametrize(
    ("content", "tolerance"),
    [
        ('"ADM-CID"0007L0#1234[1130 01 015]', Tolerance.NO_INNER_ACCOUNT),
        ('"ADM-CID"0007L0#1234[#001234|1130 01 015]', Tolerance.OTHER_INNER_ACCOUNT),
        ('"ADM-CID"0007L0#1234[# 1234|1130 01 015]', Tolerance.OTHER_INNER_ACCOUNT),
        ('"ADM-CID"0007L#1234[#1234|1130 01 015]', Tolerance.NO_LINE_DIGIT),
        ('"SIA-DCS"0007L0#1234[#1234|NBA1/TA1]', Tolerance.SEVERAL_EVENTS),
        ('"NULL"0000L0#1234[#1234|x]', Tolerance.DATA_IN_NULL),
        ('"ADM-CID"0007L0#12[#12|1130 01 015]', Tolerance.ACCOUNT_LENGTH),
        ('"ADM-CID"0007L0#ab[#AB|1130 01 015]', Tolerance.LOWER_CASE_HEX),
        ('"ADM-CID"0007RaL0#1234[#1234|1130 01 015]', Tolerance.LOWER_CASE_HEX),
        ('"ADM-CID"0007Lf#1234[#1234|1130 01 015]', Tolerance.LOWER_CASE_HEX),
    ],
)
@pytest.mark.parametrize("accounts", [(PLAIN,), ()], ids=["known", "unknown"])
def test_what_is_tolerated_is_named(content: str, tolerance: Tolerance, accounts: tuple[Account, ...]) -> None:
    verdict = Desk(*accounts).takes(framed(content.encode()))
    assert verdict.answer is not None
    assert tolerance in verdict.tolerances


def test_nothing_is_said_of_what_an_unknown_account_has_encrypted() -> None:
    assert Desk().takes(vectors.BURGLARY_AES).tolerances == frozenset()


def test_an_encrypted_alarm_is_authenticated_and_answered_encrypted() -> None:
    verdict = Desk(KEYED).takes(vectors.BURGLARY_AES)
    assert [(s.outcome, s.authenticated) for s in verdict.signals] == [("ALERT", True)]
    assert verdict.answer is not None
    answer = frame.header_of(verdict.answer[9:-1])
    assert (answer.kind, answer.is_encrypted) == ("ACK", True)


def test_lower_case_hex_of_an_encrypted_frame_is_named() -> None:
    header, data = vectors.BURGLARY_AES[9:-1].split(b"[")
    verdict = Desk(KEYED).takes(framed(header + b"[" + data.lower()))
    assert [s.outcome for s in verdict.signals] == ["ALERT"]
    assert verdict.tolerances == {Tolerance.LOWER_CASE_HEX}


@pytest.mark.parametrize(("seconds", "is_late"), [(-41, True), (-40, False), (20, False), (21, True)])
def test_an_encrypted_frame_must_be_of_now(seconds: int, is_late: bool) -> None:
    sent = AT - 3000  # the frame's own time
    verdict = Desk(KEYED).takes(vectors.BURGLARY_AES, sent - seconds * 1000)
    assert verdict.is_late is is_late
    assert (verdict.signals == ()) is is_late
    if is_late:
        assert verdict.answer is not None
        assert b'"NAK"0000R0L0A0[]_' in verdict.answer


@pytest.mark.parametrize("end", [b"", b"_", b"_99:99:99,99-99-9999", b"_1:2:3,11-28-2026", b"_2026-11-28T21:03:12Z"])
@pytest.mark.parametrize("data", [b"|#1234|1130 01 015]", b"]"])
def test_an_encrypted_frame_without_a_time_is_not_of_now(data: bytes, end: bytes) -> None:
    text = data + end
    cipher = Cipher(AES(K), CBC(bytes(16))).encryptor()
    sent = cipher.update(b"x" * (16 - len(text) % 16) + text) + cipher.finalize()
    verdict = Desk(KEYED).takes(framed(b'"*ADM-CID"0007R1L2#1234[' + sent.hex().upper().encode()))
    assert (verdict.is_late, verdict.signals) == (True, ())


def test_duh_for_plain_text_where_encryption_is_required() -> None:
    verdict = Desk(KEYED).takes(vectors.BURGLARY)
    assert verdict.answer == vectors.DUH
    assert [(s.outcome, s.reason) for s in verdict.signals] == [("REFUSED", Refusal.NOT_ENCRYPTED)]
    assert (verdict.has_alerts, verdict.identity) == (False, None)


def test_what_is_refused_in_the_clear_is_kept_with_all_that_it_tells() -> None:
    """Somebody must see that it was an alarm: its panel gives up."""
    raw = framed(b'"SIA-DCS"0001L0#1234[#1234|Nri1/BA012/TR013][IKitchen]_21:03:12,11-28-2026')
    verdict = Desk(KEYED).takes(raw)
    assert [(s.outcome, s.site_id, s.code, s.zone, s.kind, s.alert_id, s.text) for s in verdict.signals] == [
        ("REFUSED", "S1", "BA", "012", "INTRUSION", None, "Kitchen"),
        ("REFUSED", "S1", "TR", "013", None, None, "Kitchen"),
    ]
    again = Desk(KEYED).takes(framed(raw[9:-1].replace(b"21:03:12", b"21:03:17")))
    assert {s.frame_id for s in again.signals} == {s.frame_id for s in verdict.signals}  # the body is the same


def test_what_is_refused_and_cannot_be_read_is_kept_all_the_same() -> None:
    verdict = Desk(KEYED).takes(framed(b'"ADM-CID"0001L0#1234[1130 01 015'))
    assert [(s.outcome, s.code) for s in verdict.signals] == [("REFUSED", None)]
    assert verdict.answer is not None


@pytest.mark.parametrize("key", [bytes(16), None])
def test_duh_for_a_frame_that_the_key_does_not_open(key: bytes | None) -> None:
    verdict = Desk(Account("1234", "S1", key=key)).takes(vectors.BURGLARY_AES)
    assert verdict.answer == vectors.DUH
    assert [(s.outcome, s.reason) for s in verdict.signals] == [("REFUSED", Refusal.KEY_DOES_NOT_OPEN)]


@pytest.mark.parametrize(
    ("raw", "account", "refusal"),
    [
        (vectors.LINK_TEST, KEYED, Refusal.NOT_ENCRYPTED),
        (vectors.LINK_TEST_AES, KEYED._replace(key=bytes(16)), Refusal.KEY_DOES_NOT_OPEN),
    ],
)
def test_a_link_test_is_refused_and_recorded_as_any_frame_is(raw: bytes, account: Account, refusal: Refusal) -> None:
    verdict = Desk(account).takes(raw)
    assert verdict.answer is not None
    assert b'"DUH"' in verdict.answer
    assert [(s.outcome, s.reason) for s in verdict.signals] == [("REFUSED", refusal)]


def test_a_key_that_we_cannot_open_is_our_fault_and_gets_silence() -> None:
    verdict = Desk(Account("1234", "S1", has_unreadable_key=True, requires_encryption=True)).takes(vectors.BURGLARY_AES)
    assert (verdict.answer, verdict.silence) == (None, SilenceReason.KEY_SEALED)


def test_an_unknown_account_is_acknowledged_and_recorded_under_its_account() -> None:
    verdict = Desk().takes(vectors.BURGLARY)
    assert [(s.outcome, s.key, s.kind) for s in verdict.signals] == [("UNKNOWN_ACCOUNT", "account:1234", "INTRUSION")]
    assert (verdict.has_alerts, verdict.answer, verdict.identity) == (False, vectors.ACK, None)


def test_an_account_is_unknown_in_a_fresh_view_only() -> None:
    desk = Desk()
    desk.accounts.fresh = False
    verdict = desk.takes(vectors.BURGLARY)
    assert (verdict.answer, verdict.silence) == (None, SilenceReason.VIEW_STALE)


@pytest.mark.parametrize(
    ("raw", "account"), [(vectors.BURGLARY, KEYED), (vectors.BURGLARY_AES, KEYED._replace(key=bytes(16)))]
)
def test_an_account_is_refused_by_a_fresh_view_only(raw: bytes, account: Account) -> None:
    """Its key may just have been changed, and a panel gives up for good what gets a DUH."""
    desk = Desk(account)
    desk.accounts.fresh = False
    verdict = desk.takes(raw)
    assert (verdict.answer, verdict.signals, verdict.silence) == (None, (), SilenceReason.VIEW_STALE)


@pytest.mark.parametrize("raw", [vectors.LINK_TEST, vectors.LINK_TEST_TIMED, vectors.LINK_TEST_AES])
def test_a_link_test_writes_nothing(raw: bytes) -> None:
    verdict = Desk(Account("1234", "S1", key=K)).takes(
        raw, int(datetime(2026, 11, 28, 21, 5, tzinfo=UTC).timestamp() * 1000)
    )
    assert (verdict.signals, verdict.is_link_test, verdict.answer is not None) == ((), True, True)


def test_an_override_goes_before_the_table_until_it_ends() -> None:
    by_zone = override("130", "015", IGNORE, until=AT + 1)
    everywhere = override("130", None, "FIRE")
    desk = Desk(Account("1234", "S1", overrides=(everywhere, by_zone)))
    assert desk.alerts(cid("1130 01 015", 1)) == ()
    assert [alert.kind for alert in desk.alerts(cid("1130 01 016", 2))] == ["FIRE"]
    assert [alert.kind for alert in desk.alerts(cid("1130 01 015", 3), AT + 1)] == ["FIRE"]
    assert desk.alerts(cid("3130 01 016", 4)) == ()


@pytest.mark.parametrize("code", ["DR", "BH", "BJ", "OP"])
def test_an_override_makes_an_alert_of_any_code_of_sia(code: str) -> None:
    """Also of those that end with H, R, J, which the table reads as restores."""
    desk = Desk(Account("1234", "S1", overrides=(override(code, "12", "HOLD_UP"),)))
    numbered = '"SIA-DCS"000{0}L0#1234[#1234|Nri1/{1}1{0}]'
    assert desk.alerts(framed(numbered.format(1, code).encode())) == ()
    (alert,) = desk.alerts(framed(numbered.format(2, code).encode()))
    assert alert.kind == "HOLD_UP"


def test_gas_is_fire_unless_the_settings_say_otherwise() -> None:
    for gas_as_fire, kind in ((True, "FIRE"), (False, "OTHER")):
        (alert,) = Desk(PLAIN, gas_as_fire=gas_as_fire).alerts(cid("1151 01 001"))
        assert (alert.kind, alert.detail) == (kind, "GAS")
        (unknown,) = Desk(gas_as_fire=gas_as_fire).takes(cid("1151 01 001")).signals
        assert (unknown.outcome, unknown.kind) == ("UNKNOWN_ACCOUNT", kind)


def test_text_is_the_alerts_detail_beside_what_the_code_says() -> None:
    desk = Desk(PLAIN)
    assert desk.alerts(vectors.EXTENDED)[0].detail == "Cuisine"
    assert desk.alerts(vectors.DURESS)[0].detail == "DURESS"
    assert desk.alerts(cid("1162 01 001][IHall", 5))[0].detail == "CO; Hall"


def test_a_time_more_than_a_day_off_is_not_when_it_was_raised() -> None:
    (alert,) = Desk(PLAIN).alerts(cid("1130 01 015", end="_00:00:00,01-01-2000"))
    assert alert.raised_at == AT


def test_the_events_own_time_is_when_it_was_raised() -> None:
    (alert,) = Desk(PLAIN).alerts(cid("1130 01 015][H20:00:00,11-28-2026", end="_21:03:12,11-28-2026"))
    assert alert.raised_at == AT - (3600 + 3 * 60 + 15) * 1000


def test_a_panel_whose_clock_begins_at_1970_says_when_its_event_occurred() -> None:
    verdict = Desk(PLAIN).takes(cid("1130 01 015][H00:00:00,01-01-1970", end="_21:03:12,11-28-2026"))
    assert [(s.occurred_at, s.raised_at) for s in verdict.signals] == [(0, 0)]


@pytest.mark.parametrize("event", ["6130 01 015", "3130 01 015", "1301 00 000", "1406 01 003", "1602 00 000"])
def test_status_restores_troubles_cancels_and_tests_open_and_close_nothing(event: str) -> None:
    verdict = Desk(PLAIN).takes(cid(event))
    assert [(s.outcome, s.alert_id, s.kind, s.authenticated) for s in verdict.signals] == [
        ("SIGNAL", None, None, False)
    ]


@pytest.mark.parametrize("code", ["BH", "BR", "BJ", "BT", "BC", "FC", "OC", "OP", "CL", "RP", "YT"])
def test_restores_troubles_cancels_openings_and_tests_of_sia_open_and_close_nothing(code: str) -> None:
    verdict = Desk(PLAIN).takes(framed(f'"SIA-DCS"0001L0#1234[#1234|Nri1/{code}012]'.encode()))
    assert [(s.outcome, s.code, s.alert_id) for s in verdict.signals] == [("SIGNAL", code, None)]


@pytest.mark.parametrize(
    "account", [None, PLAIN, Account("1234", "S1", key=K256)], ids=["unknown", "no key", "other key"]
)
def test_a_frame_that_nothing_opened_is_not_authenticated(account: Account | None) -> None:
    desk = Desk() if account is None else Desk(account)
    (signal,) = desk.takes(vectors.BURGLARY_AES).signals
    assert (signal.outcome in {"UNKNOWN_ACCOUNT", "REFUSED"}, signal.code, signal.authenticated) == (True, None, False)


def test_an_encrypted_frame_of_an_unknown_account_is_acknowledged_in_the_clear() -> None:
    """No key is known to encrypt by, and a panel that is refused hangs."""
    assert Desk().takes(vectors.BURGLARY_AES).answer == vectors.ACK


def test_what_was_refused_or_unknown_is_no_first_copy() -> None:
    desk = Desk()
    assert [s.outcome for s in desk.takes(vectors.BURGLARY).signals] == ["UNKNOWN_ACCOUNT"]
    desk.accounts["1234"] = KEYED
    assert [s.outcome for s in desk.takes(vectors.BURGLARY).signals] == ["REFUSED"]
    desk.accounts["1234"] = PLAIN
    assert [s.outcome for s in desk.takes(vectors.BURGLARY).signals] == ["ALERT"]


@pytest.mark.parametrize("bad_crc", BadCrc)
def test_a_wrong_checksum_is_answered_where_the_account_asks_for_it(bad_crc: BadCrc) -> None:
    (defect,) = Framer().feed(vectors.BURGLARY.replace(b"4BBA", b"4BBB"))
    assert isinstance(defect, FrameDefect)
    answer = Desk(PLAIN._replace(bad_crc=bad_crc)).judge.judge_defect(defect, AT - 3000)
    assert answer == (vectors.NAK if bad_crc is BadCrc.NAK else None)
