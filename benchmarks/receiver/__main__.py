"""``python -m benchmarks.receiver``: one run of all, beside each other, on a broker of its own; a line each.

``--quick`` takes a tenth of the time and a tenth of the transmitters.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import trustme
from confluent_kafka import Producer

from benchmarks.broker import Broker, broker
from benchmarks.receiver.sender import Task, account
from edges.receiver.wrapping import Wrapping
from ronde.local.ports import free_port
from ronde.shared.whole_settings import WholeSettings
from schemas.avro.framing import single_object
from schemas.avro.generated import writer
from schemas.avro.loader import load
from schemas.contract.murmur2 import partition
from streams.kafka.topics import create
from streams.settings import load as load_settings

PARTITIONS: Final = 6
PANELS: Final = 200
SOCKETS: Final = 2000
KEY: Final = b"0123456789ABCDEF"
WRAPPING_KEY: Final = "00112233445566778899AABBCCDDEEFF" * 2
PATIENCE: Final = 300.0


class Process:
    """A receiver under measurement."""

    def __init__(self, command: list[str], log: Path, environ: Mapping[str, str], listens: str) -> None:
        self._began = time.monotonic()
        with log.open("wb") as output:
            self._child = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, *command], stdout=output, stderr=output, env={**os.environ, **environ}
            )
        self._process = psutil.Process(self._child.pid)
        while listens not in log.read_text():
            assert self._child.poll() is None, log.read_text()
            assert time.monotonic() - self._began < PATIENCE, log.read_text()
            time.sleep(0.05)
        self.ready_seconds = round(time.monotonic() - self._began, 1)
        self.log = log

    def cpu_seconds(self) -> float:
        """What it has used of the processors."""
        times = self._process.cpu_times()
        return times.user + times.system

    def memory_mib(self) -> int:
        """Its resident memory."""
        return round(self._process.memory_info().rss / 2**20)

    def end(self) -> None:
        """End it."""
        self._child.terminate()
        self._child.wait(30)


def measure(name: str, process: Process, task: Task) -> None:
    """Send, and print a line."""
    cpu = process.cpu_seconds()
    command = [sys.executable, "-m", "benchmarks.receiver.sender", json.dumps(task._asdict())]
    sent = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own
    result = json.loads(sent.stdout)
    frames = max(result["acknowledged"], 1)
    result["cpu_ms_per_frame"] = round((process.cpu_seconds() - cpu) * 1000 / frames, 3)
    result["memory_mib"] = process.memory_mib()
    sys.stdout.write(json.dumps({"name": name, "load": round(os.getloadavg()[0], 1), **result}) + "\n")
    sys.stdout.flush()


def know(settings: WholeSettings, accounts: Iterator[tuple[str, bytes | None]]) -> None:
    """Write transmitters."""
    producer = Producer({**settings.client("producer"), "linger.ms": 50, "queue.buffering.max.messages": 200_000})
    write = writer(load("Transmitter"), single_object(load("Transmitter")))
    wrapping = Wrapping(bytes.fromhex(WRAPPING_KEY))
    for name, key in accounts:
        value = (name, f"site-{name}", "DC09", key and wrapping.wrap(key, name), None, "SILENT", (), 0)
        while True:
            try:
                producer.produce(
                    settings.topic("transmitters"), write(value), name, partition=partition(name.encode(), PARTITIONS)
                )
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush(PATIENCE)


@contextmanager
def receiver(
    node: Broker, folder: Path, prefix: str, transmitters: Iterator[tuple[str, bytes | None]], **tls: str
) -> Iterator[tuple[Process, dict[str, int]]]:
    """A receiver that knows transmitters, and its ports."""
    environ = {
        "RONDE_KAFKA__BOOTSTRAP_SERVERS": node.address,
        "RONDE_PREFIX": prefix,
        "RONDE_TOPICS__PARTITIONS": str(PARTITIONS),
        "RONDE_RECEIVER__WRAPPING_KEY": WRAPPING_KEY,
        "RONDE_RECEIVER__SOCKETS_PER_ADDRESS": "65535",
        **{f"RONDE_RECEIVER__{name}": "0" for name in ("TCP_PORT", "HTTP_PORT", "PAGES_PORT", "TLS_PORT")},
        **{f"RONDE_RECEIVER__{name.upper()}": value for name, value in tls.items()},
    }
    settings = load_settings(None, environ, WholeSettings)
    create(settings)
    know(settings, transmitters)
    log = folder / f"{prefix}log"
    process = Process(["-c", "from ronde.cli import main; main()", "receiver"], log, environ, "receiver listens")
    lines = [json.loads(line) for line in log.read_text().splitlines() if "receiver listens" in line]
    try:
        yield process, lines[-1]
    finally:
        process.end()


def certificate(folder: Path) -> dict[str, str]:
    """A server's certificate and key."""
    made = trustme.CA().issue_cert("localhost")
    made.cert_chain_pems[0].write_to_path(folder / "chain.pem")
    made.private_key_pem.write_to_path(folder / "key.pem")
    return {"tls_certificate": str(folder / "chain.pem"), "tls_key": str(folder / "key.pem")}


