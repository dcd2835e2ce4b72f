"""Real worker processes, to be killed, stopped and started."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil
from prometheus_client.parser import text_string_to_metric_families

from streams.runtime import faults
from tests.machine import stretched
from tests.support.ronde_process import RONDE, RondeProcess
from tests.support.waiting import PATIENCE

TERMINATE_SECONDS: Final = 8.0


class Worker(RondeProcess):
    """One `ronde worker`, through all its lives."""

    def __init__(self, name: str, settings: Path, folder: Path, python: Sequence[str] = RONDE) -> None:
        super().__init__(name, ["worker", "--settings", settings], folder / f"{name}.log", python)

    def start(
        self, environment: Mapping[str, str] | None = None, *, fault: str | None = None, when: Path | None = None
    ) -> None:
        """Begin a life; ``fault`` and ``when`` are those of `streams.runtime.faults`."""
        environ = dict(environment or {})
        if fault:
            environ[faults.VARIABLE] = fault
        if when:
            environ[faults.WHEN] = str(when)
        super().start(environ)

    def stop(self, seconds: float | None = None) -> int:
        """SIGTERM, which takes a moment; the exit code."""
        return super().stop(seconds or stretched(TERMINATE_SECONDS))

    def counted(self) -> Counter[tuple[str, str, str]]:
        """The inputs that it counts in this life: what was counted, topic and partition."""
        text = self.page("metrics")[1]
        found: Counter[tuple[str, str, str]] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.startswith("ronde_inputs") and sample.name.endswith("_total"):
                    what = sample.name.removesuffix("_total").removeprefix("ronde_inputs").lstrip("_")
                    found[what or "taken", sample.labels["topic"], sample.labels["partition"]] += int(sample.value)
        return found

    def wait_stopped(self, seconds: float = PATIENCE) -> None:
        """Wait until it is stopped (SIGSTOP)."""
        give_up = time.monotonic() + seconds
        while psutil.Process(self.process.pid).status() != psutil.STATUS_STOPPED:
            assert self.is_alive, f"{self.name} ended (exit {self.exit_code}):\n{self.tail()}"
            assert time.monotonic() < give_up, f"{self.name} does not stop in {seconds:.0f} s:\n{self.tail()}"
            time.sleep(0.02)
