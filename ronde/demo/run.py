"""The demonstration from start to end, and the cleanup of everything it started."""

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.text import Text

from edges.panel.dialler import Way
from ronde.demo import desk, evidence, portal, report, report_frames
from ronde.demo.interrupts import Interrupts
from ronde.demo.panels import Delivery, Panels, import_transmitters, shipped
from ronde.demo.play import last_ends, play
from ronde.demo.processes import Child
from ronde.demo.screen import LiveTable, PlainLines
from ronde.demo.stage import (
    DESK,
    FOLDER,
    PARTNERS,
    PORTAL,
    PROCESSES,
    RECEIVER,
    SINK,
    WEBHOOK,
    WORKER,
    Stage,
    keep_metrics,
    make_folder,
    prepare,
    start,
    wait_until_ready,
    with_ledger,
    with_webhook,
)
from ronde.demo.stories import STORIES
from ronde.demo.watch import SILENT, TopicWatch, read_inputs
from ronde.input_files.loading import load as load_lines
from ronde.input_files.site_lines import SiteLines
from ronde.local import jars, postgres_binaries
from ronde.local.kafka import Kafka
from ronde.local.ports import HOST
from ronde.local.postgres import Postgres
from ronde.local.progress import fetch_kafka, fetch_postgres, step
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.whole_settings import WholeSettings
from ronde.views.site_timeline.board import Board
from schemas.contract.topics import TOPICS
from service.clock import now_ms
from sinks.forget import erasures
from streams.kafka import topics
from streams.settings import SettingsError, load

DELETE_SECONDS: Final = 10.0
SITES_SECONDS: Final = 20.0


def demonstrate(console: Console, *, keep: bool, kafka: str | None) -> None:
    """Play every story and report the result.

    ``kafka`` (host:port) is a running one; None: a local one, stopped at the end unless ``keep``. PostgreSQL is always
    local. Raises `Failed` when a story did not end as planned, when a part did not start or ended too early, and when
    it is interrupted. By then everything it started has ended, except the servers to ``keep``.
    """
    with Interrupts() as interrupts, ExitStack() as stack:
        try:
            _Demonstration(console, stack, interrupts, keep=keep).run(kafka)
        except KeyboardInterrupt:
            raise Failed("interrupted before the stories were over") from None
        except (KafkaException, topics.TopicsError) as error:
            raise Failed(f"Kafka: {error}") from error
        except SettingsError as error:
            raise WrongUse(str(error)) from error
        finally:
            interrupts.ignore()
            with console.status("ending what was started …"):
                stack.close()


