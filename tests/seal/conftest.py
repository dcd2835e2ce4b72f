"""A seal with a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ronde.shared.whole_settings import WholeSettings
from seal import keys
from service.postgres_settings import PostgresSettings
from streams.settings import load
from tests.conftest import MakeSettings, SettingsFile
from tests.seal.bench import Dossier, SealBench, resolved_night
from tests.streams.logbook import Logbook, seconds
from tests.support.topics import create_kept


@pytest.fixture
def house(
    settings: MakeSettings, settings_file: SettingsFile, database: PostgresSettings, tmp_path: Path
) -> tuple[WholeSettings, Path]:
    """Empty topics, and a key."""
    sections: dict[str, Any] = {
        "topics": {"partitions": 1},
        "postgres": {name: getattr(database, name) for name in ("host", "port", "database", "user")},
        "seal": {"key_file": str(tmp_path / "seal.pem"), "pages_port": 0, "longest_pause_seconds": 1},
    }
    file = settings_file(**sections)
    create_kept(settings(topics={"partitions": 1}))
    keys.create(tmp_path / "seal.pem")
    return load(file, {}, WholeSettings), file


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
