"""One run on a real broker: fresh topics, a load, workers, faults, and in the end the checker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from ronde.local.kafka import Kafka
from schemas.contract.topics import INPUT_TOPICS, OUTPUT_TOPICS, TOPICS
from streams.kafka import topics
from streams.settings import load as load_settings
from tests.faults.checker import check
from tests.faults.desks import PROCEDURES
from tests.faults.incidents import Uptime
from tests.faults.load import Load
from tests.faults.probe import AGAIN_SECONDS, Probe
from tests.faults.progress import Progress
from tests.faults.records import NAMED_TOPICS
from tests.faults.tail import Tail
from tests.faults.transactions import OFFSETS_LOGS, Log, Markers
from tests.faults.workers import Worker
from tests.machine import slowness
from tests.support.ronde_process import RONDE
from tests.support.supervised import supervised

MARGIN_MS: Final = 4000  # a deadline may be so late while all is well, where nothing else keeps the cores busy
SETTLE_SECONDS: Final = 180.0
SESSION_TIMEOUT_MS: Final = 2000  # a dead worker is noticed soon: nothing else takes so long in these tests


class Exit(NamedTuple):
    """A worker ended by itself, and was started again."""

    worker: str
    code: int | None


class Bench:
    """Use it as a context; what was started in it is ended with it.

    ``lone`` is a broker without others that the test ends. It may forget markers of transactions then, so that nobody
    reads past them, in spite of the workers: they are written for it, and the run's figures name them. The judge says
    whether all was right in the end. A transaction that a worker leaves open stays open.

    ``rate`` alerts a second over ``sites`` sites; ``worker_settings``, the procedures' ``times`` and whole
    ``sections`` of the settings go over the bench's own.
    """

    def __init__(
        self,
        servers: str,
        folder: Path,
        seed: int,
        *,
        partitions: int = 4,
        rate: int = 500,
        sites: int = 1500,
        late_seconds: float = 6.0,
        worker_settings: Mapping[str, Any] | None = None,
        times: Mapping[str, Any] | None = None,
        sections: Mapping[str, Mapping[str, Any]] | None = None,
        lone: Kafka | None = None,
    ) -> None:
        self.prefix = f"faults-{uuid.uuid4().hex[:8]}."
        self.partitions = partitions
        self.folder = folder
        self.workers: list[Worker] = []
        self.exits: list[Exit] = []
        self.recovered: list[float] = []  # seconds, of each disturbance
        self._servers = servers
        self.procedures = {name: procedure._replace(**(times or {})) for name, procedure in PROCEDURES.items()}
        self._worker_settings = worker_settings or {}
        self._sections = sections or {}
        self._spans: list[tuple[int, int]] = []
        self._since: int | None = None
        self._slowness = 1.0  # at its worst
        self._closed: set[str] = set()
        topics.create(load_settings(self._settings("nobody"), {}))
        self.load = Load(
            servers, self.prefix, seed=seed, partitions=partitions, rate=rate, sites=sites, late_seconds=late_seconds,
            now_ms=now_ms,
        )  # fmt: skip
        self.journal = self.load.journal
        self.markers = None if lone is None else Markers(lone, [*self._logs(), *OFFSETS_LOGS])
        meanwhile = self.markers.look if self.markers else nothing
        self.probe = Probe(servers, self.prefix, partitions, self.journal, meanwhile)
        self.tail = Tail(servers, self.prefix, partitions, meanwhile)
        self.progress = Progress(self.tail.topics)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()
        self.load.stop()
        self.tail.__exit__(kind, error, trace)

    def worker(self, name: str = "a", python: Sequence[str] = RONDE) -> Worker:
        """A worker that is not started yet."""
        worker = Worker(name, self._settings(name), self.folder, python)
        self.workers.append(worker)
        return worker

    def begin(self, *workers: Worker) -> None:
        """Start the workers; once they, and those started before, are ready, start the load."""
        for worker in workers:
            worker.start()
        for worker in self.workers:
            if worker.lives:
                worker.wait_ready()
        self.probe.round_trip()
        self._since = now_ms()
        self.load.start()

    @contextmanager
    def disturbed(self, seconds: float = AGAIN_SECONDS) -> Iterator[None]:
        """A fault happens within; afterwards everything must come through again. Deadlines may be late meanwhile."""
        self._end_span()
        yield
        try:
            self.recovered.append(self.probe.round_trip(seconds))
        except AssertionError as error:
            error.add_note(self.tail.unreadable())
            if self.markers:
                error.add_note(self.markers.report())
            for worker in self.workers:
                error.add_note(f"{worker.name}:\n{worker.abort()}")
            raise
        self._since = now_ms()

    @contextmanager
    def between_commits(self) -> Iterator[None]:
        """No commit is under way meanwhile; transactions may be open.

        A broker without others that ends between a commit and its markers may forget the markers (docs/reliability.md).
        Killed, it says so when it is back ("these partitions are likely deleted already and hence can be skipped"), and
        no reader of committed records gets past them. Stopped, it says nothing, and has the commit down as complete:
        the next end of a transaction of that worker, be it an abort, then stands for both, partition by partition.
        """
        assert self.markers is not None, "the broker is asked what is under way"
        frozen = [worker for worker in self.workers if worker.is_alive]
        for worker in frozen:
            worker.send(signal.SIGSTOP)
        try:
            self.markers.wait_written()
            yield
        finally:
            for worker in frozen:
                worker.send(signal.SIGCONT)

    def restarting(self) -> AbstractContextManager[None]:
        """Start a worker again whenever it ends by itself, as its supervisor in production does."""
        return supervised(lambda: self.workers, lambda worker: self.exits.append(Exit(worker.name, worker.exit_code)))

    def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Let everything that is under way come to its end, and read it all."""
        self.load.calm_down()
        give_up = time.monotonic() + seconds
        while True:
            told = self._told()
            is_quiet = self.load.is_quiet(told)
            self.journal.flush()  # what is still on its way to the broker has no end yet
            self.tail.read_to_end()
            self.progress.look()
            if is_quiet and self._told() == told and not self.progress.open and not self.progress.unended:
                break
            self._close_what_is_open()
            assert time.monotonic() < give_up, (
                f"after {seconds:.0f} s {self.progress.unended} inputs have no end and {len(self.progress.open)} "
                f"incidents are open: {list(self.progress.open)[:5]}; workers {[w.exit_code for w in self.workers]}"
            )
            time.sleep(0.1)
        self._end_span()

    def _told(self) -> int:
        """How many commands and attentions have been read."""
        return sum(len(self.tail.topics.of(topic)) for topic in NAMED_TOPICS)

    def _close_what_is_open(self) -> None:
        """Operators end what would otherwise take its time, each incident once."""
        for incident, last in self.progress.open.items():
            if incident not in self._closed:
                self._closed.add(incident)
                action = {
                    "action_id": f"{incident}-end",
                    "site_id": (last.key or b"").decode(),
                    "incident_id": incident,
                    "action": "CLOSE",
                    "reason": "the end of the run",
                    "operator": "olga",
                    "taken_at": now_ms(),
                }
                self.journal.say("operator-actions", action)

    def verify(self, *, margin_ms: int = MARGIN_MS) -> None:
        """Judge the run. Raises `AssertionError` naming what is wrong."""
        uptime = Uptime(self._spans, now_ms(), round(margin_ms * self._slowness))
        violations = check(self.tail.topics, self.journal.sent, self.procedures, uptime)
        assert not self.journal.refused, f"the broker refused {self.journal.refused[:5]}"
        names = Counter(violation.name for violation in violations)
        assert not violations, f"{dict(names)}:\n" + "\n".join(str(violation) for violation in violations[:20])

    def add_up(self) -> Mapping[str, Any]:
        """What `ronde verify` says of the topics."""
        command = [sys.executable, *RONDE, "verify", "--json", "--settings", str(self._settings("nobody"))]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SETTLE_SECONDS)
        assert done.stdout, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == (1 if told["differences"] else 0), done.stderr
        return told

    def balance(self) -> None:
        """What every worker counts of every topic and partition adds up, and so do the topics by `ronde verify`."""
        for worker in self.workers:
            if worker.is_alive:
                counted = worker.counted()
                taken, ended = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
                for (what, *where), times in counted.items():
                    (taken if what == "taken" else ended)[where[0], where[1]] += times
                assert taken == ended, f"{worker.name} counts {dict(counted)}"
        told = self.add_up()
        assert told["differences"] == 0, told["found"][:10]
        inputs = sum(1 for _ in self.tail.topics.inputs())
        assert sum(one["inputs"] for one in told["topics"]) == inputs
        assert not any(one["waiting"] or one["not_checkable"] for one in told["topics"])

    def figures(self) -> dict[str, object]:
        """What the run was: inputs and outputs, how fast it came back each time, how workers ended by themselves."""
        records = {topic: len(raws) for topic, raws in self.tail.topics.records.items()}
        return {
            "slowness": round(self._slowness, 1),
            "inputs": sum(records[topic] for topic in INPUT_TOPICS),
            "decisions": records["decisions"],
            "outputs": sum(records[topic] for topic in OUTPUT_TOPICS),
            "dead_letters": records["dead-letters"],
            "recovered_seconds": [round(seconds, 1) for seconds in self.recovered],
            "exits": [f"{worker} {code}" for worker, code in self.exits],
            "forgotten_markers": [str(lost) for lost in self.markers.written] if self.markers else [],
        }

    def _logs(self) -> Iterator[Log]:
        return ((f"{self.prefix}{topic}", number) for topic in TOPICS for number in range(self.partitions))

    def _end_span(self) -> None:
        self._slowness = max(self._slowness, slowness())
        if self._since is not None:
            self._spans.append((self._since, now_ms()))
            self._since = None

    def _settings(self, name: str) -> Path:
        """A settings file of a worker: JSON's strings, numbers and booleans are TOML's."""
        sections: dict[str, Mapping[str, Any]] = {
            "kafka": {"bootstrap.servers": self._servers},
            "topics": {"partitions": self.partitions},
            "worker": {
                "group": f"{self.prefix}workers",
                "id": name,
                "port": 0,
                "data_dir": str(self.folder / name),
                "session_timeout_ms": SESSION_TIMEOUT_MS,
                **self._worker_settings,
            },
        }
        for section, values in self._sections.items():
            sections[section] = {**sections.get(section, {}), **values}
        for name_of_it, procedure in self.procedures.items():
            told = {
                field: given for field, given in procedure._asdict().items() if field != "name" and given is not None
            }
            sections[f"procedures.{name_of_it}"] = told
        lines = [f"prefix = {json.dumps(self.prefix)}"]
        for section, values in sections.items():
            lines += [f"[{section}]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items())]
        path = self.folder / f"{name}.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def nothing() -> None:
    """What is done meanwhile, where nothing need be."""


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000
