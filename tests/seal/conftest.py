"""A seal with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.postgres_settings import PostgresSettings
from tests.seal.bench import SealBench


@pytest.fixture
def bench(database: PostgresSettings) -> Iterator[SealBench]:
    made = SealBench(database)
    yield made
    made.close()
