"""The checker of frames finds nothing in a good run of the receiver, and names every single thing changed in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import pytest

from edges.panel.messages import Panel, Said, frame_of
from edges.receiver.accounts import Account
from edges.receiver.content import Qualifier
from edges.values import Alert, Signal
from tests.edges.receiver.receiving import Client, MemoryKafka, client, now, receiver
from tests.faults.checker import check
from tests.faults.evidence import Violation
from tests.faults.frames import SentFrame, check_frames
from tests.faults.incidents import Uptime
from tests.faults.records import Raw, Topics, Value, decode, encode

KEY: Final = bytes(range(16))
PLAIN: Final = Panel("00A1", line="1")
KEYED: Final = Panel("00A2", key=KEY)
STRANGE: Final = Panel("00FF")
BURGLARY: Final = Said("130", "001", "01")


class Line:
    """A panel's line that keeps a journal."""

    def __init__(self, line: Client, journal: list[SentFrame]) -> None:
        self._line, self._journal = line, journal

    async def send(self, panel: Panel, sequence: int, said: Said, *kinds: str | None, copies: int = 1) -> None:
        raw = frame_of(panel, said, sequence, now())
        for _ in range(copies):
            self._line.send(raw)
            answer = await self._line.answer()
            name = next(kind for kind in ("ACK", "NAK", "DUH") if kind.encode() in answer)
            self._journal.append(SentFrame(raw, said.body(panel.account)[1].encode(), kinds, name, now()))  # type: ignore[arg-type]


async def good_run() -> tuple[MemoryKafka, list[SentFrame]]:
    """Alarms, a restore, repeats, a link test, refused frames and those of an unknown account, to two receivers."""
    journal: list[SentFrame] = []
    kafka = MemoryKafka()
    accounts = (Account("00A1", "S1"), Account("00A2", "S2", KEY, requires_encryption=True))
    async with (
        receiver(*accounts, kafka=kafka) as first,
        receiver(*accounts, kafka=kafka, id="r2") as second,
        client(first) as one,
        client(second) as other,
    ):
        line, elsewhere = Line(one, journal), Line(other, journal)
        await line.send(PLAIN, 1, BURGLARY, "INTRUSION", copies=2)
        await line.send(PLAIN, 2, BURGLARY._replace(qualifier=Qualifier.RESTORE), None)
        await line.send(PLAIN, 3, Said("FA", "7", text="kitchen"), "FIRE")
        await line.send(PLAIN, 4, Said("NULL"))
        await line.send(KEYED, 1, Said("120", "009", "01"), "HOLD_UP")
        await elsewhere.send(KEYED, 1, Said("120", "009", "01"), "HOLD_UP")
        await line.send(KEYED._replace(key=None), 2, BURGLARY, None)
        await elsewhere.send(STRANGE, 1, BURGLARY, None)
    return kafka, journal


def topics_of(kafka: MemoryKafka) -> Topics:
    """Its records as a broker would have them: of the time at which their frame came."""
    topics = Topics()
    came: dict[str | None, int] = {}
    for signal in kafka.signals:
        came.setdefault(signal.alert_id, signal.received_at)
        add(topics, "signals", signal.key, signal, signal.received_at)
    for alert in kafka.alerts:
        add(topics, "alerts", alert.site_id, alert, came[alert.alert_id])
    return topics


def add(topics: Topics, topic: str, key: str, value: Signal | Alert, timestamp: int) -> None:
    """The next record of a topic."""
    data = encode(topic, value._asdict())
    topics.add(Raw(topic, 0, len(topics.of(topic)), timestamp, key.encode(), data))


class Tape:
    """A good run, to be changed."""

    def __init__(self, kafka: MemoryKafka, journal: Iterable[SentFrame]) -> None:
        self.topics = topics_of(kafka)
        self.sent = list(journal)

    def some(self, topic: str, fits: Callable[[Value], bool]) -> tuple[Raw, Value]:
        """The first record that fits, and its value."""
        return next((raw, value) for raw in self.topics.of(topic) if fits(value := decode(topic, raw.value or b"")))

    def signal(self, outcome: str) -> tuple[Raw, Value]:
        """The first signal of an outcome."""
        return self.some("signals", lambda value: value["outcome"] == outcome)

    def alert(self, kind: str) -> tuple[Raw, Value]:
        """The first alert of a kind."""
        return self.some("alerts", lambda value: value["kind"] == kind)

    def drop(self, raw: Raw) -> None:
        self.topics.of(raw.topic).remove(raw)

    def append(self, raw: Raw, value: Value) -> None:
        """One record more, like ``raw``."""
        raws = self.topics.of(raw.topic)
        raws.append(raw._replace(offset=raws[-1].offset + 1, value=encode(raw.topic, value)))

    def change(self, raw: Raw, value: Value | None = None, **parts: object) -> None:
        """Another value, or other parts, in its place."""
        if value is not None:
            parts["value"] = encode(raw.topic, value)
        raws = self.topics.of(raw.topic)
        raws[raws.index(raw)] = raw._replace(**parts)  # type: ignore[arg-type]

    def violations(self) -> list[Violation]:
        return check_frames(self.topics, self.sent)


