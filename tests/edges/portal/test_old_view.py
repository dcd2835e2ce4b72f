"""What the portal says and does while what it has read of the engine is old, or nothing yet."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from edges.kafka.view import Entry
from edges.portal import service
from edges.portal.process import PortalProcess
from edges.values import Readiness
from schemas.contract import murmur2
from service.postgres_settings import PostgresSettings
from tests.edges.portal.serving import ANN, HOME, PEOPLE, Api, configuration_of, make, problem, put, state
from tests.edges.portal.test_forms import owner

PUBLISHED: Final = 1_767_225_600_000
YES: Final = "Your alerts go through"
UNCONFIRMED: Final = "Not yet confirmed"
UNKNOWN: Final = "Not known at the moment"


@pytest.mark.asyncio
async def test_a_page_says_its_age_in_red_instead_of_what_it_cannot_know(
    api: Api, rows: psycopg.Connection[Any]
) -> None:
    client, ages = api.client("portal:*"), {"S1": 0.0}
    api.engine.age = ages.__getitem__
    await make(client)
    await put(client, "subscription", {"subscribed": True}, 1)
    await put(client, "first-contact", ANN, 2)
    await put(client, "address", HOME, 3)
    browser = await owner(api)

    async def page() -> str:
        return (await browser.get("/sites/S1/configuration")).text

    ages["S1"] = 12.4  # before Kafka has this revision too
    assert "is 12 s old" in await page()
    rows.execute("UPDATE portal.sites SET published_revision = revision, published_at = %s", (PUBLISHED,))
    ages["S1"] = 5.0
    assert UNCONFIRMED in (text := await page())
    assert UNKNOWN not in text
    api.engine.take([Entry("readiness", 0, 0, 0, "S1", Readiness("S1", True, True, False, (), (), PUBLISHED))])
    assert YES in (text := await page())
    assert UNKNOWN not in text
    for age, words in ((12.4, "is 12 s old"), (math.inf, "Nothing is known here of the monitoring centre yet")):
        ages["S1"] = age
        text = await page()
        assert f'<div class="message red" role="alert"><h2>{UNKNOWN}</h2>' in text
        assert words in text
        assert YES not in text
        assert UNCONFIRMED not in text
        assert (await state(client))["engine"] is None


@pytest.mark.asyncio
async def test_no_site_is_made_before_it_is_known_that_nobody_else_writes_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would empty theirs. All else goes on, and a site of the portal's own is made again."""
    monkeypatch.setattr(service, "SECONDS", 0.2)
    ages = {"S1": 0.0, "F1": math.inf, "F2": math.inf}
    api.engine.age = ages.__getitem__
    client, body = api.client("portal:*"), {"name": "Home", "people": PEOPLE, "partners": ["P1"]}
    made = await make(client)
    ages["S1"] = math.inf
    assert await make(client) == made
    assert (await put(client, "subscription", {"subscribed": True}, 1)).status_code == 200
    for site_id in ("F1", "F2"):
        problem(await client.post("/v1/sites", json=body | {"site_id": site_id}), 503, "UNCONFIRMED")
        problem(await client.get(f"/v1/sites/{site_id}/service"), 404, "NOT_FOUND")
    api.engine.take([Entry("readiness", 0, 0, 0, "F1", Readiness("F1", True, True, False, (), (), PUBLISHED))])
    problem(await client.post("/v1/sites", json=body | {"site_id": "F1"}), 409, "EXISTS")
    ages["F2"] = 60.0  # read once, however long ago
    assert (await client.post("/v1/sites", json=body | {"site_id": "F2"})).status_code == 201


@pytest.mark.asyncio
async def test_a_site_that_is_made_as_the_portal_starts_waits_until_that_is_known(api: Api) -> None:
    age = math.inf

    def asked(_site_id: str) -> float:
        nonlocal age
        told, age = age, 0.0  # it is read as soon as somebody has asked
        return told

    api.engine.age = asked
    await make(api.client("portal:*"))


def test_one_partition_that_is_behind_makes_its_own_sites_old_alone(schema: PostgresSettings, tmp_path: Path) -> None:
    configuration = configuration_of(schema, tmp_path)
    connection = dataclasses.replace(configuration.connection, partitions=2)
    process = PortalProcess(configuration._replace(connection=connection))
    keys = {murmur2.partition(key.encode(), 2): key for key in ("S1", "S2", "S3", "S4")}
    process._view._ages.ends(("readiness", 0), 0, time.monotonic())
    process._view._ages.reach({("readiness", 0): 0})
    assert process._engine.age(keys[0]) < math.inf
    assert process._engine.age(keys[1]) == math.inf
