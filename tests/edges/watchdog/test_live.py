"""A real engine, broken on purpose: each fault and its end are reported; and copies of its topics that lack some."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from confluent_kafka import Producer

from ronde.local.kafka import Kafka
from schemas.avro.records import encode
from streams.kafka.topics import create
from streams.settings import Settings, load
from tests.conftest import MakeSettings, SettingsFile
from tests.edges.receiver.processes import Broker, ReceiverProcess, Transmitter
from tests.edges.watchdog.listeners import SECRET, Listener
from tests.kafka.world import Seen, World, now_ms, worker
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

PARTITIONS: Final = 3
CANARY: Final = "canary"
# The limits of the norm, made short.
QUICK: Final[dict[str, Any]] = {
    "pages_port": 0,
    "deadline_seconds": 2,
    "input_seconds": 6,
    "call_seconds": 4,
    "blocked_seconds": 4,
    "kafka_seconds": 5,
    "ping_seconds": 1,
    "webhook_secret": SECRET,
}


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Whom the watchdog reports to."""
    made = Listener()
    yield made
    made.close()


class House:
    """One broker's topics, and the processes on them."""

    def __init__(self, broker: Kafka, settings_file: SettingsFile, listener: Listener, log: Any) -> None:
        self._settings_file = settings_file
        self.worker = {"id": "w", "catch_up_seconds": 1, "session_timeout_ms": 1000, "group_protocol": "classic"}
        self._kafka = {"bootstrap.servers": broker.bootstrap_servers}
        self._listener = listener
        self.settings: Settings = load(self.file(), {})
        create(self.settings)
        self.world = World(self.settings, log)

    def file(self, prefix: str | None = None, **sections: Any) -> Path:
        """A settings file of this house, or of a copy of its topics."""
        tree = {
            "kafka": self._kafka,
            "topics": {"partitions": PARTITIONS},
            "worker": self.worker,
            "canary": {"site": CANARY},
            "procedures": {"SECURITY": {"version": "security/test", "call_timeout_seconds": 8}},
            **sections,
        }
        if prefix is not None:
            tree["prefix"] = prefix
        return self._settings_file(**tree)

    def watchdog(self, stack: ExitStack, prefix: str | None = None, **settings: Any) -> RondeProcess:
        """A watchdog that is ready."""
        file = self.file(
            prefix,
            watchdog={
                **QUICK,
                "webhook_url": f"{self._listener.url}/hooks",
                "ping_url": f"{self._listener.url}/ping",
                **settings,
            },
        )
        process = RondeProcess("watchdog", ["watchdog", "--settings", file], file.with_suffix(".watchdog.log"))
        process.start()
        stack.callback(process.kill)
        process.wait_ready()
        return process


@pytest.fixture
def house(patient_broker: Kafka, settings_file: SettingsFile, listener: Listener, client_log: Any) -> Iterator[House]:
    """Fresh topics on a broker that may be frozen."""
    made = House(patient_broker, settings_file, listener, client_log)
    yield made
    made.world.close()


def test_each_fault_of_a_real_engine(
    house: House, patient_broker: Kafka, settings_file: SettingsFile, listener: Listener, client_log: Any
) -> None:
    world, kafka = house.world, {"bootstrap.servers": patient_broker.bootstrap_servers}
    home, other = world.site_in(1), world.site_in(2)
    for site in (home, other):
        world.site(site)
    world.site(CANARY, intervention={"enabled": False, "partners": []})
    Broker(house.settings).know(Transmitter("CA11", CANARY))
    receiver = ReceiverProcess("r1", settings_file, kafka=kafka)
    receiver.start()
    with ExitStack() as stack, worker(house.file()) as engine:
        stack.callback(lambda: receiver.is_alive and receiver.end(signal.SIGKILL))
        engine.wait_ready()
        watchdog = house.watchdog(
            stack,
            desk=True,
            canary_account="CA11",
            canary_receiver=f"127.0.0.1:{receiver.listens()['tcp']}",
            canary_every_seconds=5,
            canary_within_seconds=4,
            link_seconds=2,
        )
        _all_is_well(world, watchdog, listener, home)

        world.alert(other, "unanswered")
        world.wait_for(other, "calls", round=1, position=1)
        assert listener.wait("CALL")["findings"][0]["site_id"] == other

        # All at once, each on a partition of its own: the receiver off, the engine stopped, a transaction left open.
        assert receiver.end(signal.SIGKILL) != 0
        engine.send(signal.SIGSTOP)
        world.put("alerts", b"no alert, and an input", home)
        stranger = Producer({**house.settings.client("producer"), "transactional.id": "stranger"}, logger=client_log)
        stranger.init_transactions()
        stranger.begin_transaction()
        stranger.produce(house.settings.topic("calls"), b"?", b"k", partition=0)
        stranger.flush()
        assert listener.wait("BLOCKED")["findings"][0]["subject"].startswith("calls-0-")
        assert listener.wait("INPUT")["findings"][0]["partition"] == 1
        assert listener.wait("DEADLINE")["findings"][0]["site_id"] == other
        assert listener.wait("RECEIVER")["findings"][0]["detail"] == "link tests are not acknowledged"
        assert listener.wait("CANARY")["findings"][0]["site_id"] == CANARY
        stranger.abort_transaction()
        engine.send(signal.SIGCONT)
        for kind in ("INPUT", "DEADLINE", "BLOCKED"):
            listener.wait(kind, "ended")

        pings = listener.pings
        patient_broker.pause()
        try:
            listener.wait("KAFKA")
            assert watchdog.page("ready")[0] == 503
            assert listener.pings == pings, "no ping while something is wrong"
        finally:
            patient_broker.resume()
        listener.wait("KAFKA", "ended")
        assert watchdog.stop() == 0


