"""Any records, on a real broker, past everybody who reads them: worker, sink, `verify`, `replay`, `dlq`.

``make fuzz MINUTES=60`` runs it; ``python -m tests.faults.fuzz --help``. What must hold after every round: no process
has ended, nobody printed a traceback, each input has one end, and the sums of worker, sink and topics are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from ronde.local.kafka import Kafka
from ronde.local.ports import free_port
from ronde.local.postgres import Postgres
from ronde.shared.whole_settings import WholeSettings
from schemas.contract.topics import INPUT_TOPICS
from streams.runtime.native_form import PURE
from streams.settings import load as load_settings
from tests.faults.fuzz_records import CODECS, Strangers
from tests.faults.registry import Registry
from tests.faults.workers import Worker
from tests.kafka.raw import RawProducer, keep_compressed
from tests.sinks.conftest import Sink
from tests.support.ronde_process import RONDE
from tests.support.topics import create_kept

PARTITIONS: Final = 2
PATIENCE_SECONDS: Final = 180.0  # a round of large records on a busy machine
_SHOWN: Final = 2  # letters a round, each in one of the ways
_WAYS: Final = ((), ("--personal",), ("--json",), ("--json", "--personal"))
_SAID: Final = ("Traceback", "the core failed", "SystemError", "Segmentation")


class Finding(AssertionError):
    """Something that must not be."""


class Fuzz:
    """One run on fresh topics; use `running` to make it."""

    def __init__(self, servers: str, folder: Path, settings: Path, registry: Registry, seed: int) -> None:
        self.ends: Counter[str] = Counter()
        self.records = 0
        self.refused = 0
        self._servers = servers
        self._folder = folder
        self._settings = settings
        self._dice = random.Random(seed)
        prefix = load_settings(settings, {}, WholeSettings).prefix
        self._strangers = Strangers(self._dice, prefix, PARTITIONS, registry)
        self._worker = Worker("worker", settings, folder)
        self._sink: Sink | None = None

    def start(self) -> str:
        """Start worker and sink; the form that the worker runs in."""
        self._worker.start()
        self._sink = Sink(self._settings, self._folder / "sink.log", None)
        self._worker.wait_ready(PATIENCE_SECONDS)
        self._until(self._sink.is_ready, "the sink is ready")
        with RawProducer(self._servers) as producer:
            for record in self._strangers.household():
                producer.put(record)
            producer.flush()
        return str(self._worker.field("worker started", "form"))

    def stop(self) -> None:
        """End both."""
        self._worker.kill()
        if self._sink is not None:
            self._sink.kill()

    def round(self, records: int) -> None:
        """Write so many, and see what everybody makes of them. Raises `Finding`."""
        for codec in CODECS:
            # A batch of one: the broker refuses whole batches, as for a time that it does not take.
            properties = {"compression.codec": codec, "message.max.bytes": "100000000", "batch.num.messages": "1"}
            with RawProducer(self._servers, **properties) as producer:
                for _ in range(records // len(CODECS)):
                    self.refused += producer.put(self._strangers.record()) != ""
                    self.records += 1
                producer.flush(PATIENCE_SECONDS)
        verified = self._until(self._all_handled, "every input has its end")
        self._sums(verified)
        self._letters()
        ran = self._run("replay", "--site", self._dice.choice(self._strangers.sites), "--json")
        if ran.returncode and "has nothing of" not in ran.stderr and "nothing of it could be" not in ran.stderr:
            raise Finding(f"replay: {ran.stderr}\n{ran.stdout[-3000:]}")
        self._nobody_fell()

    def _all_handled(self) -> dict[str, Any] | None:
        ran = self._run("verify", "--json")
        if not ran.stdout:
            raise Finding(f"verify: {ran.stderr}")
        told: dict[str, Any] = json.loads(ran.stdout)
        if told["differences"]:
            raise Finding(f"verify: {told['found'][:10]}")
        return None if any(one["waiting"] for one in told["topics"]) else told

    def _sums(self, verified: dict[str, Any]) -> None:
        counted = self._worker.counted()
        taken, ended = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for (what, *where), times in counted.items():
            (taken if what == "taken" else ended)[where[0], where[1]] += times
            self.ends[what] = sum(times for (other, *_), times in counted.items() if other == what)
        if taken != ended:
            raise Finding(f"the worker counts {dict(counted)}")
        inputs = {
            topic: sum(one["inputs"] for one in verified["topics"] if one["topic"] == topic) for topic in INPUT_TOPICS
        }
        by_worker = {topic: sum(times for (of, _), times in taken.items() if of == topic) for topic in INPUT_TOPICS}
        events = [topic for topic in INPUT_TOPICS if topic != "sites"]
        if any(inputs[topic] != by_worker[topic] for topic in events):
            raise Finding(f"the topics have {inputs}, the worker counts {by_worker}")
        self._until(lambda: all(self._in_ledger()[topic] == inputs[topic] for topic in events), "the ledger has it all")

    def _in_ledger(self) -> Counter[str]:
        """The records that the sink counts, by topic."""
        assert self._sink is not None
        _, text = self._sink.page("metrics")
        found: Counter[str] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name in {"ronde_sink_rows_total", "ronde_sink_refused_total"}:
                    found[sample.labels["topic"]] += int(sample.value)
        return found

    def _letters(self) -> None:
        ran = self._run("dlq", "list", "--json")
        if ran.returncode:
            raise Finding(f"dlq list: {ran.stderr}")
        letters = json.loads(ran.stdout)["letters"]
        names = [one["id"] for one in self._dice.sample(letters, min(_SHOWN, len(letters)))]
        for name in names:
            ran = self._run("dlq", "show", name, *self._dice.choice(_WAYS))
            if ran.returncode:
                raise Finding(f"dlq show {name}: {ran.stderr}")
        if self._run("dlq", "list").returncode:
            raise Finding("dlq list")
        if names:
            self._run("dlq", "replay", *names)  # a letter that is cut, or a site's older record, is named and exits 1

    def _nobody_fell(self) -> None:
        assert self._sink is not None
        if not self._worker.is_alive or self._worker.lives != 1:
            raise Finding(f"the worker ended ({self._worker.exit_code}):\n{self._worker.tail(60)}")
        if self._sink.process.poll() is not None:
            raise Finding(f"the sink ended ({self._sink.process.returncode}):\n{self._sink.said()[-6000:]}")
        for log in (self._worker.log, self._sink.log):
            text = log.read_text(encoding="utf-8", errors="replace")
            for word in _SAID:
                if word in text:
                    at = text.index(word)
                    raise Finding(f"{log.name} says {text[max(at - 1000, 0) : at + 3000]}")

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *RONDE, *arguments, "--settings", str(self._settings)]
        ran = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS, errors="replace"
        )
        if ran.returncode not in {0, 1} or "Traceback" in ran.stderr:
            raise Finding(f"{' '.join(arguments)} (exit {ran.returncode}): {ran.stderr}\n{ran.stdout[-3000:]}")
        return ran

    def _until(self, probe: Callable[[], Any], what: str) -> Any:
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            self._nobody_fell()
            if told := probe():
                return told
            if time.monotonic() > give_up:
                raise Finding(f"not within {PATIENCE_SECONDS:.0f} s: {what}\n{self._worker.tail(30)}")
            time.sleep(0.2)


@contextmanager
def running(servers: str, postgres: dict[str, Any], folder: Path, seed: int) -> Iterator[Fuzz]:
    """Topics, a registry, a worker and a sink; all of it is ended."""
    registry = Registry()
    prefix = f"fuzz-{uuid.uuid4().hex[:8]}."
    sections: dict[str, dict[str, Any]] = {
        "kafka": {"bootstrap.servers": servers},
        "topics": {"partitions": PARTITIONS},
        "registry": {"url": registry.url},
        "worker": {"group": f"{prefix}workers", "id": "a", "port": 0, "data_dir": str(folder / "worker")},
        "sink": {"group": f"{prefix}sinks", "id": "s", "port": free_port(), "data_dir": str(folder / "sink")},
        "postgres": postgres,
    }
    lines = [f"prefix = {json.dumps(prefix)}"]
    for section, values in sections.items():
        lines += [f"[{section}]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items())]
    settings = folder / "settings.toml"
    settings.write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = load_settings(settings, {}, WholeSettings)
    create_kept(made)  # the sums count what is in the topics
    keep_compressed(made)
    fuzz = Fuzz(servers, folder, settings, registry, seed)
    try:
        yield fuzz
    finally:
        fuzz.stop()
        registry.close()


def main() -> int:
    """Run for some minutes; exit 1 at the first finding, whose logs stay."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--records", type=int, default=400, help="a round")
    parser.add_argument("--form", choices=("pure", "compiled"), default="pure")
    given = parser.parse_args()
    os.environ.pop(PURE, None)
    if given.form == "pure":
        os.environ[PURE] = "1"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with it
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    end = time.monotonic() + given.minutes * 60
    with ExitStack() as stack:
        kafka, postgres = Kafka(folder / "kafka", port=free_port()), Postgres(folder / "postgres", port=free_port())
        for server in (kafka, postgres):
            server.folder.mkdir(parents=True, exist_ok=True)
            server.start()
            stack.callback(server.stop)
        database = {"host": "127.0.0.1", "port": postgres.port, "database": "ronde", "user": "ronde"}
        seed = given.seed
        while time.monotonic() < end:  # fresh topics now and then: verify reads all of them
            run = folder / str(seed)
            run.mkdir()
            with running(kafka.bootstrap_servers, _fresh(postgres, database, seed), run, seed) as fuzz:
                form = fuzz.start()
                print(f"seed {seed}: {form}, {run}", flush=True)  # noqa: T201
                if form.startswith("compiled") != (given.form == "compiled"):
                    print(f"the worker runs in another form than {given.form}: `make compile` first")  # noqa: T201
                    return 2
                for number in range(20):
                    try:
                        fuzz.round(given.records)
                    except Finding as finding:
                        print(f"FINDING with seed {seed}, round {number}: {finding}", flush=True)  # noqa: T201
                        return 1
                    print(  # noqa: T201
                        f"round {number}: {fuzz.records} records, {fuzz.refused} refused here, {dict(fuzz.ends)}",
                        flush=True,
                    )
                    if time.monotonic() > end:
                        break
            seed += 1
    shutil.rmtree(folder, ignore_errors=True)
    print("no finding")  # noqa: T201
    return 0


def _fresh(postgres: Postgres, database: dict[str, Any], seed: int) -> dict[str, Any]:
    """An empty database of a run's own."""
    import psycopg  # noqa: PLC0415
    from psycopg.sql import SQL, Identifier  # noqa: PLC0415

    name = f"fuzz_{seed}"
    with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    return {**database, "database": name}


if __name__ == "__main__":
    sys.exit(main())
