"""`ronde partners` as it runs: a command on the topic becomes a signed POST, an answer a report on the topic."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # documented there

from edges.errors import DatabaseAwayError
from edges.partners import faults
from edges.partners.process import PartnersProcess, _Parts
from edges.web import accounts
from ronde.shared.whole_settings import WholeSettings
from service.postgres import connect
from streams.settings import load
from tests.edges.partners.conftest import Hook, House, PartnerSystem
from tests.machine import stretched
from tests.support.waiting import eventually


def reports(house: House) -> list[dict[str, Any]]:
    return house.broker.read("dispatch-reports")


def test_a_command_is_posted_and_what_is_reported_is_on_the_topic(house: House, system: PartnerSystem) -> None:
    house.add(system)
    house.dispatch(partner_id="others", dispatch_id="i2-d1")
    house.dispatch(partner_id="others", dispatch_id="i3-d1", first_alert_at=10**16)  # a panel counts microseconds
    house.dispatch(dispatch_id="i4-d1\0")
    process = house.start()
    process.wait_ready()
    sent = house.dispatch()
    [hook] = system.wait()
    assert hook.id == sent["command_id"]
    page = hook.body.pop("page_url")
    assert page.startswith("https://guards.example/guard#")
    assert hook.body["first_alert_at"] == "2025-12-31T23:00:00.000Z"
    assert {**sent, **hook.body}.keys() == sent.keys() == hook.body.keys()
    with house.client(process, "partner:azur") as azur, house.client(process, "partner:others") as others:
        body = {"reason": "on my way", "reported_at": "2026-01-01T00:00:00Z"}
        assert azur.get("/v1/dispatches?open=true").json()["dispatches"][0]["dispatch_id"] == "i1-d1"
        assert azur.put("/v1/dispatches/i1-d1/accepted").json() == {"report_id": "i1-d1-accepted"}
        for _ in range(2):
            answer = azur.put("/v1/dispatches/i1-d1/en-route", json=body)
            assert (answer.status_code, answer.json()) == (202, {"report_id": "i1-d1-en-route"})
        for path in ("i1-d1/left", "i9-d1/accepted", "i2-d1/accepted"):
            assert azur.put(f"/v1/dispatches/{path}").status_code == 404
        assert others.put("/v1/dispatches/i1-d1/accepted").status_code == 404
        assert azur.put("/v1/dispatches/i1-d1/accepted", json={"x": 1}).status_code == 422
        house.dispatch("CANCEL")
        system.wait(2)
        assert azur.put("/v1/dispatches/i1-d1/closed", json={"disposition": "CANCELLED"}).status_code == 202
        assert azur.get("/v1/dispatches?open=true").json() == {"dispatches": []}
        assert azur.get("/v1/dispatches").json()["dispatches"][0]["steps"] == ["ACCEPTED", "EN_ROUTE", "CLOSED"]
    said = reports(house)
    assert [report["report_id"] for report in said] == ["i1-d1-accepted", "i1-d1-en-route", "i1-d1-closed"]
    assert said[1] == {
        "report_id": "i1-d1-en-route",
        "site_id": "S14",
        "incident_id": "i1",
        "dispatch_id": "i1-d1",
        "partner_id": "azur",
        "status": "EN_ROUTE",
        "disposition": None,
        "reason": "on my way",
        "reported_at": 1767225600000,
    }
    began = time.monotonic()
    assert process.stop() == 0
    assert time.monotonic() - began < stretched(5)
    assert "lavoir" not in process.said().lower()


def test_a_port_that_is_taken_ends_it_with_a_reason(house: House) -> None:
    first = house.start()
    port = str(eventually(lambda: first.field("partners listen", "address"), "it listens")).rpartition(":")[2]
    second = house.start({"RONDE_PARTNERS__PORT": port})
    assert second.wait() == 1
    assert f"cannot listen on 127.0.0.1:{port}" in second.said()
    assert "set partners.host and partners.port" in second.said()
    assert "Traceback" not in second.said()


@pytest.mark.parametrize("is_running", [False, True], ids=["before it starts", "while it runs"])
def test_dispatches_of_more_partitions_than_the_settings_say_are_named(
    house: House, client_log: Any, is_running: bool
) -> None:
    name, count = house.settings.topic("dispatches"), house.settings.topics.partitions
    admin = AdminClient(house.settings.client("admin"), logger=client_log)
    soon = {"RONDE_KAFKA__TOPIC_METADATA_REFRESH_INTERVAL_MS": "500"}
    if is_running:
        process = house.start(soon)
        process.wait_ready()
    admin.create_partitions([NewPartitions(name, count + 1)])[name].result(30)
    if not is_running:
        process = house.start(soon)
    assert process.wait() == 1
    assert f"topic {name} has {count + 1} partitions, and topics.partitions is {count}" in process.said()
    assert "Traceback" not in process.said()


def test_an_answer_may_accept_and_a_test_never_reaches_the_engine(house: House, system: PartnerSystem) -> None:
    house.add(system)
    system.answer = lambda _: (200, b'{"status": "ACCEPTED"}')
    house.start().wait_ready()
    tested = json.loads(house.command("test", "azur", "--json"))
    system.wait()
    house.dispatch()
    system.wait(2)
    eventually(lambda: reports(house), "a report")
    assert [report["report_id"] for report in reports(house)] == ["i1-d1-accepted"]
    attempts = json.loads(house.command("attempts", tested["dispatch_id"], "--json"))
    assert [(attempt["outcome"], attempt["status"]) for attempt in attempts] == [("DELIVERED", 200)]
    [listed] = json.loads(house.command("list", "--json"))
    assert (listed["partner_id"], listed["url"], listed["secrets"]) == ("azur", system.url, 1)
    assert "whsec_" not in house.command("list")
    house.command("resend", "i1-d1-r1")
    assert system.wait(3)[-1].id == "i1-d1-r1"
    house.command("resend", "i1-d1")
    assert system.wait(4)[-1].id == "i1-d1-r1"
    eventually(lambda: "PENDING" not in house.command("attempts"), "it is noted")
    with connect(house.settings.postgres, "test") as database:
        database.execute("UPDATE partners.commands SET state = 'GIVEN_UP' WHERE dispatch_id = 'i1-d1'")
        assert house.command("resend", "azur").startswith("left out, as the partner has reported on them: 1;")
        assert len(system.hooks) == 4
        database.execute("DELETE FROM partners.reports")
    assert house.command("resend", "azur") == "i1-d1-r1 is posted to azur again\n"
    assert system.wait(5)[-1].id == "i1-d1-r1"


def test_a_partner_without_a_webhook_lists_its_dispatches_and_reports(house: House, system: PartnerSystem) -> None:
    """A token of its own is all it has; one with an account has no other rights. What others are asked is not kept."""
    accounts.add(house.settings.web.users_file, "ann", "customer", (), None, ("azur",))
    process = house.start()
    process.wait_ready()
    with house.client(process, "partner:alpes") as alpes:

        def listed() -> list[dict[str, Any]]:
            dispatches: list[dict[str, Any]] = alpes.get("/v1/dispatches?open=true").json()["dispatches"]
            return dispatches

        house.dispatch(partner_id="others", dispatch_id="i2-d1")
        house.dispatch(partner_id="azur", dispatch_id="i3-d1")
        house.dispatch(partner_id="alpes", dispatch_id="i4-d1")
        eventually(listed, "the dispatch")
        assert alpes.put("/v1/dispatches/i4-d1/accepted").status_code == 202
        house.dispatch("CANCEL", partner_id="alpes", dispatch_id="i4-d1")
        eventually(lambda: [one["action"] for one in listed()] == ["CANCEL"], "the cancel")
        assert alpes.put("/v1/dispatches/i4-d1/closed").status_code == 202
        with connect(house.settings.postgres, "test") as database:
            kept = database.execute("SELECT command_id, state FROM partners.commands ORDER BY seq").fetchall()
        assert kept == [("i3-d1-r1", "PENDING"), ("i4-d1-r1", "SUPERSEDED"), ("i4-d1-c1", "GIVEN_UP")]
        assert [report["report_id"] for report in reports(house)] == ["i4-d1-accepted", "i4-d1-closed"]
        house.dispatch(partner_id="alpes", dispatch_id="i5-d1")
        eventually(listed, "the next one")
    house.add(system, "alpes")
    assert [hook.id for hook in system.wait()] == ["i5-d1-r1"]


def test_a_record_of_now_is_posted_though_its_command_says_another_time(house: House, system: PartnerSystem) -> None:
    house.add(system)
    house.start().wait_ready()
    house.dispatch("CANCEL", issued_at=0)
    assert [hook.id for hook in system.wait()] == ["i1-d1-c1"]


def test_a_request_that_is_read_after_its_time_is_listed_and_logged(house: House, system: PartnerSystem) -> None:
    house.add(system)
    respond_by = time.time_ns() // 1_000_000 - 1
    house.dispatch(dispatch_id="i2-d1", respond_by=respond_by)
    house.dispatch(dispatch_id="i3-d1", respond_by=respond_by, partner_id="others")  # not ours to keep
    process = house.start()
    process.wait_ready()
    house.dispatch()
    assert [hook.id for hook in system.wait()] == ["i1-d1-r1"]
    [row] = json.loads(house.command("attempts", "i2-d1", "--json"))
    assert (row["command_id"], row["number"], row["outcome"], row["state"]) == ("i2-d1-r1", 0, None, "GIVEN_UP")
    assert "not posted" in house.command("attempts", "azur")
    assert process.field("commands came too late to be posted", "partner") == "azur"
    assert "others" not in process.said()


def test_a_later_command_ends_the_attempts_of_earlier_ones(house: House, system: PartnerSystem) -> None:
    house.add(system)
    system.answer = lambda hook: (500 if hook.body["action"] == "REQUEST" else 204, b"")
    house.start().wait_ready()
    sent = house.dispatch()
    system.wait(2)
    house.dispatch("CANCEL")
    eventually(lambda: system.hooks[-1].body["action"] == "CANCEL", "the cancel")
    count = len(system.hooks)
    time.sleep(3)
    assert len(system.hooks) == count
    assert system.hooks[1].at - sent["issued_at"] / 1000 >= 1.0
    rows = json.loads(house.command("attempts", "--json"))
    assert {(row["action"], row["state"]) for row in rows} == {("REQUEST", "SUPERSEDED"), ("CANCEL", "DELIVERED")}


def test_an_answer_under_way_accepts_though_an_amend_overtakes_it(house: House, system: PartnerSystem) -> None:
    house.add(system)
    amended = threading.Event()

    def answer(hook: Hook) -> tuple[int, bytes]:
        if hook.body["action"] == "AMEND":
            amended.set()
            return 204, b""
        assert amended.wait(9)
        return 200, b'{"status": "ACCEPTED"}'

    system.answer = answer
    house.start().wait_ready()
    house.dispatch()
    system.wait()
    house.dispatch("AMEND")
    eventually(lambda: reports(house), "the acceptance")
    assert [report["report_id"] for report in reports(house)] == ["i1-d1-accepted"]
    assert [hook.body["action"] for hook in system.hooks] == ["REQUEST", "AMEND"]


def test_what_is_old_and_cannot_be_deleted_keeps_nothing_from_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edges.partners.process._LOOK_SECONDS", 0.0)
    called: Counter[str] = Counter()

    class Part:
        """Stands for all parts: notes what is called, and deletes nothing in time."""

        failure = None

        def __getattr__(self, name: str) -> Callable[[], Awaitable[Any]]:
            async def call() -> list[Any]:
                called[name] += 1
                if name == "forget":
                    raise DatabaseAwayError("PostgreSQL has not answered in time")
                if called["give_up"] == 4:
                    raise asyncio.CancelledError
                return []

            return call

    async def run() -> None:
        opened: Any = asyncio.get_running_loop().create_future()
        opened.set_result(None)
        part: Any = Part()
        process = PartnersProcess(load(None, {}, WholeSettings).for_partners())
        never: Any = asyncio.get_running_loop().create_future()
        with pytest.raises(asyncio.CancelledError):
            await process._look(_Parts(part, part, part, part, never, opened))

    asyncio.run(run())
    assert (called["write"], called["catch_up"], called["forget"]) == (3, 3, 1)


@pytest.mark.parametrize("point", faults.POINTS.points)
def test_killed_between_two_steps_the_same_id_comes_again(house: House, system: PartnerSystem, point: str) -> None:
    house.add(system)
    system.answer = lambda _: (200, b'{"status": "ACCEPTED"}')
    process = house.start({faults.POINTS.variable: f"{point}:1"})
    process.wait_ready()
    house.dispatch()
    assert process.wait() == -9
    process.start()
    system.wait()
    eventually(lambda: reports(house), "a report", 30)
    assert {hook.id for hook in system.hooks} == {"i1-d1-r1"}
    assert {report["report_id"] for report in reports(house)} == {"i1-d1-accepted"}
    eventually(lambda: "DELIVERED" in house.command("attempts", "--json"), "it is noted")
    before = len(system.hooks)
    time.sleep(1.5)
    assert len(system.hooks) == before
