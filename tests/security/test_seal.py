"""`ronde seal` with the rights of its role."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from ronde.shared.whole_settings import WholeSettings
from schemas.avro.records import encode
from seal import keys
from seal.store import Store, connect
from service.postgres_settings import PostgresSettings
from streams.settings import load
from tests.kafka.world import World
from tests.seal.test_seal import seal_once
from tests.security.conftest import House
from tests.security.test_acl import REQUEST


def test_it_reads_as_the_group_of_its_role(
    house: House, world: World, database: PostgresSettings, tmp_path: Path
) -> None:
    keys.create(tmp_path / "seal.pem")
    file = house.file(
        house.admit("seal"),
        postgres={name: getattr(database, name) for name in ("host", "port", "database", "user")},
        seal={"key_file": str(tmp_path / "seal.pem"), "pages_port": 0},
    )
    world.put("dispatches", encode("DispatchCommand", REQUEST), "S1")
    with capture_logs() as logged:
        seal_once(load(file, {}, WholeSettings))
    with connect(database) as connection:
        assert sum(tree.size for tree in Store(connection).trees().values()) == 1
    assert [line["event"] for line in logged] == ["head signed"]
