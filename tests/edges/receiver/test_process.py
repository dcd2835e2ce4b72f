"""`ronde receiver` on a real broker: each vector, restarts, two receivers, HTTP, pages, its end."""

from __future__ import annotations

import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from edges.receiver import frame
from edges.receiver import settings as settings_of
from edges.receiver.framing import CrcForm, framed
from edges.receiver.process import ReceiverProcess as Process
from edges.settings import Connection
from edges.web import tokens
from streams.settings import Settings
from tests.conftest import SettingsFile
from tests.edges.receiver import vectors
from tests.edges.receiver.certificates import tls_files
from tests.edges.receiver.processes import Broker, PanelSocket, ReceiverProcess, Transmitter
from tests.edges.receiver.receiving import now
from tests.edges.receiver.vectors import K256, K
from tests.support.waiting import eventually

KNOWN: Final = (
    Transmitter("1234", "S1"),
    Transmitter("12345A", "S2"),
    Transmitter("78919", "S3"),
    Transmitter("AB12", "S4", key=K),
    Transmitter("AB256", "S5", key=K256),
)


def cid(event: str, sequence: int = 1, end: str = "", account: str = "1234") -> bytes:
    return framed(f'"ADM-CID"{sequence:04d}L0#{account}[#{account}|{event}]{end}'.encode())


def ack_of(raw: bytes) -> bytes:
    return frame.ack(frame.header_of(raw[9:-1]), CrcForm.HEX, None, 0)


@pytest.fixture
def broker(topics: Settings) -> Broker:
    made = Broker(topics)
    made.know(*KNOWN)
    return made


@pytest.fixture
def made(broker: Broker, settings_file: SettingsFile) -> Iterator[ReceiverProcess]:
    process = ReceiverProcess("r1", settings_file)
    process.start()
    yield process
    process.end(signal.SIGKILL)


def test_each_vector(broker: Broker, made: ReceiverProcess) -> None:
    with PanelSocket(made.listens()["tcp"]) as panel:
        frames = [raw for name, raw in vectors.CLEAR.items() if name not in {"ACK", "NAK", "DUH"}]
        for raw in frames:
            assert panel.ask(raw) == ack_of(raw)
        for account, key in (("AB12", K), ("AB256", K256)):
            data = frame.enciphered(f"#{account}|1130 01 015]".encode(), now(), key)
            answer = frame.header_of(panel.ask(framed(f'"*ADM-CID"0007R1L2#{account}['.encode() + data))[9:-1])
            assert (answer.kind, answer.is_encrypted) == ("ACK", True)
            assert frame.deciphered(answer.data, key).body == b"]"
        signals, alerts = broker.read("signals"), broker.read("alerts")
        link_tests = {vectors.LINK_TEST, vectors.LINK_TEST_TIMED}
        assert {signal["raw"] for signal in signals} >= set(frames) - link_tests
        assert sorted(alert["alert_id"] for alert in alerts) == sorted(
            signal["alert_id"] for signal in signals if signal["alert_id"]
        )
        assert {signal["outcome"] for signal in signals} == {"ALERT", "SIGNAL"}


def test_what_is_not_acknowledged_is_counted_and_unknown_and_refused_are_recorded(
    broker: Broker, made: ReceiverProcess
) -> None:
    with PanelSocket(made.listens()["tcp"]) as panel:
        unknown, plain = cid("1130 01 015", account="9999"), cid("1130 01 015", account="AB12")
        assert panel.ask(unknown) == ack_of(unknown)
        assert b'"DUH"0001L0#AB12[]' in panel.ask(plain)
        panel.ask(vectors.BURGLARY)
        assert {(signal["site_id"], signal["outcome"], signal["reason"]) for signal in broker.read("signals")} == {
            (None, "UNKNOWN_ACCOUNT", None),
            ("S4", "REFUSED", "NOT_ENCRYPTED"),
            ("S1", "ALERT", None),
        }
        assert made.metric('ronde_receiver_frames_total{outcome="REFUSED"}') == 1


