"""The demonstration's stories, played on the broker of the tests and watched by a real Prometheus."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import yaml
from rich.console import Console

from edges.panel.dialler import Way
from ronde.demo import stage as staging
from ronde.demo.panels import Panels, import_transmitters, shipped
from ronde.demo.play import last_ends, play
from ronde.demo.processes import Child
from ronde.demo.screen import PlainLines
from ronde.demo.watch import TopicWatch
from ronde.input_files.loading import load as load_lines
from ronde.input_files.site_lines import SiteLines
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from ronde.views.site_timeline.board import Board
from seal import keys
from service.clock import now_ms
from streams.kafka import topics
from streams.settings import load
from tests.deploy.tools import ROOT

RULES: Final = ROOT / "deploy" / "helm" / "ronde" / "alerts"
OTHERS: Final = ("sink", "desk", "portal", "watchdog", "seal")  # what the demonstration may do without
PATIENCE: Final = 120.0  # seconds; nothing takes so long unless it is broken


class Prometheus:
    """A Prometheus that looks every second; ``folder`` has all that the night left."""

    def __init__(self, program: Path, folder: Path, targets: Sequence[str]) -> None:
        self.folder = folder
        self.url = f"http://{HOST}:{free_port()}"
        configuration = folder / "prometheus.yml"
        configuration.write_text(
            yaml.safe_dump(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(RULES / "*.yaml")],
                    "scrape_configs": [{"job_name": "ronde", "static_configs": [{"targets": list(targets)}]}],
                }
            ),
            encoding="utf-8",
        )
        with (folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    program,
                    f"--config.file={configuration}",
                    f"--storage.tsdb.path={folder / 'prometheus'}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                ],
                stdout=log,
                stderr=log,
            )

    def get(self, page: str, **parameters: str) -> Any:
        """What a page of its API says."""
        answer = httpx.get(f"{self.url}/api/v1/{page}", params=parameters, timeout=30).json()
        assert answer["status"] == "success", (parameters, answer)
        return answer["data"]

    def ask(self, query: str) -> dict[str, float]:
        """The values of a query now, by their labels."""
        result = self.get("query", query=query)["result"]
        return {str(sorted(one["metric"].items())): float(one["value"][1]) for one in result}

    def wait_for(self, query: str) -> None:
        """Wait until a query has a value."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                if self.ask(query):
                    return
            except (httpx.HTTPError, ValueError):  # it starts
                pass
            assert time.monotonic() < end, query
            time.sleep(0.1)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE)


@contextmanager
def played(program: Path, kafka: str, postgres: Postgres, folder: Path) -> Iterator[Prometheus]:
    """The stories are over, the last scrape has seen it, and everything still runs."""
    stage = staging.prepare(kafka)
    sink, desk, portal, watchdog, seal = (f"{HOST}:{free_port()}" for _ in range(5))
    portal_port = free_port()
    with stage.settings.open("a", encoding="utf-8") as settings:
        settings.write(
            f'\n[sink]\ngroup = "{stage.prefix}sinks"\nport = {sink.rpartition(":")[2]}\n'
            f'[desk]\nport = 0\npages_port = {desk.rpartition(":")[2]}\ndata_dir = "{stage.folder / "desk"}"\n'
            f"[portal]\nport = {portal_port}\npages_port = {portal.rpartition(':')[2]}\n"
            f'data_dir = "{stage.folder / "portal"}"\n'
            '[web]\nsession_key = "what the sessions of this night are signed with"\n'
            f'[watchdog]\npages_port = {watchdog.rpartition(":")[2]}\ndata_dir = "{stage.folder / "watchdog"}"\n'
            f'[seal]\npages_port = {seal.rpartition(":")[2]}\nkey_file = "{stage.folder / "seal.pem"}"\n'
            f'[postgres]\nhost = "{HOST}"\nport = {postgres.port}\n'
        )
    with ExitStack() as stack:
        topics.create(settings_of(stage))
        import_transmitters(settings_of(stage))
        keys.create(settings_of(stage).seal.key_file)
        prometheus = Prometheus(
            program,
            folder,
            [*map(_target, stage.pages.values()), sink, desk, portal, watchdog, seal],
        )
        stack.callback(prometheus.close)
        children = [staging.start(stage, name) for name in (*staging.PROCESSES, *OTHERS)]
        for child in children:
            stack.callback(child.stop)
        _play(stage, children[: len(staging.PROCESSES)], stack)
        prometheus.wait_for("ronde_ready == 1")
        prometheus.wait_for("ronde_sink_ready == 1")
        prometheus.wait_for("ronde_receiver_ready == 1")
        prometheus.wait_for("ronde_desk_ready == 1")
        prometheus.wait_for("ronde_portal_ready == 1")
        prometheus.wait_for("ronde_watchdog_ready == 1")
        prometheus.wait_for("ronde_seal_head_made_at_seconds > 0")
        assert httpx.get(f"http://{HOST}:{portal_port}/openapi.json", timeout=PATIENCE).is_success  # it answers
        prometheus.wait_for("sum(increase(ronde_portal_request_seconds_count[1m])) > 0")
        prometheus.wait_for("sum(ronde_desk_first_calls) > 0")
        prometheus.wait_for("sum(ronde_input_lag_records) == 0")
        prometheus.wait_for("sum(ronde_sink_lag_records) == 0")
        yield prometheus


def _target(page: str) -> str:
    return page.removeprefix("http://")


def settings_of(stage: staging.Stage) -> Any:
    """The settings that a worker reads; those of the sink are of another command."""
    from ronde.shared.whole_settings import WholeSettings  # noqa: PLC0415 - heavy

    return load(stage.settings, {}, WholeSettings)


def _play(stage: staging.Stage, children: list[Child], stack: ExitStack) -> None:
    board = Board()
    watch = stack.enter_context(closing(TopicWatch(stage.kafka, stage.prefix, board)))
    panels = stack.enter_context(closing(Panels(Way(HOST, stage.receiver_port), shipped())))
    with staging.SITES.open("rb") as lines:
        sites = load_lines(SiteLines(lines), settings_of(stage), "sites")
    staging.wait_until_ready(stage, children)

    def all_judged() -> bool:
        watch.look(0.05)
        return board.judged >= sites

    children[0].wait_until(all_judged, PATIENCE, "did not judge every site")
    started_at = now_ms()
    play(panels, watch, board, PlainLines(Console(file=sys.stderr, width=120), started_at), children, started_at)
    last_ends(stage, watch, board)
