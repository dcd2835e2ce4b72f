"""A broker for tests that stop, kill or freeze it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker that tests may do anything to, so long as they leave it running."""
    from ronde.local.kafka import Kafka  # noqa: PLC0415 - heavy
    from ronde.local.ports import free_port  # noqa: PLC0415 - heavy

    node = Kafka(tmp_path_factory.mktemp("faulty"), port=free_port())
    try:
        node.start()
        yield node
    finally:
        node.kill()  # nobody needs what it would bring in order
        shutil.rmtree(node.folder / "data", ignore_errors=True)