@pytest.fixture(scope="module")
def good() -> tuple[MemoryKafka, list[SentFrame]]:
    return asyncio.run(good_run())


@pytest.fixture
def tape(good: tuple[MemoryKafka, list[SentFrame]]) -> Tape:
    return Tape(*good)


def test_a_good_run_is_good(tape: Tape) -> None:
    assert tape.violations() == []
    outcomes = [decode("signals", raw.value or b"")["outcome"] for raw in tape.topics.of("signals")]
    assert sorted(set(outcomes)) == ["ALERT", "REFUSED", "REPEATED", "SIGNAL", "UNKNOWN_ACCOUNT"]
    assert {frame.answer for frame in tape.sent} == {"ACK", "DUH"}


def test_a_frame_without_an_answer_may_be_there_or_not(tape: Tape) -> None:
    lost = tape.sent[0]
    tape.sent = [frame._replace(answer=None) for frame in tape.sent]
    assert tape.violations() == []

    for raw in list(tape.topics.of("alerts")):
        tape.drop(raw)
    assert tape.violations() == []

    for raw in list(tape.topics.of("signals")):
        tape.drop(raw)
    assert tape.violations() == []
    tape.sent.append(lost)
    assert {violation.name for violation in tape.violations()} == {"FRAME_LOST", "ALARM_LOST", "ACK_EARLY"}


def test_the_checker_of_a_run_has_them_too(tape: Tape) -> None:
    raw, _ = tape.signal("REFUSED")
    tape.drop(raw)

    violations = check(tape.topics, [], {}, Uptime([], 0, margin_ms=0), tape.sent)

    assert any(violation.name == "FRAME_LOST" for violation in violations)


# --- what is changed ------------------------------------------------------------------------------------------


def a_signal_is_dropped(tape: Tape) -> str:
    raw, signal = tape.signal("SIGNAL")
    tape.drop(raw)
    return f"{signal['account']}-{signal['sequence']}"


def a_repeat_is_dropped(tape: Tape) -> str:
    raw, signal = tape.signal("REPEATED")
    tape.drop(raw)
    return f"{signal['account']}-{signal['sequence']}"


def a_refused_frame_is_dropped(tape: Tape) -> str:
    raw, _ = tape.signal("REFUSED")
    tape.drop(raw)
    return "00A2-0002"


def a_frame_of_an_unknown_account_is_dropped(tape: Tape) -> str:
    raw, _ = tape.signal("UNKNOWN_ACCOUNT")
    tape.drop(raw)
    return "00FF-0001"


def an_event_of_a_frame_is_not_there(tape: Tape) -> str:
    tape.sent = [frame._replace(kinds=(*frame.kinds, None)) if frame.kinds == (None,) else frame for frame in tape.sent]
    return "1 of its 2 events"


def a_frame_is_recorded_twice(tape: Tape) -> str:
    raw, signal = tape.signal("SIGNAL")
    tape.append(raw, {**signal, "signal_id": f"{signal['signal_id'].rpartition('-')[0]}x-1"})
    return f"{signal['account']}-{signal['sequence']}"


def a_frame_is_recorded_that_nobody_sent(tape: Tape) -> str:
    raw, signal = tape.signal("SIGNAL")
    tape.append(raw, {**signal, "signal_id": "00A1-0009-00000000-0-r1-1", "raw": b'"ADM-CID"0009L0#00A1[]'})
    return "00A1-0009"


def a_link_test_is_recorded(tape: Tape) -> str:
    raw, signal = tape.signal("SIGNAL")
    [test] = [frame for frame in tape.sent if frame.is_link_test]
    tape.append(raw, {**signal, "signal_id": "00A1-0000-00000000-0-r1-1", "raw": test.raw})
    return "00A1-0000"


def a_signal_has_another_account(tape: Tape) -> str:
    raw, signal = tape.signal("SIGNAL")
    tape.change(raw, {**signal, "account": "00A9"})
    return str(signal["signal_id"])


def a_signal_has_another_key(tape: Tape) -> str:
    raw, signal = tape.signal("UNKNOWN_ACCOUNT")
    tape.change(raw, key=b"00FF")
    return str(signal["signal_id"])


def a_refused_frame_was_acknowledged(tape: Tape) -> str:
    tape.sent = [frame._replace(answer="ACK") if frame.answer == "DUH" else frame for frame in tape.sent]
    return "REFUSED"


def an_alarm_has_no_alert(tape: Tape) -> str:
    raw, alert = tape.alert("FIRE")
    tape.drop(raw)
    return str(alert["alert_id"])


