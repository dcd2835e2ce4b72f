"""A worker and a schema registry that is made again: no id of the old one is written once the new one answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.avro.errors import RegistryUnreachable
from streams.escalation.values import Readiness
from streams.settings import Settings, load
from streams.worker import registry_watch
from streams.worker.registry_watch import RegistryChangedError, RegistryWatch
from tests.faults.registry import Registry

READINESS = Readiness("S1", subscribed=True, ready=True, needs_attention=False, missing=(), warnings=(), at=0)


@pytest.fixture
def registry() -> Iterator[Registry]:
    served = Registry()
    yield served
    served.close()


@pytest.fixture
def settings(registry: Registry, tmp_path: Path) -> Settings:
    return load(None, {"RONDE_REGISTRY__URL": registry.url, "RONDE_WORKER__DATA_DIR": str(tmp_path)})


def header(watch: RegistryWatch) -> bytes:
    return watch.codec().encoders["readiness"](READINESS)[:5]


def run(watch: RegistryWatch, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[str]:
    """What ends the worker, if anything does in this time."""
    monkeypatch.setattr(registry_watch, "COMPARE_SECONDS", 0.01)
    monkeypatch.setattr(registry_watch, "CONFIRM_SECONDS", 0.01)
    ends: list[str] = []

    async def watching() -> None:
        try:
            await asyncio.wait_for(watch.run(lambda error: ends.append(str(error))), seconds)
        except TimeoutError:
            return

    asyncio.run(watching())
    return ends


def test_the_ids_of_a_start_are_those_that_the_registry_has_then(
    registry: Registry, settings: Settings, capsys: pytest.CaptureFixture[Any]
) -> None:
    assert header(RegistryWatch(settings)) == registry.header("readiness")
    registry.make_again(100)
    assert header(RegistryWatch(settings)) == registry.header("readiness")
    told = capsys.readouterr()
    assert "the schema registry was made again" in told.out + told.err


@pytest.mark.slow
def test_while_it_is_away_the_ids_of_before_are_used_and_compared_as_soon_as_it_answers(
    registry: Registry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = header(RegistryWatch(settings))
    registry.down = True
    watch = RegistryWatch(settings)
    assert header(watch) == before
    assert run(watch, monkeypatch, 0.3) == []
    registry.down = False
    assert run(watch, monkeypatch, 0.3) == []
    registry.make_again(100)
    (told,) = run(watch, monkeypatch, 5)
    assert "the id of Readiness under ronde.readiness-value is 109, and was 10" in told


def test_one_that_never_answered_is_waited_for(registry: Registry, settings: Settings) -> None:
    registry.down = True
    with pytest.raises(RegistryUnreachable):
        RegistryWatch(settings).codec()


def test_the_end_says_what_changed() -> None:
    assert "made again: schema 7 is another" in str(RegistryChangedError(["schema 7 is another schema than before"]))
