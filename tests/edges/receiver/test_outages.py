"""Kafka frozen: no ACK without an acknowledgement, one accepted alert an alarm once it is back. A hung reader. TLS."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
import trustme
from confluent_kafka import Consumer, TopicPartition

from edges.kafka import view
from edges.kafka.view import View
from edges.panel.messages import Panel, Said, frame_of
from edges.receiver import process as of_the_process
from edges.receiver.framing import framed
from edges.receiver.process import ReceiverProcess as Process
from edges.receiver.settings import ReceiverConfiguration, ReceiverSettings
from ronde.local.kafka import Kafka
from ronde.shared.whole_settings import WholeSettings
from service import lost_leader
from streams.kafka.topics import create
from streams.settings import Settings, load
from tests.conftest import MakeSettings, SettingsFile
from tests.edges.receiver import vectors
from tests.edges.receiver.certificates import tls_files
from tests.edges.receiver.processes import Broker, PanelSocket, ReceiverProcess, Transmitter
from tests.edges.receiver.receiving import now
from tests.support.waiting import eventually

SECONDS: Final = 30.0  # far less than until a client that writes gives way


# Panels give up after 4 s and send again: once in 5 s, seven times in 30.
@pytest.mark.parametrize("seconds", [5.0, pytest.param(30.0, marks=pytest.mark.long)])
def test_a_frozen_broker_gets_no_ack_and_every_alarm_is_one_alert_after(
    broker: Kafka, settings: MakeSettings, settings_file: SettingsFile, seconds: float
) -> None:
    servers = {"bootstrap.servers": broker.bootstrap_servers}
    made: Settings = settings(kafka=servers)
    create(made)
    kept = Broker(made)
    kept.know(*(Transmitter(f"A{number:03d}", f"S{number}") for number in range(4)))
    process = ReceiverProcess("r1", settings_file, kafka=servers)
    process.start()
    try:
        ports = process.listens()
        acknowledged: dict[str, float] = {}

        def call(account: str) -> None:
            with PanelSocket(ports["tcp"], seconds=4.0) as line:
                while account not in acknowledged:
                    try:
                        line.socket.sendall(frame_of(Panel(account), Said("130", "015", "01"), 1, now()))
                        if b'"ACK"' in line.answer():
                            acknowledged[account] = time.monotonic()
                    except TimeoutError:
                        continue

        with PanelSocket(ports["tcp"], seconds=0.5) as tester:
            link_test = framed(b'"NULL"0000L0#A000[]')

            def is_linked() -> bool:
                try:
                    return b"ACK" in tester.ask(link_test)
                except TimeoutError:
                    return False

            eventually(is_linked, "a link test is acknowledged")
            broker.pause()
            try:
                panels = [threading.Thread(target=call, args=(f"A{number:03d}",)) for number in range(4)]
                for panel in panels:
                    panel.start()
                time.sleep(seconds)
                assert acknowledged == {}
                assert not is_linked()
                assert "kafka" in process.get("ready")[1]
            finally:
                thawed = time.monotonic()
                broker.resume()
            for panel in panels:
                panel.join(60)
        assert len(acknowledged) == 4
        assert all(at >= thawed for at in acknowledged.values())
        alerts = kept.read("alerts")
        accepted = {(alert["site_id"], alert["alert_id"], alert["kind"], alert["raised_at"]) for alert in alerts}
        assert sorted(site for site, *_ in accepted) == ["S0", "S1", "S2", "S3"]
    finally:
        process.end(signal.SIGKILL)


def test_tls_with_client_certificates(topics: Settings, settings_file: SettingsFile, tmp_path: Path) -> None:
    broker = Broker(topics)
    broker.know(Transmitter("1234", "S1"))
    authority, clients = trustme.CA(), trustme.CA()
    files = {**tls_files(tmp_path, authority), "tls_client_ca": tmp_path / "clients.pem"}
    clients.cert_pem.write_to_path(files["tls_client_ca"])
    named: dict[str, Any] = {name: str(path) for name, path in files.items()}
    process = ReceiverProcess("r1", settings_file, tls_port=0, **named)
    process.start()
    try:
        port = process.listens()["tls"]

        def ask(context: ssl.SSLContext) -> bytes:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as line,
            ):
                line.sendall(vectors.BURGLARY)
                return line.recv(4096)

        context = ssl.create_default_context()
        authority.configure_trust(context)
        with suppress(ssl.SSLError, ConnectionResetError):
            assert ask(context) == b"", "answered without a client's certificate"
        clients.issue_cert("panel.example").configure_cert(context)
        assert ask(context) == vectors.ACK
    finally:
        process.end(signal.SIGKILL)


class Logged:
    """What the receiver logs: its ports."""

    def __init__(self) -> None:
        self.ports: asyncio.Queue[int] = asyncio.Queue()

    def info(self, event: str, **values: Any) -> None:
        if event == "receiver listens":
            self.ports.put_nowait(values["tcp"])


@pytest.mark.asyncio
async def test_alarms_get_their_ack_again_soon_after_the_reader_of_signals_hangs(
    topics: Settings, settings_file: SettingsFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though Kafka answers. A panel without its ACK sends again, and has it as a repeat; it is one accepted alert."""
    kept = Broker(topics)
    kept.know(Transmitter("A001", "S1"))
    hangs = threading.Event()
    step = View._step

    def blinded(self: View, consumer: Consumer) -> None:
        if "signals" in self._topics and hangs.is_set():
            hangs.clear()
            topic = self._connection.topic("signals")
            consumer.pause([TopicPartition(topic, number) for number in self._partitions])
        step(self, consumer)

    logged = Logged()
    monkeypatch.setattr(of_the_process, "_log", logged)
    monkeypatch.setattr(of_the_process, "_ANSWERED_SECONDS", 1.0)
    monkeypatch.setattr(view, "_STILL_SECONDS", 0.5)
    monkeypatch.setattr(lost_leader, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(View, "_step", blinded)
    connection = load(settings_file(), {}, WholeSettings).for_edge("receiver", "r1", tmp_path / "receiver")
    settings = ReceiverSettings(id="r1", tcp_port=0, http_port=0, pages_port=0)
    made = Process(ReceiverConfiguration(settings, connection, tmp_path / "tokens.json"))
    serving = asyncio.create_task(made._serve())
    try:
        port = await asyncio.wait_for(logged.ports.get(), SECONDS)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        hangs.set()
        await asyncio.to_thread(eventually, lambda: not hangs.is_set(), "the reader hangs")
        answers: list[bytes] = []
        async with asyncio.timeout(SECONDS):
            while len(answers) < 2:
                writer.write(frame_of(Panel("A001"), Said("130", "015", "01"), 1, now()))
                with suppress(TimeoutError):
                    answers.append(await asyncio.wait_for(reader.readuntil(b"\r"), 4.0))
        assert all(b"ACK" in answer for answer in answers)
        signals = await asyncio.to_thread(kept.read, "signals")
        assert [record["outcome"] for record in signals] == ["ALERT", "REPEATED"]
        writer.close()
        alerts = await asyncio.to_thread(kept.read, "alerts")
        assert len({(alert["alert_id"], alert["kind"], alert["raised_at"]) for alert in alerts}) == 1
    finally:
        serving.cancel()
        await asyncio.wait([serving])
