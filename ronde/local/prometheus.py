"""A Prometheus on this machine that scrapes the workers' and the sink's usual ports: `ronde local up --observe`.

It is the one that is installed (Debian's package `prometheus`, or what `make tools` brings); nothing is fetched. Of a
checkout, the alerts of the chart are loaded. Everything lies in its data folder: ``prometheus.yml`` (written anew at
each start), ``port.json``, ``process.json`` (while it runs), ``logs/``, ``data/``. It listens on the loopback address.
"""

from __future__ import annotations

import json
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from ronde.errors import Failed
from ronde.local.lock import alone
from ronde.local.ports import HOST, free_port
from ronde.local.process import Process

USUAL_PORT: Final = 9090
TARGETS: Final = (f"{HOST}:6066", f"{HOST}:6067")  # where a worker and a sink have their pages, unless told otherwise
RULES: Final = Path(__file__).parents[2] / "deploy" / "helm" / "ronde" / "alerts"
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 30.0  # then it is killed

State: TypeAlias = Literal["running", "paused", "stopped"]

EVERY: Final = "5s"  # a scrape, and a look at the alerts: short, for whoever tries things out


def program() -> str | None:
    """The Prometheus that is installed; None when there is none."""
    return shutil.which("prometheus")


class Prometheus:
    """One server in ``data_dir``; the object may come and go, the server stays.

    ``targets`` (host:port) are scraped. ``port`` is where it is asked (default: the one used before, else 9090, else
    any free one).
    """

    def __init__(self, data_dir: Path, *, targets: Sequence[str] = TARGETS, port: int | None = None) -> None:
        self.folder = data_dir.absolute()
        self.logs = self.folder / "logs"
        self.log = self.logs / "server.log"
        self.data = self.folder / "data"
        self._targets = targets
        self._wanted_port = port
        self._process = Process(self.folder / "process.json")

    @property
    def pid(self) -> int | None:
        """The server's pid while it runs or is paused, else None."""
        return self._process.pid

    @property
    def state(self) -> State:
        """Whether it runs."""
        return "stopped" if self.pid is None else "paused" if self._process.is_paused else "running"

    @property
    def port(self) -> int | None:
        """Where it is asked; None before the first start."""
        try:
            port: int = json.loads((self.folder / "port.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return port

    @property
    def url(self) -> str:
        """Its address for browsers. Raises `Failed` when it never ran, so that it has no port yet."""
        if self.port is None:
            raise Failed(f"the local Prometheus in {self.folder} was never started: it has no address yet")
        return f"http://{HOST}:{self.port}"

    def start(self) -> bool:
        """Start it and wait until it is ready; False when it ran already.

        Raises `Failed` when none is installed, or it ends or is not ready in time.
        """
        with alone(self.folder / "starting.lock"):
            if self.pid is not None:
                return False
            installed = program()
            if installed is None:
                raise Failed("Prometheus is not installed: install the package `prometheus`, or do `make tools`")
            self.logs.mkdir(parents=True, exist_ok=True)
            port = self._wanted_port or free_port(self.port or USUAL_PORT)
            (self.folder / "port.json").write_text(json.dumps(port), encoding="utf-8")
            configuration = self.folder / "prometheus.yml"
            # JSON is YAML.
            configuration.write_text(json.dumps(self._configuration(), indent=2) + "\n", encoding="utf-8")
            command = [
                installed,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={self.data}",
                f"--web.listen-address={HOST}:{port}",
            ]
            self._process.start(command, cwd=self.folder, output=self.log)
            try:
                self._wait_ready()
            except BaseException:  # an interrupt too leaves nothing behind
                self.stop()
                raise
            return True

    def stop(self) -> bool:
        """End it, or kill it when that takes too long; False when it did not run."""
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

    def _configuration(self) -> dict[str, object]:
        rules = [str(RULES / "*.yaml")] if RULES.is_dir() else []
        scraped = [{"job_name": "ronde", "static_configs": [{"targets": list(self._targets)}]}]
        every = {"scrape_interval": EVERY, "evaluation_interval": EVERY, "scrape_timeout": EVERY}
        return {"global": every, "rule_files": rules, "scrape_configs": scraped}

    def _wait_ready(self) -> None:
        give_up = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.pid is None:
                code = self._process.exit_code
                raise Failed(
                    f"the local Prometheus ended while it started (exit {code}), see {self.log}: {self._end()}"
                )
            if time.monotonic() > give_up:
                raise Failed(
                    f"the local Prometheus was not ready in {START_SECONDS:.0f} s, see {self.log}: {self._end()}"
                )
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):  # noqa: S310 - our own address
                return True
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def _end(self) -> str:
        """The end of what it said, in one line."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"
