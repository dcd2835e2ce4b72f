"""A schema registry that is away, or knows nothing: the desk shows what it can, and waits for nobody else."""

from __future__ import annotations

import threading
from typing import Any
from unittest.mock import Mock

import pytest

from schemas.avro.errors import RegistryUnreachable, SchemaNotFound
from tests.edges.desk.floor import code
from tests.edges.desk.memory import Floor, MemoryDesk, called
from tests.machine import stretched

pytestmark = pytest.mark.asyncio


async def test_a_registry_that_hangs_holds_nothing_up(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = desk.alarm()
    gives_up = threading.Event()
    asked: list[bytes] = []

    def ask(data: bytes) -> Any:
        asked.append(data)
        gives_up.wait(stretched(30))
        raise RegistryUnreachable

    with monkeypatch.context() as patch:
        patch.setitem(desk.records._decoders, "alerts", ask)
        with patch.context() as brief:
            brief.setattr("edges.desk.dossier.READ_SECONDS", 0.1)
            for _ in range(2):  # the second asks no second time
                shown = await floor.ann.http.get(f"/v1/incidents/{incident}")
                assert (shown.status_code, shown.json()["is_partial"]) == (200, True)
        assert len(asked) == 1
        patch.setattr("edges.desk.dossier.READ_SECONDS", stretched(30))
        gives_up.set()
        (asking,) = desk.records._asking.values()
        await asking
        shown = await floor.ann.http.get(f"/v1/incidents/{incident}")
        assert (shown.status_code, shown.json()["is_partial"]) == (200, True)
    shown = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()
    assert (shown["is_partial"], shown["alerts"][0]["kind"]) == (False, "INTRUSION")


async def test_a_registry_that_hangs_for_a_decision_is_no_error(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = desk.alarm()
    assert (await floor.ann.http.get(f"/v1/incidents/{incident}")).status_code == 200  # the site is at hand from now on
    desk.records._known.clear()
    monkeypatch.setattr("edges.desk.deadline.CONFIRM_SECONDS", 0.1)
    gives_up = threading.Event()
    with monkeypatch.context() as patch:
        patch.setitem(desk.records._decoders, "decisions", lambda _: gives_up.wait(stretched(30)))
        refused = await floor.ann.http.get(f"/v1/incidents/{incident}")
    assert (refused.status_code, code(refused)) == (503, "UNCONFIRMED")
    (asking,) = desk.records._asking.values()
    gives_up.set()
    await asking
    desk.records._known.clear()  # what stood in the reader's place learned nothing
    monkeypatch.undo()
    assert (await floor.ann.http.get(f"/v1/incidents/{incident}")).status_code == 200


async def test_a_schema_that_nobody_knows_hides_its_record_alone(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = desk.alarm()
    monkeypatch.setitem(desk.records._decoders, "alerts", Mock(side_effect=SchemaNotFound))
    for _ in range(2):
        shown = (await floor.ann.http.get(f"/v1/incidents/{incident}")).json()
        assert (shown["is_partial"], shown["alerts"][0]["kind"]) == (False, None)


async def test_what_a_registry_that_is_away_hides_is_learned_later(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = desk.state.incidents[(await called(desk, floor)).partition("-")[0]]
    desk.alarm(kind="HOLD_UP", alert_id="A2")
    with monkeypatch.context() as patch:
        patch.setitem(desk.records._decoders, "alerts", Mock(side_effect=RegistryUnreachable))
        await desk.merged.fetch(0)
    assert desk.state.unlearned == [{incident.id}]
    await desk.merged.fetch(0)
    assert incident.kinds == ("INTRUSION", "HOLD_UP")
