"""What a process is built from and what it uses, as metrics."""

from __future__ import annotations

import platform
from importlib.metadata import version

from confluent_kafka import libversion
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector


def add_build_info(registry: CollectorRegistry, what: str) -> None:
    """Add the versions of ronde, Python and librdkafka that ``what`` has; its own memory, processor time and start."""
    build = Gauge(
        "ronde_build_info",
        f"1: what this {what} is built from.",
        ("version", "python", "librdkafka"),
        registry=registry,
    )
    build.labels(version("ronde"), platform.python_version(), libversion()[0]).set(1)
    ProcessCollector(registry=registry)
