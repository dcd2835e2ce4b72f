"""Receivers killed between signal, alert and ACK; their panels repeat to another one, with a new time.

Every alarm ends as one accepted alert, and no ACK comes before its record (`tests.faults.frames`). `make soak` repeats
it by other seeds.
"""

from __future__ import annotations

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from edges.panel.messages import Panel, Said, frame_of
from edges.receiver import faults
from streams.settings import Settings
from tests.conftest import SettingsFile
from tests.edges.receiver.processes import PARTITIONS, Broker, PanelSocket, ReceiverProcess, Transmitter
from tests.edges.receiver.receiving import now
from tests.faults.frames import SentFrame, check_frames
from tests.faults.records import Topics
from tests.faults.tail import Tail

PANELS: Final = 6
ALARMS: Final = 3  # of each panel, one after the other
ATTEMPTS: Final = 30


def call(panel: Panel, first: int, ports: list[int]) -> list[SentFrame]:
    """Send alarms as a panel does: each until its ACK, to one receiver after the other, each time with a new time."""
    sent: list[SentFrame] = []
    for sequence in range(first, first + ALARMS):
        said = Said("130", f"{sequence % 1000:03d}", "01")
        _, body = said.body(panel.account)
        for attempt in range(ATTEMPTS):
            raw = frame_of(panel, said, sequence, now())
            try:
                with PanelSocket(ports[attempt % len(ports)], seconds=4.0) as line:
                    answer = line.ask(raw)
            except OSError:
                answer = b""
            is_acknowledged = b'"ACK"' in answer
            sent.append(SentFrame(raw, body.encode(), ("INTRUSION",), "ACK" if is_acknowledged else None, now()))
            if is_acknowledged:
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
    sent: list[SentFrame] = []
    try:
        with ThreadPoolExecutor(PANELS) as pool:
            for life, point in enumerate(faults.POINTS.points):
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
    assert check_frames(topics_of(broker), sent) == []
    assert any(frame.answer is None for frame in sent), "no panel had to repeat"


def topics_of(broker: Broker) -> Topics:
    """Everything that is on the topics of a test."""
    settings = broker.settings
    servers = str(settings.kafka["bootstrap.servers"])
    with Tail(servers, settings.prefix, PARTITIONS, lambda: None) as tail:
        tail.read_to_end()
        return tail.topics