def test_udp(broker: Broker, made: ReceiverProcess) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as panel:
        panel.settimeout(10)
        panel.sendto(vectors.BURGLARY, ("127.0.0.1", made.listens()["udp"]))
        assert panel.recv(4096) == vectors.ACK
    assert len(broker.read("alerts")) == 1


def test_a_transmitter_that_comes_and_goes_and_one_whose_key_does_not_open(
    broker: Broker, made: ReceiverProcess
) -> None:
    with PanelSocket(made.listens()["tcp"]) as panel:
        before = made.metric("ronde_receiver_transmitters")
        broker.know(Transmitter("77777", "S7"))
        # Asked before that, it would acknowledge a frame of nobody's account, and a few of them are all it answers.
        eventually(lambda: made.metric("ronde_receiver_transmitters") == before + 1, "it is known")
        assert b"ACK" in panel.ask(cid("1130 01 015", 1, account="77777"))
        eventually(lambda: any(signal["site_id"] == "S7" for signal in broker.read("signals")), "known with its site")
        broker.put("transmitters", "77777", None)
        broker.flush()
        assert made.get("ready")[0] == 200
        broker.put("transmitters", "66666", _with_another_key("66666"))
        broker.flush()
        eventually(lambda: "keys" in json.loads(made.get("ready")[1])["reasons"], "it is not ready")


def test_it_is_ready_and_says_that_its_certificate_cannot_be_loaded_again(
    topics: Settings, settings_file: SettingsFile, tmp_path: Path
) -> None:
    files = tls_files(tmp_path, trustme.CA())
    key, kept = files["tls_key"], files["tls_key"].read_bytes()
    named: dict[str, Any] = {name: str(path) for name, path in files.items()}
    process = ReceiverProcess("r1", settings_file, tls_port=0, idle_seconds=1, **named)
    process.start()
    try:
        process.listens()

        def remarks() -> dict[str, str]:
            status, page = process.get("ready")
            assert status == 200
            found: dict[str, str] = json.loads(page).get("remarks", {})
            return found

        eventually(lambda: process.get("ready")[0] == 200, "it is ready")
        assert remarks() == {}
        key.write_text("no key")
        eventually(lambda: "tls_key" in remarks().get("certificate", ""), "it remarks its certificate")
        key.write_bytes(kept)
        eventually(lambda: remarks() == {}, "it remarks it no more")
    finally:
        process.end(signal.SIGKILL)


def test_it_says_that_its_machines_clock_is_wrong(broker: Broker, made: ReceiverProcess) -> None:
    """As the frames of three panels do, until two of them are of its time."""
    accounts = ("0A1", "0A2", "0A3")
    broker.know(*(Transmitter(account, "S1", key=K) for account in accounts))

    def ask(panel: PanelSocket, account: str, at: int) -> bytes:
        data = frame.enciphered(b"]", at, K)
        return panel.ask(framed(f'"*NULL"0007R1L2#{account}['.encode() + data))

    def clock() -> str | None:
        remark: str | None = json.loads(made.get("ready")[1]).get("remarks", {}).get("clock")
        return remark

    with PanelSocket(made.listens()["tcp"]) as panel:
        known = len(KNOWN) + len(accounts)
        eventually(lambda: made.metric("ronde_receiver_transmitters") == known, "they are known")
        for account in accounts:
            assert b"NAK" in ask(panel, account, now() + 3_600_000)
        eventually(clock, "it remarks its clock")
        line = made.line("panels' clocks differ from this machine's")
        assert line is not None
        assert line["seconds"] in range(3590, 3601)
        for account in accounts[:2]:
            assert b"NAK" not in ask(panel, account, now())
        eventually(lambda: clock() is None, "it remarks its clock no more")
        assert made.line("panels' clocks no longer differ from this machine's") is not None
        assert made.get("ready")[0] == 200


