"""The process without a broker: how it reads."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from schemas.contract.topics import RECEIVED_BYTES
from seal import keys, sealing
from seal.settings import SealConfiguration, SealSettings
from service.postgres_settings import PostgresSettings

LONGEST = 8


@pytest.fixture
def configuration(tmp_path: Path) -> SealConfiguration:
    settings = SealSettings(key_file=tmp_path / "seal.pem", longest_pause_seconds=LONGEST)
    keys.create(settings.key_file)
    kafka = {"bootstrap.servers": "127.0.0.1:1"}
    return SealConfiguration(settings, "none.", "none", 1, kafka, PostgresSettings(), None)


def test_it_takes_what_unpacks_to_more_than_a_client_takes_by_itself(
    monkeypatch: pytest.MonkeyPatch, configuration: SealConfiguration
) -> None:
    consumer = Mock()
    monkeypatch.setattr(sealing, "Consumer", consumer)
    sealing.Sealing(configuration, Mock(last_head=lambda: None))
    assert consumer.call_args.args[0]["receive.message.max.bytes"] == RECEIVED_BYTES