def rates(node: Broker, folder: Path, seconds: float) -> None:
    """Rates, waits and processor time, ours and pysiaalarm's in turn."""
    plain = Task(0, PANELS, 1, seconds, 0, 0, "", tls=False)
    sealed = plain._replace(key=KEY.hex())
    tls = certificate(folder)
    with receiver(node, folder, "plain.", ((account(number), None) for number in range(PANELS)), **tls) as (
        ours,
        ports,
    ):
        port = plain._replace(port=ports["tcp"])
        measure("warm", ours, port._replace(depth=4))
        measure(
            "ours, plain, 8 frames under way a panel, 2,000 sockets",
            ours,
            port._replace(depth=8, idle=SOCKETS - PANELS),
        )
        measure("ours, plain, one frame under way a panel", ours, port)
        measure("ours, plain, 500 frames/s", ours, port._replace(rate=500))
        measure("ours, TLS, 8 frames under way a panel", ours, port._replace(port=ports["tls"], depth=8, tls=True))
    with receiver(node, folder, "aes.", ((account(number), KEY) for number in range(PANELS)), **tls) as (ours, ports):
        port = sealed._replace(port=ports["tcp"])
        measure("ours, AES, 8 frames under way a panel", ours, port._replace(depth=8))
        measure("ours, AES, one frame under way a panel", ours, port)
    for name, key, task in (("plain", "", plain), ("AES", KEY.decode(), sealed)):
        number = free_port()
        command = ["-m", "benchmarks.receiver.peer", str(number), str(PANELS), key]
        peer = Process(command, folder / f"peer-{name}.log", {}, "listens")
        measure(f"pysiaalarm, {name}, one frame under way a panel", peer, task._replace(port=number))
        measure(f"pysiaalarm, {name}, 500 frames/s", peer, task._replace(port=number, rate=500))
        peer.end()


def memory(node: Broker, folder: Path, transmitters: int) -> None:
    """Memory and start with many transmitters, each with a key."""
    known = ((f"{number:08X}", KEY) for number in range(transmitters))
    with receiver(node, folder, "many.", known, **certificate(folder)) as (ours, _):
        time.sleep(2.0)
        line = {
            "name": f"{transmitters} transmitters",
            "ready_seconds": ours.ready_seconds,
            "memory_mib": ours.memory_mib(),
        }
        sys.stdout.write(json.dumps({**line, "load": round(os.getloadavg()[0], 1)}) + "\n")


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("rates", "memory"))
    options: Any = parser.parse_args()
    with broker() as node, tempfile.TemporaryDirectory() as folder:
        if options.only != "memory":
            rates(node, Path(folder), 3.0 if options.quick else 20.0)
        if options.only != "rates":
            memory(node, Path(folder), 100_000 if options.quick else 1_000_000)


if __name__ == "__main__":
    main()