def _all_is_well(world: World, watchdog: RondeProcess, listener: Listener, site: str) -> None:
    """The canary is resolved, the switch is pinged, an answered call is nobody's trouble."""
    world.alert(site, "answered")
    world.answer(world.wait_for(site, "calls"), "IDENTIFIED", "NORMAL")
    world.wait_for(site, "decisions", rule="RESOLVED")
    eventually(lambda: watchdog.metric("ronde_watchdog_canary_rounds_total", outcome="resolved") >= 1, "a canary")
    eventually(lambda: listener.pings > 0, "a ping")
    assert listener.posted == []


Filter = Callable[[Seen], bool]


def _copy(house: House, prefix: str, keep: Filter) -> None:
    """Copy inputs and outputs but for some; inputs keep their offsets, so the decisions name the right ones."""
    source, settings = house.world, load(house.file(prefix), {})
    create(settings)
    producer = Producer(settings.client("producer"))
    for topic in ("decisions", "calls", "attention", "quarantine"):
        for seen in source.all(topic):
            if keep(seen):
                assert seen.value is not None
                name = {"decisions": "Decision", "calls": "CallCommand", "attention": "Attention"}[topic]
                producer.produce(
                    settings.topic(topic), encode(name, seen.value), seen.key, seen.partition, timestamp=seen.timestamp
                )
    producer.flush()


def test_a_copy_without_one_decision_and_one_whose_partition_stalled(
    house: House, settings: MakeSettings, listener: Listener, prefix: str
) -> None:
    world = house.world
    sites = [world.site_in(number) for number in range(PARTITIONS)]
    with worker(house.file()) as engine:
        engine.wait_ready()
        for site in sites:
            world.live_site(site)
            world.alert(site, "a1")
            call = world.wait_for(site, "calls", round=1, position=1)
            world.alert(site, "a2")
            world.wait_for(site, "decisions", rule="MERGED")
            world.answer(call, "IDENTIFIED", "NORMAL")
            world.wait_for(site, "decisions", rule="RESOLVED")
        assert engine.stop() == 0

    def keep(seen: Seen) -> bool:
        assert seen.value is not None
        if seen.topic != "decisions":
            return True
        is_dropped = seen.key == sites[0] and seen.value["rule"] == "MERGED"
        is_stalled = seen.key == sites[1] and seen.value["rule"] != "OPENED"
        return not is_dropped and not is_stalled

    other = f"{prefix}copy."
    _copy(house, other, keep)
    _copy_alerts(house, other)
    with ExitStack() as stack:
        house.watchdog(stack, other)
        assert [finding["site_id"] for finding in listener.wait("VERSION")["findings"]] == [sites[0]]
        assert [finding["site_id"] for finding in listener.wait("DEADLINE")["findings"]] == [sites[1]]
        subjects = {finding["subject"] for finding in listener.wait("INPUT")["findings"]}
        assert subjects == {"alerts-0-1", "alerts-1-1"}


def _copy_alerts(house: House, prefix: str) -> None:
    settings = load(house.file(prefix), {})
    producer = Producer(settings.client("producer"))
    for number in range(PARTITIONS):
        site = house.world.site_in(number)
        for name in ("a1", "a2"):
            value = {"alert_id": name, "site_id": site, "kind": "INTRUSION", "raised_at": now_ms()}
            producer.produce(settings.topic("alerts"), encode("Alert", value), site, number)
    producer.flush()
