"""A short form of `tests.faults.fuzz`: any records past worker, sink, and the commands that read the topics."""

from __future__ import annotations

from pathlib import Path

from ronde.local.kafka import Kafka
from service.postgres_settings import PostgresSettings
from tests.faults.fuzz import running


def test_no_record_ends_anybody_and_each_has_one_end(
    kafka: Kafka, database: PostgresSettings, tmp_path: Path, seed: int, is_soak: bool
) -> None:
    postgres = {name: getattr(database, name) for name in ("host", "port", "database", "user")}
    with running(kafka.bootstrap_servers, postgres, tmp_path, seed) as fuzz:
        fuzz.start()
        for _ in range(20 if is_soak else 1):
            fuzz.round(200 if is_soak else 60)
        assert fuzz.ends["decided"]
        assert fuzz.ends["dead_lettered"]