def _with_another_key(account: str) -> bytes:
    from edges.receiver.wrapping import Wrapping  # noqa: PLC0415
    from schemas.avro.records import encode  # noqa: PLC0415

    return encode(
        "Transmitter",
        {
            "account": account,
            "site_id": "S6",
            "protocol": "DC09",
            "key_wrapped": Wrapping(bytes(32)).wrap(K, account),
            "require_encryption": None,
            "bad_crc": "SILENT",
            "overrides": [],
            "updated_at": 0,
        },
    )


def test_a_restarted_receiver_and_another_one_know_the_first_copy(
    broker: Broker, made: ReceiverProcess, settings_file: SettingsFile
) -> None:
    other = ReceiverProcess("r2", settings_file)
    other.start()
    try:
        raw = cid("1130 01 015")
        with PanelSocket(made.listens()["tcp"]) as panel:
            assert panel.ask(raw) == ack_of(raw)
        assert made.end() == 0
        made.start()
        for process in (other, made):
            with PanelSocket(process.listens()["tcp"]) as panel:
                again = cid("1130 01 015", end="_21:03:12,11-28-2026")
                assert panel.ask(again) == ack_of(again)
        first, *others = sorted(broker.read("signals"), key=lambda signal: signal["received_at"])
        assert [signal["outcome"] for signal in others] == ["REPEATED", "REPEATED"]
        assert {(signal["alert_id"], signal["raised_at"]) for signal in others} == {
            (first["alert_id"], first["raised_at"])
        }
        alerts = broker.read("alerts")
        assert len({(alert["alert_id"], alert["kind"], alert["raised_at"]) for alert in alerts}) == 1
    finally:
        other.end(signal.SIGKILL)


def test_alerts_by_http(broker: Broker, settings_file: SettingsFile, tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    token, desk = tokens.add(file, "camera", ("alerts",)), tokens.add(file, "desk", ("desk",))
    process = ReceiverProcess("r1", settings_file, web={"tokens_file": str(file)})
    process.start()
    try:
        address = process.listens()["http"]
        body = {"alert_id": "A1", "kind": "FIRE", "raised_at": "2026-11-28T21:03:12.000Z", "zone": "7"}

        def post(body: Any, token: str | None = token) -> tuple[int, dict[str, Any]]:
            headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
            request = urllib.request.Request(
                f"{address}/v1/sites/S%2F1/alerts", json.dumps(body).encode(), headers, method="POST"
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)

        assert post(body) == post(body) == (202, {"alert_id": "A1"})
        assert post(body, None)[0] == 401
        assert post(body, desk)[0] == 403
        status, problem = post({**body, "colour": "red"})
        assert (status, problem["code"]) == (422, "INVALID")
        assert [(a["site_id"], a["alert_id"], a["zone"], a["source"]) for a in broker.read("alerts")] == [
            ("S/1", "A1", "7", "http:r1")
        ] * 2
        assert [(s["protocol"], s["account"], s["outcome"]) for s in broker.read("signals")] == [
            ("HTTP", "", "ALERT"),
            ("HTTP", "", "REPEATED"),
        ]
    finally:
        process.end(signal.SIGKILL)


def test_from_its_start_on_it_waits_for_kafka_too(tmp_path: Path) -> None:
    nowhere = {"bootstrap.servers": "127.0.0.1:9"}
    settings = settings_of.ReceiverSettings(pages_port=0)
    made = Process(
        settings_of.ReceiverConfiguration(settings, Connection("x.", "x", 3, nowhere, nowhere), tmp_path / "tokens")
    )
    assert made._readiness.reasons.keys() == {"start", "kafka"}


def test_it_ends_within_five_seconds_and_logs_no_account(broker: Broker, made: ReceiverProcess) -> None:
    with PanelSocket(made.listens()["tcp"]) as panel:
        assert panel.ask(vectors.BURGLARY) == vectors.ACK
        assert made.end(seconds=5.0) == 0
        assert panel.answer() == b""
        log = made.log.read_text()
        assert not any(word in log for word in ("#1234", '"S1"', "BURGLARY"))
        assert broker.read("alerts")
