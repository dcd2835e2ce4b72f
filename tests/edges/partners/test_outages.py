"""A partner that hangs; two processes; outages; operators who learn that a CANCEL does not arrive."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from service.postgres import connect
from tests.edges.partners.conftest import House, PartnerSystem, hang
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka
    from service.postgres_settings import PostgresSettings


def test_a_partner_that_hangs_delays_nobody_else(house: House, system: PartnerSystem) -> None:
    house.add(system)
    hanging = PartnerSystem()
    hanging.answer = hang
    house.add(hanging, "slow")
    process = house.start()
    process.wait_ready()
    for number in range(40):
        house.dispatch(partner_id="slow", dispatch_id=f"s{number}-d1", site_id=f"S{number}")
    eventually(lambda: len(hanging.hooks) >= 16, "its room is full")
    at = time.time()
    for number in range(10):
        house.dispatch(dispatch_id=f"i{number}-d1")
    hooks = system.wait(10)
    assert max(hook.at for hook in hooks) - at < 5.0, "half of what a partner has to answer in"
    assert len(hanging.hooks) <= 31
    hanging.close()


def test_operators_learn_of_a_cancel_that_does_not_arrive(house: House, system: PartnerSystem) -> None:
    house.add(system)
    system.answer = lambda _: (503, b"")
    house.start().wait_ready()
    sent = house.dispatch("CANCEL")
    system.wait()
    assert house.broker.read("desk-log") == []
    with connect(house.settings.postgres, "test") as database:  # as if it had been read so long ago
        database.execute("UPDATE partners.commands SET stored_at = stored_at - 28000")
    [event] = eventually(lambda: house.broker.read("desk-log"), "it is in the log of desks", 45)
    assert event["at"] - sent["issued_at"] >= 2_000
    assert (event["action"], event["subject"], event["site_id"]) == ("UNDELIVERED", "i1-d1-c1", "S14")
    assert event["detail"] == "CANCEL azur"


def test_while_postgres_is_away_nothing_is_taken_and_afterwards_nothing_is_missing(
    house: House, system: PartnerSystem
) -> None:
    house.add(system)
    process = house.start()
    process.wait_ready()
    house.dispatch()
    system.wait()
    with house.client(process, "partner:azur") as azur:
        with house.without_postgres():
            eventually(lambda: not process.is_ready(), "it says that it is not ready")
            house.dispatch("CANCEL")
            answer = azur.put("/v1/dispatches/i1-d1/closed")
            assert (answer.status_code, answer.json()["code"]) == (503, "UNCONFIRMED")
            assert process.page("health")[0] == 200
        assert system.wait(2)[-1].id == "i1-d1-c1"
        process.wait_ready()
        assert azur.put("/v1/dispatches/i1-d1/closed").json() == {"report_id": "i1-d1-closed"}
    assert [report["report_id"] for report in house.broker.read("dispatch-reports")] == ["i1-d1-closed"]


def test_two_processes_share_the_partners(house: House, system: PartnerSystem) -> None:
    house.add(system)
    first, second = (house.start({"RONDE_PARTNERS__ID": name}) for name in ("p1", "p2"))
    for process in (first, second):
        process.wait_ready()
    ids = set()
    for number in range(30):
        ids.add(house.dispatch(dispatch_id=f"i{number}-d1", site_id=f"S{number}")["command_id"])
    system.wait(30)
    first.kill()
    for number in range(30, 60):
        ids.add(house.dispatch(dispatch_id=f"i{number}-d1", site_id=f"S{number}")["command_id"])
    eventually(lambda: {hook.id for hook in system.hooks} == ids, "all are posted", 40)

    def are_noted() -> bool:  # of one whose answer was not noted the lease ends first
        rows = json.loads(house.command("attempts", "azur", "--limit", "100", "--json"))
        return {row["state"] for row in rows} == {"DELIVERED"}

    eventually(are_noted, "all are noted", 40)


def test_a_secret_is_rotated(house: House, system: PartnerSystem) -> None:
    house.add(system)
    old = system.secret
    house.file.write_text(re.sub('"public_url" = .*\n', "", house.file.read_text()))
    process = house.start()
    process.wait_ready()
    new = house.command("rotate", "azur").strip()
    assert new != old
    house.dispatch(dispatch_id="i1-d1")
    [hook] = system.wait()
    assert hook.body["page_url"].startswith(f"{process.field('partners listen', 'address')}/guard#")
    system.secret = new
    house.dispatch(dispatch_id="i2-d1")
    system.wait(2)
    assert house.command("rotate", "azur", "--end").strip() == new
    house.dispatch(dispatch_id="i3-d1")
    system.wait(3)


def test_the_newest_secret_is_that_which_was_put_last_whatever_clocks_say(
    house: House, system: PartnerSystem, database: PostgresSettings
) -> None:
    house.add(system)
    with connect(database, "test") as session:  # by a machine whose clock is ahead
        session.execute("UPDATE partners.secrets SET added_at = added_at + 600000")
    new = house.command("rotate", "azur").strip()
    assert new != system.secret
    assert house.command("rotate", "azur", "--end").strip() == new


def test_while_kafka_is_frozen_webhooks_go_out_and_reports_are_kept(
    house: House, system: PartnerSystem, kafka: Kafka
) -> None:
    house.add(system)
    system.answer = lambda _: (503, b"")
    process = house.start()
    process.wait_ready()
    house.dispatch()
    system.wait()
    with house.client(process, "partner:azur") as azur:
        eventually(lambda: float(azur.get("/v1/dispatches").headers.get("ronde-age", 60)) < 5, "all is read")
        kafka.pause()
        try:
            system.answer = lambda _: (200, b'{"status": "ACCEPTED"}')
            count = len(system.hooks)
            system.wait(count + 1)
            eventually(lambda: "DELIVERED" in house.command("attempts", "--json"), "it is noted")
            for step in ("accepted", "en-route", "en-route"):
                answer = azur.put(f"/v1/dispatches/i1-d1/{step}")
                assert (answer.status_code, answer.json()["code"]) == (503, "UNCONFIRMED")
            eventually(lambda: "kafka" in process.reasons(), "it says that it is not ready")
            eventually(lambda: float(azur.get("/v1/dispatches").headers["ronde-age"]) > 5, "its pages say their age")
            assert process.page("health")[0] == 200
        finally:
            kafka.resume()
        process.wait_ready()
        eventually(lambda: len(house.broker.read("dispatch-reports")) >= 2, "they are written")
        assert azur.put("/v1/dispatches/i1-d1/en-route").status_code == 202
    reports = [report["report_id"] for report in house.broker.read("dispatch-reports")]
    assert reports == ["i1-d1-accepted", "i1-d1-en-route"]


def test_a_start_while_kafka_is_frozen_serves_pages_and_posts(
    house: House, system: PartnerSystem, kafka: Kafka
) -> None:
    house.add(system)
    process = house.start()
    process.wait_ready()
    house.dispatch()
    system.wait()
    kafka.pause()
    try:
        assert process.stop() == 0
        process.start()
        with house.client(process, "partner:azur") as azur:
            eventually(lambda: azur.get("/v1/dispatches").is_success, "it lists")
            house.command("test", "azur")
            system.wait(2)
            assert azur.put("/v1/dispatches/i1-d1/accepted").status_code == 503
        assert "kafka" in process.reasons()
    finally:
        kafka.resume()
    process.wait_ready()
    eventually(lambda: house.broker.read("dispatch-reports"), "what was said meanwhile is written")
