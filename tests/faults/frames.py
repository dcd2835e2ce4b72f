"""The judge of the receivers: a journal of the frames that panels sent, with their answers, and the raw topics.

It knows contracts.md and the wire, and nothing of the receiver's own. Each broken promise is a `Violation`:

- every frame with an ACK or a DUH, but link tests, is in `signals`: `FRAME_LOST` `FRAME_DIFFERS` `FRAME_TWICE`
  `FRAME_UNKNOWN`
- every alarm is one accepted alert: `ALARM_LOST` `ALARM_TWICE` `ALARM_DIFFERS`
- every alert has its signal: `SIGNAL_MISSING`
- no ACK without a record: `ACK_EARLY`

A journal is of less than ten minutes, and no panel in it counts from the beginning or sends the same number and body
for another event: later a frame is a new alarm under the same id.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, Literal, NamedTuple, TypeAlias

from tests.faults.evidence import Told, Violation
from tests.faults.records import Topics, decode

_HEADER: Final = re.compile(rb'"\*?(?P<kind>[A-Z-]+)"(?P<sequence>[0-9]{4})[^#]*#(?P<account>[0-9A-Fa-f]+)\[')
_KEPT: Final = {"ACK", "DUH"}  # such an answer follows the record
# How a frame's first record may say what became of it.
_OUTCOMES: Final = {"ACK": {"ALERT", "SIGNAL", "REPEATED", "UNKNOWN_ACCOUNT"}, "DUH": {"REFUSED"}}
_SOURCE: Final = "dc09:"  # of alerts that receivers made of frames

Alarm: TypeAlias = tuple[str, str | None]  # the id that its alert must have, and its kind


class SentFrame(NamedTuple):
    """A frame that a panel sent, once; a copy of it is another.

    Attributes:
        raw: as sent, LF and CR included.
        body: the clear bytes between ``[`` and the time.
        kinds: of the alert that each of its events must become; None: none.
        answer: None: none came, or none was read.
        answered_at: when the answer was read, ms since 1970.

    """

    raw: bytes
    body: bytes
    kinds: tuple[str | None, ...]
    answer: Literal["ACK", "NAK", "DUH"] | None
    answered_at: int

    @property
    def account(self) -> str:
        """As the topics have it."""
        return self._header("account").upper()

    @property
    def is_link_test(self) -> bool:
        """Whether it leaves no record."""
        return self._header("kind") == "NULL"

    @property
    def name(self) -> str:
        """The frame in a violation."""
        return f"{self.account}-{self._header('sequence')}"

    def alarms(self) -> list[Alarm]:
        """The alerts that it must become."""
        digest = hashlib.sha256(self.body).hexdigest()[:8]
        return [
            (f"{self.name}-{number}-{digest}", kind)
            for number, kind in enumerate(self.kinds, start=1)
            if kind is not None
        ]

    def _header(self, part: str) -> str:
        match = _HEADER.search(self.raw)
        assert match is not None, self.raw
        return match[part].decode()


class Records:
    """What is in `signals` and `alerts` of frames, decoded once."""

    def __init__(self, topics: Topics) -> None:
        self.signals = [Told(raw, decode("signals", raw.value or b"")) for raw in topics.of("signals")]
        self.alerts = [
            told
            for raw in topics.of("alerts")
            if ((told := Told(raw, decode("alerts", raw.value or b""))).value["source"] or "").startswith(_SOURCE)
        ]

    @cached_property
    def frames(self) -> dict[bytes, list[list[Told]]]:
        """The records of each copy that was taken, by the frame's bytes, in the order of the topic."""
        copies: defaultdict[str, list[Told]] = defaultdict(list)
        for told in self.signals:
            if told.value["protocol"] == "DC09":
                copies[told.value["signal_id"].rpartition("-")[0]].append(told)
        found: defaultdict[bytes, list[list[Told]]] = defaultdict(list)
        for events in copies.values():
            found[_stripped(events[0].value["raw"])].append(events)
        return found

    @cached_property
    def alerts_by_id(self) -> dict[str, list[Told]]:
        """The alerts of each id."""
        found: defaultdict[str, list[Told]] = defaultdict(list)
        for told in self.alerts:
            found[told.value["alert_id"]].append(told)
        return found


def check_frames(topics: Topics, sent: Sequence[SentFrame]) -> list[Violation]:
    """Everything that is wrong with what receivers made of frames."""
    records = Records(topics)
    return [
        *answered_frames_are_recorded(records, sent),
        *alarms_are_one_alert(records, sent),
        *alerts_have_signals(records),
        *answers_follow_records(records, sent),
    ]


def answered_frames_are_recorded(records: Records, sent: Sequence[SentFrame]) -> Iterator[Violation]:
    """Every ACKed frame but link tests is in `signals`, whole; no copy is there twice, and nothing else is."""
    copies: defaultdict[bytes, list[SentFrame]] = defaultdict(list)
    for frame in sent:
        copies[_stripped(frame.raw)].append(frame)
    for raw, frames in copies.items():
        name, recorded = frames[0].name, records.frames.get(raw, [])
        answers = [frame.answer for frame in frames if frame.answer in _KEPT]
        if frames[0].is_link_test:
            if recorded:
                yield Violation("FRAME_DIFFERS", name, "a link test has a record")
            continue
        if len(recorded) < len(answers):
            yield Violation(
                "FRAME_LOST", name, f"{len(answers)} of its copies were answered, {len(recorded)} are there"
            )
        if len(recorded) > len(frames):
            yield Violation("FRAME_TWICE", name, f"{len(frames)} copies were sent, {len(recorded)} are there")
        for events in recorded:
            yield from _as_sent(frames[0], set(answers), events)
    for raw in records.frames.keys() - copies.keys():
        yield Violation("FRAME_UNKNOWN", records.frames[raw][0][0].value["signal_id"], "nobody sent such a frame")


def _as_sent(frame: SentFrame, answers: set[str | None], events: list[Told]) -> Iterator[Violation]:
    """A copy's records are as many as its events, of its account, keyed by its site, and say what was answered."""
    signal = events[0].value
    if len(events) != len(frame.kinds):
        yield Violation(
            "FRAME_DIFFERS", signal["signal_id"], f"{len(events)} of its {len(frame.kinds)} events are there"
        )
    if signal["account"] != frame.account:
        yield Violation("FRAME_DIFFERS", signal["signal_id"], f"it came from account {frame.account}")
    if answers and not any(signal["outcome"] in _OUTCOMES[answer] for answer in answers if answer is not None):
        yield Violation("FRAME_DIFFERS", signal["signal_id"], f"it is {signal['outcome']}, and its answer {answers}")
    for raw, value in events:
        key = value["site_id"] if value["site_id"] is not None else f"account:{value['account']}"
        if raw.key != key.encode():
            yield Violation("FRAME_DIFFERS", value["signal_id"], f"its key is {raw.key!r}")


def alarms_are_one_alert(records: Records, sent: Sequence[SentFrame]) -> Iterator[Violation]:
    """Every alarm with an ACK is one accepted alert: of one id, kind and `raised_at` (procedure.md §2). None is two."""
    alarms: dict[Alarm, bool] = {}
    for frame in sent:
        for alarm in frame.alarms():
            alarms[alarm] = alarms.get(alarm, False) or frame.answer == "ACK"
    for (alert_id, kind), is_acknowledged in alarms.items():
        alerts = [told.value for told in records.alerts_by_id.get(alert_id, ())]
        accepted = {(alert["site_id"], alert["kind"], alert["raised_at"]) for alert in alerts}
        if is_acknowledged and not accepted:
            yield Violation("ALARM_LOST", alert_id, "it was acknowledged, and there is no alert of it")
        if len(accepted) > 1:
            yield Violation("ALARM_TWICE", alert_id, f"it is {len(accepted)} alerts to the engine: {sorted(accepted)}")
        if any(alert["kind"] != kind for alert in alerts):
            yield Violation("ALARM_DIFFERS", alert_id, f"it is no alert of kind {kind}")
    for alert_id in records.alerts_by_id.keys() - {alert_id for alert_id, _ in alarms}:
        yield Violation("ALARM_DIFFERS", alert_id, "no frame is such an alarm")


def alerts_have_signals(records: Records) -> Iterator[Violation]:
    """Every alert has its signal, which says the same of it."""
    said = {
        (signal["alert_id"], signal["site_id"], signal["kind"], signal["raised_at"]) for _, signal in records.signals
    }
    for _, alert in records.alerts:
        if (alert["alert_id"], alert["site_id"], alert["kind"], alert["raised_at"]) not in said:
            yield Violation("SIGNAL_MISSING", alert["alert_id"], "no signal names it with its site, kind and time")


def answers_follow_records(records: Records, sent: Sequence[SentFrame]) -> Iterator[Violation]:
    """No ACK or DUH without a record: when it is read, the signals of that copy and the alerts are in Kafka."""
    acknowledged: defaultdict[bytes, list[SentFrame]] = defaultdict(list)
    for frame in sorted(sent, key=lambda frame: frame.answered_at):
        if frame.answer in _KEPT and not frame.is_link_test:
            acknowledged[_stripped(frame.raw)].append(frame)
    for raw, frames in acknowledged.items():
        recorded = sorted(max(told.raw.timestamp for told in events) for events in records.frames.get(raw, []))
        for number, frame in enumerate(frames, start=1):
            if sum(at <= frame.answered_at for at in recorded) < number:
                yield Violation("ACK_EARLY", frame.name, f"{frame.answer} number {number} came before its record")
            if frame.answer == "ACK":
                yield from _alerts_before(records, frame)


def _alerts_before(records: Records, frame: SentFrame) -> Iterator[Violation]:
    for alert_id, _ in frame.alarms():
        times = [told.raw.timestamp for told in records.alerts_by_id.get(alert_id, ())]
        if not any(at <= frame.answered_at for at in times):
            yield Violation("ACK_EARLY", alert_id, "its alert was not there when its frame was acknowledged")


def _stripped(raw: bytes) -> bytes:
    """A frame without what stands around it, which a receiver may keep or not."""
    return raw.strip(b"\n\r\0")
