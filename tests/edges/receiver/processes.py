"""`ronde receiver` in a process of its own, panels that call it, and what it wrote, read off the broker."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from edges.receiver import faults
from edges.receiver.wrapping import Wrapping
from schemas.avro.records import decode, encode
from schemas.contract.murmur2 import partition
from schemas.contract.topics import TOPICS
from streams.settings import Settings
from tests.conftest import SettingsFile
from tests.support import warm
from tests.support.waiting import PATIENCE, eventually

WRAPPING_KEY: Final = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
PARTITIONS: Final = 3


class Transmitter(NamedTuple):
    """One to be known."""

    account: str
    site_id: str
    key: bytes | None = None
    bad_crc: str = "SILENT"


class Broker:
    """The topics of one test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._producer = Producer({**settings.client("producer"), "acks": "all", "linger.ms": 2})

    def know(self, *transmitters: Transmitter) -> None:
        """Write transmitters."""
        wrapping = Wrapping(bytes.fromhex(WRAPPING_KEY))
        for known in transmitters:
            value: dict[str, Any] = {
                "account": known.account,
                "site_id": known.site_id,
                "protocol": "DC09",
                "key_wrapped": None if known.key is None else wrapping.wrap(known.key, known.account),
                "require_encryption": None,
                "bad_crc": known.bad_crc,
                "overrides": [],
                "updated_at": 0,
            }
            self.put("transmitters", known.account, encode("Transmitter", value))
        self.flush()

    def put(self, topic: str, key: str, value: bytes | None) -> None:
        """Write a record."""
        number = partition(key.encode(), PARTITIONS)
        self._producer.produce(self.settings.topic(topic), value, key, partition=number)
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until all is there."""
        assert self._producer.flush(PATIENCE) == 0

    def read(self, topic: str) -> list[dict[str, Any]]:
        """All values of a topic, each partition in its order."""
        name = TOPICS[topic].schema
        assert name is not None
        consumer = Consumer(
            {
                **self.settings.client("consumer"),
                "group.id": "test",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
            }
        )
        topic_name = self.settings.topic(topic)
        consumer.assign([TopicPartition(topic_name, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
        values: list[dict[str, Any]] = []
        ended: set[int] = set()
        give_up = time.monotonic() + PATIENCE
        while len(ended) < PARTITIONS:
            assert time.monotonic() < give_up
            for message in consumer.consume(1000, 0.2):
                if message.error() is not None:
                    ended.add(message.partition() or 0)
                else:
                    values.append(decode(name, message.value() or b""))
        consumer.close()
        return values


class ReceiverProcess:
    """One receiver, through all its lives."""

    def __init__(
        self,
        name: str,
        settings_file: SettingsFile,
        web: dict[str, Any] | None = None,
        kafka: dict[str, Any] | None = None,
        **receiver: Any,
    ) -> None:
        self.name = name
        ports = {"tcp_port": 0, "http_port": 0, "pages_port": 0, "udp_port": 0}
        self._settings = settings_file(
            receiver={"id": name, "wrapping_key": WRAPPING_KEY, **ports, **receiver},
            web=web or {},
            kafka=kafka or {},
        )
        self.log = self._settings.with_suffix(f".{name}.log")
        self.process: warm.Process | None = None
        self._log_start = 0

    def start(self, fault: str | None = None) -> None:
        """Begin a life."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("RONDE_")}
        if fault is not None:
            environ[faults.POINTS.variable] = fault
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = warm.start(["receiver", "--settings", str(self._settings)], environ, log)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def line(self, event: str) -> dict[str, Any] | None:
        """The last line of this life that logs an event."""
        text = self.log.read_bytes()[self._log_start :].decode()
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return next((line for line in reversed(lines) if line.get("event") == event), None)

    def listens(self) -> dict[str, Any]:
        """Its ports by transport, once it listens."""

        def probe() -> dict[str, Any] | None:
            assert self.is_alive, self.log.read_text()
            return self.line("receiver listens")

        made: dict[str, Any] = eventually(probe, "the receiver listens")
        return made

    def get(self, page: str) -> tuple[int, str]:
        """A page of operation."""
        started = eventually(lambda: self.line("receiver started"), "the receiver's pages")
        try:
            with urllib.request.urlopen(f"{started['pages']}/{page}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, series: str) -> float:
        """The value of a series, written as Prometheus does."""
        lines = self.get("metrics")[1].splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == series), 0.0)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30.0) -> int:
        """End it; its exit code."""
        assert self.process is not None
        if self.is_alive:
            self.process.send_signal(number)
        return self.process.wait(seconds)


class PanelSocket:
    """A panel's TCP connection."""

    def __init__(self, port: int, seconds: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, raw: bytes) -> bytes:
        """Send a frame; its answer, or empty when the connection ends. Raises TimeoutError."""
        self.socket.sendall(raw)
        return self.answer()

    def answer(self) -> bytes:
        """The next answer."""
        answer = b""
        while not answer.endswith(b"\r"):
            try:
                piece = self.socket.recv(1)
            except ConnectionResetError:
                return b""
            if not piece:
                return b""
            answer += piece
        return answer
