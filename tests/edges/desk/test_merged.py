"""Alerts that were merged during a call: the engine commands nothing, and yet the desk must know what they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from edges.desk.incident import Incident
from edges.desk.merged import MergedKinds
from edges.desk.state import DeskState
from edges.kafka.errors import KafkaAwayError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.web.values import write_instant
from tests.edges.desk.floor import code
from tests.edges.desk.memory import Floor, MemoryDesk, Worker, called, now_ms

if TYPE_CHECKING:
    from edges.desk.records import Records

pytestmark = pytest.mark.asyncio


async def _close(worker: Worker, incident: Incident) -> tuple[int, str | None]:
    body = {"reason": "r", "key": "k1", "seen_version": incident.version, "at": write_instant(now_ms())}
    answer = await worker.http.post(f"/v1/incidents/{incident.id}/close", json=body)
    return answer.status_code, code(answer) if answer.status_code != 202 else None


async def test_a_hold_up_during_a_call_makes_it_urgent(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    incident = command.partition("-")[0]
    desk.scene.event(0, "UNDELIVERED", f"{incident}-d1-cancel", None, incident)
    desk.alarm(kind="HOLD_UP", alert_id="A2")
    desk.alarm(kind="TAMPER", alert_id="A3")
    await desk.merged.fetch(0)
    desk.catch_up()
    items = (await floor.ann.http.get("/v1/work")).json()
    assert {item["subject"]: item["urgency"] for item in items} == {command: 1, f"{incident}-d1-cancel": 1}
    assert [item["alert_kinds"] for item in items] == [["INTRUSION", "HOLD_UP", "TAMPER"]] * 2


async def test_only_a_supervisor_closes_a_call_that_a_hold_up_joined(
    desk: MemoryDesk, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = await called(desk, floor)
    desk.alarm(kind="HOLD_UP", alert_id="A2")
    incident = desk.state.incidents[command.partition("-")[0]]

    async def away(*_: object) -> None:
        raise KafkaAwayError

    with monkeypatch.context() as patch:  # nobody can say what was merged
        patch.setattr(desk.records, "at", away)
        assert await _close(floor.ann, incident) == (503, "UNCONFIRMED")
        await desk.merged.fetch(0)
        assert desk.state.unlearned == [{incident.id}]
    assert await _close(floor.ann, incident) == (403, "FORBIDDEN")
    assert await _close(floor.robot, incident) == (403, "FORBIDDEN")
    assert await _close(floor.zoe, incident) == (202, None)


async def test_an_incident_is_shown_with_all_its_kinds(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    desk.alarm(kind="HOLD_UP", alert_id="A2")
    shown = (await floor.ann.http.get(f"/v1/incidents/{command.partition('-')[0]}")).json()
    assert (shown["alert_kinds"], shown["needs_supervisor"]) == (["INTRUSION", "HOLD_UP"], True)


async def test_what_a_command_names_is_not_fetched(desk: MemoryDesk, floor: Floor) -> None:
    command = await called(desk, floor)
    desk.alarm(kind="HOLD_UP", alert_id="A2")
    incident = desk.state.incidents[command.partition("-")[0]]
    assert len(incident.merged) == 1
    assert (await floor.ann.result(command, "NO_ANSWER")).status_code == 202  # the next call names it
    assert (incident.merged, incident.kinds) == ([], ("INTRUSION", "HOLD_UP"))


async def test_a_partition_that_hangs_holds_no_other_up() -> None:
    state = DeskState(2)
    fetched: list[int] = []

    class Hangs:
        async def at(self, _topic: str, partition: int, *_: object) -> None:
            if partition == 0:
                await asyncio.sleep(60)
            fetched.append(partition)

    for partition in range(2):
        incident = state.incidents[str(partition)] = Incident(str(partition), "S1", partition)
        incident.merged.append((partition, 0))
        state.unlearned[partition].add(incident.id)
    merged = MergedKinds(state, cast("Records", Hangs()))
    merged.catch_up()
    await asyncio.sleep(0)
    assert (fetched, state.incidents["1"].merged) == ([1], [])
    hung = merged._backlogs[0]._task
    assert hung is not None
    hung.cancel()


@pytest.mark.parametrize("seconds", [CONFIRM_SECONDS, 0.0])
async def test_what_is_merged_while_an_incident_is_put_together_is_of_it(
    desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    incident = desk.state.incidents[desk.alarm()]
    assert not (await desk.api.dossier.incident(incident)).is_partial
    monkeypatch.setattr("edges.desk.dossier.READ_SECONDS", seconds)
    learn = desk.merged.learn
    coming = ["A2", "A3"]

    async def merge(of: Incident) -> None:
        await learn(of)
        if coming:
            desk.alarm(alert_id=coming.pop(0))

    monkeypatch.setattr(desk.merged, "learn", merge)
    view = await desk.api.dossier.incident(incident)
    assert view.version == incident.version
    assert view.is_partial is (not seconds)
    assert [alert["alert_id"] for alert in view.alerts] == (["A1", "A2", "A3"] if seconds else ["A1"])
