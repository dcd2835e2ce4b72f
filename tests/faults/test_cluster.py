"""Three brokers, each record on all of them: the leader of a partition is killed, again and again; or it hangs."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from edges.panel.messages import Panel, Said, frame_of
from ronde.local.kafka import Kafka
from ronde.local.ports import HOST, free_port
from schemas.contract.murmur2 import partition
from streams.kafka.topics import create
from tests.conftest import MakeSettings, SettingsFile
from tests.edges.receiver.processes import Broker, PanelSocket, ReceiverProcess, Transmitter
from tests.edges.receiver.receiving import now
from tests.faults.bench import Bench
from tests.faults.tail import SILENT

COPIES = {"replication_factor": 3, "min_insync_replicas": 2}
KILLS = 4
HANGS_SECONDS = 45.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Kafka]]:
    """Three nodes, each broker and controller."""
    controllers = [free_port() for _ in range(3)]
    voters = ",".join(f"{number}@{HOST}:{port}" for number, port in enumerate(controllers, start=1))
    nodes = []
    for number, controller in enumerate(controllers, start=1):
        port = free_port()
        nodes.append(
            Kafka(
                tmp_path_factory.mktemp(f"node{number}"),
                port=port,
                extra_properties={
                    "node.id": str(number),
                    "controller.quorum.voters": voters,
                    "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}",
                    "default.replication.factor": "3",
                    "offsets.topic.replication.factor": "3",
                    "transaction.state.log.replication.factor": "3",
                    "transaction.state.log.min.isr": "2",
                    "min.insync.replicas": "2",
                },
            )
        )
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.stop)
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(Kafka.start, nodes))  # none is ready without another
        yield nodes


@pytest.mark.soak
def test_a_leader_is_killed(
    cluster: list[Kafka], tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> None:
    servers = ",".join(node.bootstrap_servers for node in cluster)
    dice = random.Random(seed)
    with Bench(servers, tmp_path, seed, rate=200, sites=800, sections={"topics": COPIES}) as run:
        run.begin(run.worker("a"), run.worker("b"))
        with run.restarting():
            for _ in range(KILLS):
                time.sleep(dice.uniform(1, 4))
                with run.disturbed(seconds=120):
                    leader = leads(servers, f"{run.prefix}alerts", dice.randrange(run.partitions))
                    node = cluster[leader - 1]
                    node.kill()
                    time.sleep(dice.uniform(1, 4))
                    node.start()
            run.settle()
        for name, figure in run.figures().items():
            record_property(name, figure)
        run.verify()


@pytest.mark.soak
def test_a_leader_hangs_and_a_receiver_writes_to_the_next(
    cluster: list[Kafka], settings: MakeSettings, settings_file: SettingsFile
) -> None:
    """A panel has its ACK while the broker still hangs; librdkafka by itself would wait for a minute."""
    servers = {"bootstrap.servers": ",".join(node.bootstrap_servers for node in cluster)}
    made = settings(kafka=servers, topics=COPIES)
    create(made)
    kept = Broker(made)
    kept.know(Transmitter("A001", "S1"))
    node = cluster[leads(servers["bootstrap.servers"], made.topic("signals"), partition(b"S1", 3)) - 1]
    receiver = ReceiverProcess("r1", settings_file, kafka=servers)
    receiver.start()
    try:
        with PanelSocket(receiver.listens()["tcp"], seconds=4.0) as panel:

            def calls_in_vain(number: int) -> bool:
                try:
                    return b'"ACK"' not in panel.ask(frame_of(Panel("A001"), Said("130", "015", "01"), number, now()))
                except TimeoutError:
                    return True

            while calls_in_vain(1):
                pass
            node.pause()
            frozen_at = time.monotonic()
            try:
                while calls_in_vain(2):
                    assert time.monotonic() - frozen_at < HANGS_SECONDS
            finally:
                node.resume()
        alerts = {(alert["alert_id"], alert["kind"], alert["raised_at"]) for alert in kept.read("alerts")}
        assert sorted(alert_id.split("-")[1] for alert_id, *_ in alerts) == ["0001", "0002"]
    finally:
        receiver.end(signal.SIGKILL)


def leads(servers: str, topic: str, number: int) -> int:
    """The node that leads a partition."""
    admin = AdminClient({"bootstrap.servers": servers}, logger=SILENT)
    return int(admin.list_topics(topic, timeout=10).topics[topic].partitions[number].leader)