class _Demonstration:
    """One run of the demonstration. Everything it starts is on the exit stack before another step can fail."""

    def __init__(self, console: Console, stack: ExitStack, interrupts: Interrupts, *, keep: bool) -> None:
        self._console, self._stack, self._interrupts, self._keep = console, stack, interrupts, keep
        self._began = time.monotonic()

    def run(self, kafka: str | None) -> None:
        """Run all steps in order."""
        stage = prepare(self._local_kafka() if kafka is None else kafka)
        # Beside somebody else's Kafka nothing is held, so that two may run at once: each with a server of its own.
        server = self._local_postgres(FOLDER if kafka is None else stage.folder, stage)
        stage = desk.with_desk(with_webhook(with_ledger(stage, HOST, server.port or 0)))
        try:
            self._create_topics(stage)
            wrong = self._perform(stage, self._start(stage))
        finally:
            report.print_whereabouts(
                self._console, stage, server.folder.parent, keep=self._keep, is_local=kafka is None
            )
        if wrong:
            raise Failed(f"{' and '.join(wrong)}: see above")
        seconds = time.monotonic() - self._began
        self._console.print(Text(f"✓ all {len(STORIES)} stories ended as told, in {seconds:.0f} s", "bold green"))

    def _perform(self, stage: Stage, children: list[Child]) -> list[str]:
        """Play the stories and report; return the faults."""
        board = Board()
        watch = self._stack.enter_context(closing(TopicWatch(stage.kafka, stage.prefix, board)))
        panels = self._stack.enter_context(closing(Panels(Way(HOST, stage.receiver_port), shipped())))
        self._import_sites(stage)
        sites = self._configure_site(stage, children)
        self._wait_until_ready(stage, children, watch, board, sites)
        sent, answer = self._play(stage, panels, watch, board, children)
        inputs = last_ends(stage, watch, board)
        signals, claims, events = (
            list(read_inputs(stage.kafka, stage.prefix, topic).values()) for topic in ("signals", "claims", "desk-log")
        )
        keep_metrics(stage)
        incident = evidence.read_incident(stage, board, children[-1])
        for child in children:
            child.ask_to_stop()  # they end while the report is printed
        report.print_timelines(self._console, board, inputs)
        missed = report.print_missed(self._console, board)
        recorded = report_frames.print_frames(self._console, sent, signals, inputs)
        balanced = report.print_sum(self._console, board, inputs, sites)
        answered = desk.print_answer(self._console, answer, claims, events, inputs)
        if incident is not None:
            evidence.show(self._console, stage, incident)
        wrong = [f"the stories of {', '.join(missed)} did not end as told"] if missed else []
        wrong += [] if recorded else ["the sum of the frames is not right"]
        wrong += [] if answered else [f"the answer to {desk.ANSWERED} is not as the desk gave it"]
        return wrong if balanced else [*wrong, "the sum of the inputs is not right"]

    def _local_kafka(self) -> str:
        self._stack.enter_context(_only_one())
        broker = Kafka(FOLDER / "kafka")
        fetch_kafka()
        with step(self._console, "starting Kafka") as done:
            if broker.pid is None and not self._keep:
                self._stack.callback(broker.stop)
            with self._interrupts.held():
                started = broker.start()
            done.append(f"Kafka {jars.VERSION} {'runs' if started else 'ran already'} at {broker.bootstrap_servers}")
        return broker.bootstrap_servers

    def _local_postgres(self, data: Path, stage: Stage) -> Postgres:
        server = Postgres(data / "postgres")
        fetch_postgres(self._console)
        with step(self._console, "starting PostgreSQL") as done:
            if server.pid is None and not self._keep:
                if data == stage.folder:  # logs are worth keeping, an empty server is not
                    self._stack.callback(shutil.rmtree, server.data, ignore_errors=True)
                self._stack.callback(server.stop)
            with self._interrupts.held():
                started = server.start()
            evidence.create_database(server, stage.folder.name)
            if not self._keep:
                self._stack.callback(evidence.drop_database, server, stage.folder.name)
            done.append(
                f"PostgreSQL {postgres_binaries.VERSION} {'runs' if started else 'ran already'} at {server.address}"
            )
        return server

    def _create_topics(self, stage: Stage) -> None:
        with step(self._console, "creating topics") as done:
            with self._interrupts.held():
                made = topics.create(load(stage.settings, {}, WholeSettings))
                if not self._keep:
                    self._stack.callback(_delete_topics, stage)
            done.append(f"{len(made)} topics with the prefix {stage.prefix}")

    def _start(self, stage: Stage) -> list[Child]:
        """Start the processes; they get ready while the sites are imported."""
        children = []
        for name in (*PROCESSES, PORTAL, WEBHOOK, PARTNERS, DESK, SINK):
            if name == RECEIVER:  # ready once it has read what is there
                self._import_transmitters(stage)
            with self._interrupts.held():
                children.append(start(stage, name))
                self._stack.callback(children[-1].stop)
        return children

    def _import_transmitters(self, stage: Stage) -> None:
        with step(self._console, "importing transmitters") as done:
            done.append(f"{import_transmitters(load(stage.settings, {}, WholeSettings))} transmitters imported")

    def _import_sites(self, stage: Stage) -> None:
        with step(self._console, "importing sites") as done:
            sites = SiteLines(portal.others())
            loaded = load_lines(sites, load(stage.settings, {}, WholeSettings), "sites")
            assert not sites.bad, "the demonstration's own sites are sites"
            done.append(f"{loaded} sites imported")

    def _configure_site(self, stage: Stage, children: list[Child]) -> int:
        """Configure one site as its customer does; return how many records of sites there are then."""
        with step(self._console, f"configuring {portal.CONFIGURED} by the portal's API") as done:
            [process] = [child for child in children if child.name == PORTAL]
            wait_until_ready(stage, [process])
            revisions = portal.configure(stage)
            process.wait_until(partial(portal.is_passed_on, stage), SITES_SECONDS, "did not pass the site on")
            done.append(f"{portal.CONFIGURED} configured by the portal's API, in {revisions} revisions")
        return len(read_inputs(stage.kafka, stage.prefix, "sites"))

    def _wait_until_ready(
        self, stage: Stage, children: list[Child], watch: TopicWatch, board: Board, sites: int
    ) -> None:
        with step(self._console, "waiting for all processes") as done:
            wait_until_ready(stage, children)

            def all_judged() -> bool:
                watch.look(0.05)
                return board.judged >= sites

            children[0].wait_until(all_judged, SITES_SECONDS, "did not judge every site")
            done.append("worker, receiver, sink, portal, partners, desk and others are ready")
        self._console.print(f"  the worker's metrics, while this runs: {stage.pages[WORKER]}/metrics", style="dim")
        for name in (RECEIVER, PORTAL, DESK, SINK):
            self._console.print(f"  the {name}'s: {stage.pages[name]}/metrics", style="dim")

    def _play(
        self, stage: Stage, panels: Panels, watch: TopicWatch, board: Board, children: list[Child]
    ) -> tuple[list[Delivery], desk.Answer]:
        self._console.print()
        started_at = now_ms()
        terminal = self._console.is_terminal
        screen = LiveTable(self._console, board, started_at) if terminal else PlainLines(self._console, started_at)
        with closing(desk.Operator(stage)) as operator:
            sent = play(panels, watch, board, screen, [*children, operator], started_at)
            return sent, operator.finish()


@contextmanager
def _only_one() -> Iterator[None]:
    """Lock the demonstration's folder: the first run to end would stop the other's Kafka. `Failed` if it is locked."""
    make_folder(FOLDER, may_exist=True)
    with (FOLDER / "running.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(
                f"another demonstration runs in {FOLDER}: let it end, or name another Kafka (--kafka)"
            ) from None
        yield


def _delete_topics(stage: Stage) -> None:
    """Delete the run's topics."""
    admin = AdminClient({"bootstrap.servers": stage.kafka}, logger=SILENT)
    for asked in admin.delete_topics(
        [stage.prefix + name for name in (*TOPICS, erasures.TOPIC.name)], operation_timeout=DELETE_SECONDS
    ).values():
        asked.exception()
