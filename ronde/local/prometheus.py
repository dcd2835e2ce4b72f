"""A Prometheus on this machine that scrapes the usual ports of all processes: `ronde local up --observe`.

It is the one that is installed (Debian's package `prometheus`, or what `make tools` brings); nothing is fetched. Of a
checkout, the alerts of the chart are loaded. Its folder is that of every `Server`, with ``prometheus.yml``.
"""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ronde.local.ports import HOST
from ronde.local.server import Server
from ronde.shared.errors import Failed

TARGETS: Final = tuple(
    f"{HOST}:{port}" for port in (6066, 6067, 6068, 6090, 6091, 6092, 6093, 6094)
)  # the pages of worker, sink, receiver, desk, portal, partners, watchdog, seal by default
RULES: Final = Path(__file__).parents[2] / "deploy" / "helm" / "ronde" / "alerts"
TOOLS: Final = Path(__file__).parents[2] / ".tools" / "bin"  # where `make tools` puts it
EVERY: Final = "5s"  # a scrape, and a look at the alerts: short, for trying things out


def program() -> str | None:
    """The Prometheus that is installed; None when there is none."""
    return shutil.which("prometheus") or shutil.which("prometheus", path=TOOLS)


class Prometheus(Server):
    """A Prometheus server, with all that is its own in ``data_dir``; it scrapes ``targets`` (host:port)."""

    title = "Prometheus"
    usual_port = 9090

    def __init__(self, data_dir: Path, *, targets: Sequence[str] = TARGETS, port: int | None = None) -> None:
        super().__init__(data_dir, port)
        self._targets = targets

    @property
    def url(self) -> str:
        """Its address for browsers; raises as ``address`` does."""
        return f"http://{self.address}"

    def _prepare(self) -> Sequence[str]:
        installed = program()
        if installed is None:
            raise Failed("Prometheus is not installed: install the package `prometheus`, or do `make tools`")
        configuration = self.folder / "prometheus.yml"
        # JSON is YAML.
        configuration.write_text(json.dumps(self._configuration(), indent=2) + "\n", encoding="utf-8")
        return [
            installed,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self.data}",
            f"--web.listen-address={self.address}",
        ]

    def _configuration(self) -> dict[str, object]:
        rules = [str(RULES / "*.yaml")] if RULES.is_dir() else []
        scraped = [{"job_name": "ronde", "static_configs": [{"targets": list(self._targets)}]}]
        every = {"scrape_interval": EVERY, "evaluation_interval": EVERY, "scrape_timeout": EVERY}
        return {"global": every, "rule_files": rules, "scrape_configs": scraped}

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):  # noqa: S310 - our own address
                return True
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False
