"""What a site's people see of its incidents: a silent alarm stays silent."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any, Final
from urllib.parse import quote

import httpx
import psycopg
import pytest
from confluent_kafka import Message

from edges.portal.sql import query
from edges.web.values import write_instant
from sinks.database.migrate import migrate
from tests.edges.desk.scene import T0, Scene, read
from tests.edges.portal.serving import Api, make, problem
from tests.sinks.writing import write

pytestmark = pytest.mark.asyncio

WHERE: Final = "/v1/sites/{}/incidents"
Step = tuple[Any, ...]
Seen = tuple[tuple[str, ...], float, float | None, str | None]

# What happens at a site (alerts, answers, operators), and what its people see of it; times are seconds.
NIGHTS: Final[dict[str, tuple[list[Step], list[Seen]]]] = {
    "one that ends well, and one that is open": (
        [("INTRUSION", 1), ("TAMPER", 2), ("IDENTIFIED", "NORMAL", 20), ("FIRE", 40)],
        [(("FIRE",), 40, None, None), (("INTRUSION", "TAMPER"), 1, 20, "WELL")],
    ),
    "one that an operator closes": ([("INTRUSION", 1), ("CLOSE", 30)], [(("INTRUSION",), 1, 30, "BY_THE_CENTRE")]),
    "a hold-up": ([("HOLD_UP", 1)], []),
    "a hold-up after one that is over": (
        [("INTRUSION", 1), ("CLOSE", 30), ("HOLD_UP", 40)],
        [(("INTRUSION",), 1, 30, "BY_THE_CENTRE")],
    ),
    "a hold-up that is over": ([("HOLD_UP", 1), ("CLOSE", 30)], []),
    "a hold-up after an intrusion": ([("INTRUSION", 1), ("HOLD_UP", 2)], []),
    "a hold-up before an intrusion, over": ([("HOLD_UP", 1), ("INTRUSION", 2), ("CLOSE", 30)], []),
    "one that turns covert": (
        [("INTRUSION", 1), ("DURESS_CODE", "NORMAL", 20)],
        [(("INTRUSION",), 1, 20, "WELL")],
    ),
    # What comes later is of the same incident, and would give it away.
    "one that turns covert and goes on": (
        [("INTRUSION", 1), ("DURESS_CODE", "NORMAL", 20), ("TAMPER", 200), ("CLOSE", 900)],
        [(("INTRUSION",), 1, 20, "WELL")],
    ),
    "a threat told after the guard was asked": (
        [("INTRUSION", 1), ("IDENTIFIED", "ABNORMAL", 20), ("callback", "DURESS_CODE", "NORMAL", 50)],
        [(("INTRUSION",), 1, 50, "WELL")],
    ),
    "one that was covert from its beginning": ([("DISPATCH", 1), ("INTRUSION", 20)], []),
    "one whose site was set aside, and one after it": (
        [("INTRUSION", 1), ("SET_ASIDE", 30), ("FIRE", 40)],
        [(("FIRE",), 40, None, None), (("INTRUSION",), 1, 30, "SET_ASIDE")],
    ),
    "one that turned covert, and was set aside": (
        [("INTRUSION", 1), ("DURESS_CODE", "NORMAL", 20), ("SET_ASIDE", 30)],
        [(("INTRUSION",), 1, 20, "WELL")],
    ),
    "a hold-up that was set aside": ([("HOLD_UP", 1), ("SET_ASIDE", 30)], []),
}


def played() -> tuple[Scene, dict[str, str]]:
    """All nights, each at a site of its own, and the incident that began last there."""
    scene = Scene()
    sites = {name: f"S{number}" for number, name in enumerate(NIGHTS, start=1)}
    for site_id in sites.values():
        scene.site(site_id)
    incidents: dict[str, str] = {}
    steps = [(step[-1], sites[name], step) for name, (night, _) in NIGHTS.items() for step in night]
    for at, site_id, step in sorted(steps, key=lambda each: each[0]):
        match step:
            case (("CLOSE" | "DISPATCH") as action, _):
                incident_id = incidents[site_id] if action == "CLOSE" else None
                scene.action(at, action, incident_id, f"O-{site_id}-{at}", site_id=site_id)
            case ("SET_ASIDE", _):
                scene.set_aside(at, site_id)
            case ("callback", outcome, situation, _):
                scene.result(at, None, outcome, situation, direction="INBOUND", site_id=site_id)
            case (outcome, situation, _):
                scene.result(at, f"{incidents[site_id]}-c1.1", outcome, situation, site_id=site_id)
            case (kind, _):
                scene.alert(at, kind, f"A-{site_id}-{at}", site_id=site_id)
        for decision in scene.values("decisions"):
            if decision.version == 1:
                incidents[decision.site_id] = decision.incident_id
    return scene, {name: incidents[site_id] for name, site_id in sites.items()}


def show(scene: Scene, rows: psycopg.Connection[Any]) -> None:
    """Write all records into a ledger beside the portal's schema."""
    migrate(rows)
    write(
        rows,
        [
            Message(
                topic=f"ronde.{place.topic}",
                partition=0,
                offset=place.offset,
                key=read(place.topic)(data).site_id.encode(),
                value=data,
                timestamp=(1, place.timestamp),
            )
            for place, data in scene.records
            if place.topic != "sites"
        ],
    )


