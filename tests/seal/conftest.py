"""A seal with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.postgres_settings import PostgresSettings
from tests.seal.bench import Dossier, SealBench, resolved_night
from tests.streams.logbook import Logbook, seconds


@pytest.fixture
def bench(database: PostgresSettings) -> Iterator[SealBench]:
    made = SealBench(database)
    yield made
    made.close()


@pytest.fixture
def night() -> Logbook:
    return resolved_night()


@pytest.fixture
def sealed(bench: SealBench, night: Logbook, tmp_path: Path) -> Dossier:
    """A dossier of three heads: an empty one, one amid the incident, one behind it."""
    bench.head(seconds(0))
    bench.seal(record for log in night.logs.values() for record in log if record.timestamp < seconds(100))
    bench.head(seconds(100))
    bench.book(night, head=False)
    bench.head(seconds(1000))
    return bench.dossier(night, tmp_path / "dossier")
