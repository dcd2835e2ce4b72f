"""Kafka frozen: no ACK without an acknowledgement, and one accepted alert for each alarm once it is back. And TLS."""

from __future__ import annotations

import signal
import socket
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from edges.panel.messages import Panel, Said, frame_of
from edges.receiver.framing import framed
from ronde.local.kafka import Kafka
from streams.kafka.topics import create
from streams.settings import Settings
from tests.conftest import MakeSettings, SettingsFile
from tests.edges.receiver import vectors
from tests.edges.receiver.processes import Broker, PanelSocket, ReceiverProcess, Transmitter
from tests.edges.receiver.receiving import now
from tests.support.waiting import eventually


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
    server = authority.issue_cert("localhost")
    for name, blob in (
        ("chain.pem", server.cert_chain_pems[0]),
        ("key.pem", server.private_key_pem),
        ("clients.pem", clients.cert_pem),
    ):
        blob.write_to_path(tmp_path / name)
    process = ReceiverProcess(
        "r1",
        settings_file,
        tls_port=0,
        tls_certificate=str(tmp_path / "chain.pem"),
        tls_key=str(tmp_path / "key.pem"),
        tls_client_ca=str(tmp_path / "clients.pem"),
    )
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
