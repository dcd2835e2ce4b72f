"""A broker of a test's own making; and those that tests stop, kill or freeze."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka

# For one that nobody kills: half as busy while it has nothing to do, and not taken for dead on a busy machine.
CALM: Final = {
    "broker.heartbeat.interval.ms": "1000",
    "broker.session.timeout.ms": "10000",
    "metadata.max.idle.interval.ms": "0",
}
_PATIENT: Final = {**CALM, "broker.session.timeout.ms": "600000"}


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that tests may do anything to, so long as they leave it running."""
    yield from node(tmp_path_factory.mktemp("faulty"))


@pytest.fixture(scope="session")
def patient_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that tests may freeze beside an engine; a killed one would be long in coming back.

    Its controller, the same process, does not count it as dead when both wake up. A lone broker that was counted as
    dead forgets markers of transactions (docs/reliability.md §3), and nobody reads past where they are missing.
    """
    yield from node(tmp_path_factory.mktemp("patient"), _PATIENT)


def node(folder: Path, properties: Mapping[str, str] = MappingProxyType({})) -> Iterator[Kafka]:
    """Start a broker in a folder, on a port of its own; killed at the end. Its logs stay, to look into a failure."""
    from ronde.local.kafka import Kafka  # noqa: PLC0415 - heavy
    from ronde.local.ports import free_port  # noqa: PLC0415 - heavy

    made = Kafka(folder, port=free_port(), extra_properties=properties)
    try:
        made.start()
        yield made
    finally:
        made.kill()  # nobody needs what it would bring in order
        shutil.rmtree(made.folder / "data", ignore_errors=True)
