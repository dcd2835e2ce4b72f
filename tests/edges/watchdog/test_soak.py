"""An hour of quiet and an hour of storm beside a real engine, under the limits of the norm (`make soak-watchdog`)."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

import pytest
from confluent_kafka import KafkaException

from ronde.local.kafka import Kafka
from tests.conftest import SettingsFile
from tests.edges.receiver.processes import Broker, ReceiverProcess, Transmitter
from tests.edges.watchdog.listeners import Listener
from tests.edges.watchdog.test_live import CANARY, PARTITIONS, House, house, listener
from tests.kafka.world import Seen, worker
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

__all__ = ["house", "listener"]

SECONDS: Final = 60 * float(os.environ.get("SOAK_MINUTES", "60"))
SITES: Final = 30
A_SECOND: Final = 5  # alerts of the storm
ROUNDS: Final = {
    "input_seconds": 45, "deadline_seconds": 15, "call_seconds": 45, "blocked_seconds": 15, "kafka_seconds": 20,
    "canary_account": "CA11", "canary_every_seconds": 60, "canary_within_seconds": 20, "link_seconds": 10,
}  # fmt: skip


class Storm:
    """People who have alarms, and who answer their telephone two times of three."""

    def __init__(self, house: House) -> None:
        self.world = house.world
        self.sites = [self.world.site_in(number % PARTITIONS, f"storm{number}") for number in range(SITES)]
        self._dice = random.Random(1)
        self._sent = 0
        self._answered: set[str] = set()

    def second(self) -> None:
        for _ in range(A_SECOND):
            self._sent += 1
            self.world.alert(self._dice.choice(self.sites), f"s{self._sent}")
        try:
            calls = [seen for seen in self.world.all("calls") if self._is_new(seen)]
        except KafkaException:  # the broker was away: the next second reads on
            return
        for seen in calls:
            assert seen.value is not None
            self._answered.add(seen.value["command_id"])
            if self._dice.random() < 0.66:
                outcome = self._dice.choice(["IDENTIFIED", "NO_ANSWER", "WRONG_CODE"])
                self.world.answer(seen.value, outcome, "NORMAL" if outcome != "NO_ANSWER" else "UNKNOWN")

    def _is_new(self, seen: Seen) -> bool:
        value = seen.value
        return (
            value is not None
            and value["site_id"] != CANARY
            and value["action"] != "CANCEL"
            and value["command_id"] not in self._answered
        )


def _pass(seconds: float, each: Callable[[], None], listener: Listener, allowed: set[str]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        each()
        wrong = [post for post in listener.posts if post[1]["data"]["kind"] not in allowed]
        assert not wrong, wrong
        time.sleep(max(0.0, 1 - (time.monotonic() - begin)))


@pytest.mark.soak
def test_hours_of_quiet_and_of_storm_through_restarts_and_an_outage(
    house: House, patient_broker: Kafka, settings_file: SettingsFile, listener: Listener
) -> None:
    world, storm = house.world, Storm(house)
    house.worker["catch_up_seconds"] = 30  # as shipped; a deadline may be late by 45 s
    for site in storm.sites:
        world.site(site)
    world.site(CANARY, intervention={"enabled": False, "partners": []})
    Broker(house.settings).know(Transmitter("CA11", CANARY))
    receiver = ReceiverProcess("r1", settings_file, kafka={"bootstrap.servers": patient_broker.bootstrap_servers})
    receiver.start()
    with ExitStack() as stack:
        stack.callback(lambda: receiver.is_alive and receiver.end(signal.SIGKILL))
        with worker(house.file()) as engine:
            engine.wait_ready()
            limits: dict[str, Any] = {**ROUNDS, "canary_receiver": f"127.0.0.1:{receiver.listens()['tcp']}"}
            watchdog = house.watchdog(stack, **limits)
            eventually(lambda: watchdog.metric("ronde_watchdog_canary_rounds_total", outcome="resolved") >= 1, "it")
            _pass(SECONDS, lambda: None, listener, set())
            memory = watchdog.metric("process_resident_memory_bytes")
            _pass(SECONDS / 4, storm.second, listener, set())
            assert engine.stop() == 0
        with worker(house.file()) as engine:  # it catches up on what came meanwhile
            _pass(SECONDS / 4, storm.second, listener, set())
            engine.kill()
        with worker(house.file()) as engine:

            def second() -> None:
                storm.second()
                if not engine.is_alive:  # after an outage it may end, to be started again
                    engine.start()

            _pass(SECONDS / 4, second, listener, set())
            _frozen(patient_broker, watchdog, listener)
            _pass(SECONDS / 4, second, listener, {"KAFKA"})
        assert listener.events("KAFKA") == ["began", "ended"]
        grown = watchdog.metric("process_resident_memory_bytes") - memory
        assert grown < 64 * 2**20, f"{grown / 2**20:.0f} MiB more"
        assert watchdog.metric("ronde_watchdog_kept") < 40 * SITES
        assert watchdog.metric("ronde_watchdog_canary_rounds_total", outcome="failed") == 0
        assert watchdog.stop() == 0


def _frozen(patient_broker: Kafka, watchdog: RondeProcess, listener: Listener) -> None:
    """Its Kafka is gone for long enough to be reported, and comes back."""
    patient_broker.pause()
    try:
        listener.wait("KAFKA")
    finally:
        patient_broker.resume()
    listener.wait("KAFKA", "ended")
    eventually(watchdog.is_ready, "it is ready")
