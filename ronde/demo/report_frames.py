"""The sum of the frames: what panels sent, and what the receiver recorded of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from rich.console import Console
from rich.text import Text

from ronde.demo.panels import Delivery
from ronde.views.site_timeline.board import Record
from ronde.views.site_timeline.moments import Inputs

_OUTCOMES: Final = {"ALERT": "alerts", "SIGNAL": "signals", "REPEATED": "repeated", "REFUSED": "refused"}
_Frame: TypeAlias = tuple[str, str]  # account and number, which all copies share


class Recorded(NamedTuple):
    """The records of one frame in `signals`, one for each of its events."""

    frame: _Frame
    outcome: str


def print_frames(console: Console, sent: Iterable[Delivery], signals: Iterable[Record], inputs: Inputs) -> bool:
    """Print the sum, and each frame and alert that is not in it; True if there is none."""
    sent, signals = list(sent), list(signals)
    recorded = _recorded(signals)
    outcomes = Counter(copy.outcome for copy in recorded)
    frames = sum(signal.frames for signal in sent)
    link_tests = sum(signal.answers for signal in sent if signal.is_link_test)
    terms = [f"{outcomes[outcome]} {word}" for outcome, word in _OUTCOMES.items()]
    terms.append(f"{link_tests} link tests")
    untaken = frames - len(recorded) - link_tests
    if untaken > 0:  # without an answer in time: the panel sent them again
        terms.append(f"{untaken} not taken")
    wrong = [*_frames_wrong(sent, recorded), *_alerts_wrong(signals, inputs)]
    console.print()
    sign = "≠" if wrong else "="
    console.print(Text.assemble((f"{frames} frames", "bold"), f" {sign} {' + '.join(terms)}"))
    for line in wrong:
        console.print(Text(f"  {line}", "red"))
    return not wrong


def _recorded(signals: Iterable[Record]) -> list[Recorded]:
    """Each recorded frame once; with an alert among its events it is an alert."""
    by_frame: dict[str, list[Record]] = defaultdict(list)
    for signal in signals:
        by_frame[signal["signal_id"].rpartition("-")[0]].append(signal)
    recorded = []
    for events in by_frame.values():
        outcomes = {event["outcome"] for event in events}
        first = events[0]
        outcome = "ALERT" if "ALERT" in outcomes else first["outcome"]
        recorded.append(Recorded((first["account"], first["sequence"]), outcome))
    return recorded


def _frames_wrong(sent: Iterable[Delivery], recorded: Iterable[Recorded]) -> Iterator[str]:
    """Each answered frame is recorded, each record is of a frame, and all panels are known."""
    frames, answers = Counter[_Frame](), Counter[_Frame]()
    for signal in sent:
        if not signal.is_link_test:
            frames[signal.account, signal.sequence] += signal.frames
            answers[signal.account, signal.sequence] += signal.answers
    records = Counter(copy.frame for copy in recorded)
    for frame in sorted(frames.keys() | records.keys()):
        if not answers[frame] <= records[frame] <= frames[frame]:
            account, sequence = frame
            counts = f"{frames[frame]} sent, {answers[frame]} answered, {records[frame]} recorded"
            yield f"account {account}, frame {sequence}: {counts}"
    for account, sequence in sorted(copy.frame for copy in recorded if copy.outcome not in _OUTCOMES):
        yield f"account {account}, frame {sequence}: the receiver does not know the account"


def _alerts_wrong(signals: Iterable[Record], inputs: Inputs) -> Iterator[str]:
    """Each alert has its signal, and the other way round."""
    said = {signal["alert_id"] for signal in signals} - {None}
    raised = {record["alert_id"] for record in inputs.values() if "alert_id" in record}
    for alert_id in sorted(said - raised):
        yield f"alert {alert_id} of a signal was not raised"
    for alert_id in sorted(raised - said):
        yield f"alert {alert_id} has no signal"
