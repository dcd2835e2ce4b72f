"""Brokers for tests that stop, kill or freeze them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka

_PATIENT: Final = {"broker.session.timeout.ms": "600000"}


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that tests may do anything to, so long as they leave it running."""
    yield from _node(tmp_path_factory, {})


@pytest.fixture(scope="session")
def patient_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that tests may freeze beside an engine; a killed one would be long in coming back.

    Its controller, the same process, does not count it as dead when both wake up. A lone broker that was counted as
    dead forgets markers of transactions (docs/reliability.md §3), and nobody reads past where they are missing.
    """
    yield from _node(tmp_path_factory, _PATIENT)


def _node(tmp_path_factory: pytest.TempPathFactory, properties: Mapping[str, str]) -> Iterator[Kafka]:
    from ronde.local.kafka import Kafka  # noqa: PLC0415 - heavy
    from ronde.local.ports import free_port  # noqa: PLC0415 - heavy

    node = Kafka(tmp_path_factory.mktemp("faulty"), port=free_port(), extra_properties=properties)
    try:
        node.start()
        yield node
    finally:
        node.kill()  # nobody needs what it would bring in order
        shutil.rmtree(node.folder / "data", ignore_errors=True)
