"""Receivers killed between signal, alert and ACK; their panels repeat to another one, with a new time.

Every alarm ends as one accepted alert: the engine takes alerts of one id, kind and `raised_at` for one
(docs/procedure.md §2). `make soak` does it two hundred times and more.
"""

from __future__ import annotations

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import pytest

from edges.panel.messages import Panel, Said, frame_of
from edges.receiver import faults
from streams.settings import Settings
from tests.conftest import SettingsFile
from tests.edges.receiver.processes import Broker, PanelSocket, ReceiverProcess, Transmitter
from tests.edges.receiver.receiving import now

PANELS: Final = 6
ALARMS: Final = 3  # of each panel, one after the other
ATTEMPTS: Final = 30


class AcknowledgedAlarm(NamedTuple):
    """An alarm that its panel has an ACK for."""

    account: str
    sequence: int
    attempts: int


def call(panel: Panel, first: int, ports: list[int]) -> list[AcknowledgedAlarm]:
    """Send alarms as a panel does: each until its ACK, to one receiver after the other, each time with a new time."""
    sent = []
    for sequence in range(first, first + ALARMS):
        said = Said("130", f"{sequence % 1000:03d}", "01")
        for attempt in range(ATTEMPTS):
            raw = frame_of(panel, said, sequence, now())
            try:
                with PanelSocket(ports[attempt % len(ports)], seconds=4.0) as line:
                    answer = line.ask(raw)
            except OSError:
                answer = b""
            if b'"ACK"' in answer:
                sent.append(AcknowledgedAlarm(panel.account, sequence, attempt + 1))
                break
            time.sleep(1.0)  # so that the next frame has another time
        else:
            raise AssertionError(f"no ACK in {ATTEMPTS} attempts")
    return sent


@pytest.fixture
def broker(topics: Settings) -> Broker:
    made = Broker(topics)
    made.know(*(Transmitter(f"A{number:03d}", f"S{number}") for number in range(PANELS)))
    return made


def test_killed_between_signal_alert_and_ack(broker: Broker, settings_file: SettingsFile, seed: int) -> None:
    chosen = random.Random(seed)
    killed, other = ReceiverProcess("killed", settings_file), ReceiverProcess("other", settings_file)
    other.start()
    sent: list[AcknowledgedAlarm] = []
    try:
        with ThreadPoolExecutor(PANELS) as pool:
            for life, point in enumerate(faults.POINTS):
                killed.start(f"{point}:{chosen.randint(1, PANELS)}")
                ports = [killed.listens()["tcp"], other.listens()["tcp"]]
                calls = [
                    pool.submit(call, Panel(f"A{number:03d}"), 1 + life * ALARMS, ports) for number in range(PANELS)
                ]
                for made in calls:
                    sent += made.result()
                assert killed.process is not None
                assert killed.process.wait(10) == -signal.SIGKILL, "it passed its point and lived"
    finally:
        for process in (killed, other):
            process.end(signal.SIGKILL)
    check(broker, sent)


def check(broker: Broker, sent: list[AcknowledgedAlarm]) -> None:
    """Every acknowledged alarm is in `signals`, and is one accepted alert; every alert has its signal."""
    signals, alerts = broker.read("signals"), broker.read("alerts")
    accepted = {(alert["alert_id"], alert["kind"], alert["raised_at"]) for alert in alerts}
    by_alarm: dict[tuple[str, int], int] = {}
    for alert_id, _, _ in accepted:
        account, sequence, _, _ = alert_id.split("-")
        by_alarm[account, int(sequence)] = by_alarm.get((account, int(sequence)), 0) + 1
    assert by_alarm == {(alarm.account, alarm.sequence): 1 for alarm in sent}
    assert {alert["alert_id"] for alert in alerts} <= {signal["alert_id"] for signal in signals}
    assert {(signal["account"], int(signal["sequence"])) for signal in signals} == set(by_alarm)
    assert any(alarm.attempts > 1 for alarm in sent)