def instant(seconds: float | None) -> str | None:
    return None if seconds is None else write_instant(T0 + round(seconds * 1000))


async def seen(client: httpx.AsyncClient, site_id: str) -> list[tuple[Any, ...]]:
    """What the site's people see: kinds, beginning, end, how."""
    answer = await client.get(WHERE.format(site_id))
    assert answer.status_code == 200, answer.text
    for word in ("duress", "covert", "ann", "+33", "guard"):
        assert word not in answer.text.lower()
    return [(tuple(each["kinds"]), each["opened_at"], each["ended_at"], each["ending"]) for each in answer.json()]


def expected(incidents: list[Seen]) -> list[tuple[Any, ...]]:
    return [(kinds, instant(began), instant(ended), how) for kinds, began, ended, how in incidents]


async def test_a_silent_alarm_stays_silent_until_support_releases_it(api: Api, rows: psycopg.Connection[Any]) -> None:
    scene, incidents = played()
    show(scene, rows)
    client = api.client("portal:*")
    for number, (name, (_, sees)) in enumerate(NIGHTS.items(), start=1):
        await make(client, f"S{number}")
        assert await seen(api.client(f"portal:S{number}"), f"S{number}") == expected(sees), name
        # The limit is of what is shown: a list that is shorter would give away what is not.
        assert len(await api.store.incidents(f"S{number}", 1)) == min(len(sees), 1), name

    sites = {name: f"S{number}" for number, name in enumerate(NIGHTS, start=1)}

    def release(name: str, as_: httpx.AsyncClient = client) -> Awaitable[httpx.Response]:
        incident_id = quote(incidents[name], safe="")
        return as_.put(f"{WHERE.format(sites[name])}/{incident_id}/release")

    over = "a hold-up that is over"
    problem(await release(over, api.client(f"portal:{sites[over]}")), 403, "FORBIDDEN")
    problem(await client.put(f"{WHERE.format(sites[over])}/other/release"), 404, "NOT_FOUND")
    problem(await release("a hold-up"), 409, "INCIDENT_OPEN")
    assert await seen(client, sites["a hold-up"]) == []
    for _ in range(2):
        assert (await release(over)).status_code == 204
    assert await seen(client, sites[over]) == expected([(("HOLD_UP",), 1, 30, "BY_THE_CENTRE")])
    turned = "one that turns covert and goes on"
    assert (await release(turned)).status_code == 204
    assert await seen(client, sites[turned]) == expected([(("INTRUSION", "TAMPER"), 1, 900, "BY_THE_CENTRE")])

    aside = {"one that turned covert, and was set aside": "INTRUSION", "a hold-up that was set aside": "HOLD_UP"}
    for name, kind in aside.items():
        assert (await release(name)).status_code == 204
        assert await seen(client, sites[name]) == expected([((kind,), 1, 30, "SET_ASIDE")])

    # The alert's row may come after the decision's: until then nobody knows that it is no hold-up.
    for table in ("alerts", "call_commands"):
        rows.execute(f"DELETE FROM ledger.{table}")
    for name in set(sites) - {over, turned, *aside}:
        assert await seen(client, sites[name]) == []

    # One that is not there, or may not be read, is as none.
    rows.execute("ALTER TABLE ledger.attention RENAME TO other")
    problem(await client.get(WHERE.format("S1")), 409, "NO_LEDGER")