def an_alarm_has_an_alert_of_another_name(tape: Tape) -> str:
    raw, alert = tape.alert("FIRE")
    tape.change(raw, {**alert, "alert_id": "00A1-0003-1-00000000"})
    return str(alert["alert_id"])


def an_alarm_is_raised_at_two_times(tape: Tape) -> str:
    raw, alert = tape.alert("INTRUSION")
    tape.append(raw, {**alert, "raised_at": alert["raised_at"] + 1000})
    return str(alert["alert_id"])


def an_alarm_is_raised_for_two_sites(tape: Tape) -> str:
    raw, alert = tape.alert("INTRUSION")
    tape.append(raw, {**alert, "site_id": "S2"})
    return str(alert["alert_id"])


def an_alert_has_another_kind(tape: Tape) -> str:
    raw, alert = tape.alert("HOLD_UP")
    tape.change(raw, {**alert, "kind": "TAMPER"})
    return str(alert["alert_id"])


def a_restore_raises_an_alert(tape: Tape) -> str:
    _, signal = tape.signal("SIGNAL")
    raw, alert = tape.alert("INTRUSION")
    alert_id = f"{signal['account']}-{signal['sequence']}-1-{signal['signal_id'].split('-')[2]}"
    tape.append(raw, {**alert, "alert_id": alert_id})
    return alert_id


def an_alert_has_no_signal(tape: Tape) -> str:
    raw, signal = tape.some("signals", lambda value: value["kind"] == "FIRE")
    tape.drop(raw)
    return str(signal["alert_id"])


def a_signal_says_another_time_than_its_alert(tape: Tape) -> str:
    raw, signal = tape.some("signals", lambda value: value["kind"] == "FIRE")
    tape.change(raw, {**signal, "raised_at": signal["raised_at"] - 1000})
    return str(signal["alert_id"])


def a_frame_is_acknowledged_before_its_signal(tape: Tape) -> str:
    raw, signal = tape.signal("SIGNAL")
    tape.change(raw, timestamp=raw.timestamp + 5_000)
    return f"{signal['account']}-{signal['sequence']}"


def a_repeat_is_acknowledged_before_its_own_signal(tape: Tape) -> str:
    raw, signal = tape.signal("REPEATED")
    tape.change(raw, timestamp=raw.timestamp + 5_000)
    return f"{signal['account']}-{signal['sequence']}"


def a_frame_is_acknowledged_before_its_alert(tape: Tape) -> str:
    raw, alert = tape.alert("FIRE")
    tape.change(raw, timestamp=raw.timestamp + 5_000)
    return str(alert["alert_id"])


class Mutation(NamedTuple):
    change: Callable[[Tape], str]  # gives what the violation must name
    violation: str


MUTATIONS: Final = (
    Mutation(a_signal_is_dropped, "FRAME_LOST"),
    Mutation(a_repeat_is_dropped, "FRAME_LOST"),
    Mutation(a_refused_frame_is_dropped, "FRAME_LOST"),
    Mutation(a_frame_of_an_unknown_account_is_dropped, "FRAME_LOST"),
    Mutation(an_event_of_a_frame_is_not_there, "FRAME_DIFFERS"),
    Mutation(a_frame_is_recorded_twice, "FRAME_TWICE"),
    Mutation(a_frame_is_recorded_that_nobody_sent, "FRAME_UNKNOWN"),
    Mutation(a_link_test_is_recorded, "FRAME_DIFFERS"),
    Mutation(a_signal_has_another_account, "FRAME_DIFFERS"),
    Mutation(a_signal_has_another_key, "FRAME_DIFFERS"),
    Mutation(a_refused_frame_was_acknowledged, "FRAME_DIFFERS"),
    Mutation(an_alarm_has_no_alert, "ALARM_LOST"),
    Mutation(an_alarm_has_an_alert_of_another_name, "ALARM_LOST"),
    Mutation(an_alarm_is_raised_at_two_times, "ALARM_TWICE"),
    Mutation(an_alarm_is_raised_for_two_sites, "ALARM_TWICE"),
    Mutation(an_alert_has_another_kind, "ALARM_DIFFERS"),
    Mutation(a_restore_raises_an_alert, "ALARM_DIFFERS"),
    Mutation(an_alert_has_no_signal, "SIGNAL_MISSING"),
    Mutation(a_signal_says_another_time_than_its_alert, "SIGNAL_MISSING"),
    Mutation(a_frame_is_acknowledged_before_its_signal, "ACK_EARLY"),
    Mutation(a_repeat_is_acknowledged_before_its_own_signal, "ACK_EARLY"),
    Mutation(a_frame_is_acknowledged_before_its_alert, "ACK_EARLY"),
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.change.__name__)
def test_a_change_is_caught_and_named(tape: Tape, mutation: Mutation) -> None:
    where = mutation.change(tape)

    named = [violation for violation in tape.violations() if violation.name == mutation.violation]
    assert any(where in str(violation) for violation in named), f"{where}: {tape.violations()}"