async def test_a_site_that_is_made_again_shows_nothing_of_the_people_before(
    api: Api, rows: psycopg.Connection[Any]
) -> None:
    scene = Scene()
    scene.site()
    scene.alert(1)
    scene.action(30, "CLOSE", scene.incident_id, "O-1")
    show(scene, rows)
    client = api.client("portal:*")
    await make(client)
    assert len(await seen(client, "S1")) == 1
    assert (await client.delete("/v1/sites/S1", headers={"If-Match": '"1"'})).status_code == 204
    await make(client)
    assert await seen(client, "S1") == []
    incident_id = quote(scene.incident_id, safe="")
    problem(await client.put(f"{WHERE.format('S1')}/{incident_id}/release"), 404, "NOT_FOUND")
    rows.execute("UPDATE ledger.incidents SET opened_at = now()")
    assert len(await seen(client, "S1")) == 1


async def test_the_portal_looks_for_each_table_that_it_reads() -> None:
    read_ = {table for name in ("incidents", "release") for table in re.findall(r"ledger\.(\w+)", query(name))}
    assert read_ == set(re.findall(r"'(\w+)'", query("has_ledger"))) - {"USAGE", "SELECT", "ledger"}


async def test_without_a_ledger_the_portal_says_so(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    problem(await client.get(WHERE.format("S1")), 409, "NO_LEDGER")
    problem(await client.put(f"{WHERE.format('S1')}/x/release"), 409, "NO_LEDGER")
    problem(await api.client("portal:S2").get(WHERE.format("S1")), 404, "NOT_FOUND")


async def test_the_page_says_the_same(api: Api, rows: psycopg.Connection[Any]) -> None:
    scene = Scene()
    scene.site()
    scene.alert(1)
    scene.result(20, f"{scene.incident_id}-c1.1", "DURESS_CODE", "NORMAL")
    await make(api.client("portal:*"))
    api.user("ann@example.org", "customer")
    api.user("sue", "support")
    ann, sue = await api.signed_in("ann@example.org"), await api.signed_in("sue")
    assert "No history of incidents is kept here." in (await ann.get("/sites/S1/incidents")).text
    show(scene, rows)
    page = (await ann.get("/sites/S1/incidents")).text
    assert "<h2>Intrusion</h2>" in page
    assert re.search(r"From <time [^>]+>2026-01-01 00:00 UTC</time> to <time [^>]+>2026-01-01 00:00 UTC</time>", page)
    assert "All is well" in page
    assert "incident_id" not in page
    await make(api.client("portal:*"), "S2")
    empty = (await ann.get("/sites/S2/incidents")).text
    assert (
        "No incident to show." in empty
    )  # not that nothing happened: a silent one is not shown, the ledger may be behind
    assert all("this list may be older" in text for text in (page, empty))
    for incident_id, status in ((scene.incident_id, 409), ("other", 422)):
        answer = await sue.post("/sites/S1/incidents", data={"incident_id": incident_id})
        assert answer.status_code == status
        assert 'id="incident_id-about"' in answer.text
    assert (await ann.post("/sites/S1/incidents", data={"incident_id": scene.incident_id})).status_code == 403
