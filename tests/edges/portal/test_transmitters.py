"""Transmitters: their keys wrapped at once, their record in the outbox."""

from __future__ import annotations

from typing import Any, Final

import psycopg
import pytest

from edges.portal.outbox import read
from edges.portal.sql import migrations
from edges.receiver.wrapping import Wrapping
from schemas.avro.framing import single_object
from schemas.avro.generated import writer
from schemas.avro.loader import load
from tests.edges.portal.serving import WRAPPING_KEY, Api, make, problem

pytestmark = pytest.mark.asyncio

KEY: Final = "00112233445566778899aabbccddeeff"
BODY: Final[dict[str, Any]] = {"site_id": "S1", "protocol": "DC09", "key": KEY, "bad_crc": "NAK", "overrides": []}
WHERE: Final = "/v1/transmitters/00a1"
UNTIL: Final = 1_798_761_600_500  # 2027-01-01T00:00:00.500Z


async def test_a_transmitter_comes_changes_and_goes(api: Api, rows: psycopg.Connection[Any]) -> None:
    client = api.client("portal:*")
    await make(client)
    made = await client.put(WHERE, json=BODY)
    assert made.status_code == 200, made.text
    document = made.json()
    assert (document["account"], document["revision"], document["has_key"]) == ("00A1", 1, True)
    assert (await client.get(WHERE)).json() == document
    assert (await client.put(WHERE, json=BODY)).json() == document  # the same request again
    [waiting] = [entry for entry in read(rows, 10) if entry.topic == "transmitters"]
    assert waiting.key == "00A1"
    assert Wrapping(bytes.fromhex(WRAPPING_KEY)).unwrap(waiting.state.key_wrapped, "00A1") == bytes.fromhex(KEY)
    problem(await client.put(WHERE, json={**BODY, "key": KEY[::-1]}), 428, "REVISION_REQUIRED")
    headers = {"If-Match": '"1"'}
    override = {"code": "130", "zone": "7", "kind": "IGNORE", "until": None, "by": "sue", "why": "a cat"}
    changed = await client.put(WHERE, json={**BODY, "key": None, "overrides": [override]}, headers=headers)
    assert (changed.json()["revision"], changed.json()["has_key"]) == (2, False)
    assert changed.json()["overrides"] == [override]
    problem(await client.put(WHERE, json=BODY, headers=headers), 412, "REVISION_STALE")
    problem(await client.delete(WHERE), 428, "REVISION_REQUIRED")
    assert (await client.delete(WHERE, headers={"If-Match": '"2"'})).status_code == 204
    problem(await client.get(WHERE), 404, "NOT_FOUND")
    [waiting] = [entry for entry in read(rows, 10) if entry.topic == "transmitters"]
    assert waiting.state is None
    assert (await client.put(WHERE, json=BODY)).json()["revision"] == 4


async def test_the_same_request_is_answered_the_same_once_its_site_is_gone(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    made = await client.put(WHERE, json=BODY)
    assert (await client.delete("/v1/sites/S1", headers={"If-Match": '"1"'})).status_code == 204
    again = await client.put(WHERE, json=BODY)
    assert (again.status_code, again.json()) == (200, made.json())
    other = await client.put(WHERE, json=BODY | {"key": None}, headers={"If-Match": '"1"'})
    assert (other.status_code, other.json()["site_id"]) == (200, "S1")


async def test_a_transmitter_of_a_site_that_the_portal_does_not_know(api: Api, rows: psycopg.Connection[Any]) -> None:
    """It may have come by `ronde sites import`."""
    made = await api.client("portal:*").put(WHERE, json=BODY | {"site_id": "S9"})
    assert (made.status_code, made.json()["site_id"]) == (200, "S9")
    assert [(entry.topic, entry.state.site_id) for entry in read(rows, 10)] == [("transmitters", "S9")]


async def test_the_whole_value_is_taken_and_its_time_is_the_portals(api: Api) -> None:
    client = api.client("portal:*")
    value = BODY | {"account": "00A1", "require_encryption": None, "updated_at": "2020-01-01T00:00:00.000Z"}
    made = await client.put(WHERE, json=value)
    assert made.status_code == 200, made.text
    assert made.json()["updated_at"] != value["updated_at"]
    again = await client.put(WHERE, json=value | {"updated_at": "2020-01-02T00:00:00.000Z"})
    assert again.json() == made.json()  # the same request again
    problem(await client.put(WHERE, json=value | {"updated_at": "today"}), 422, "INVALID", "updated_at")


@pytest.mark.parametrize(
    ("field", "value"),
    [("key", "00"), ("key", "x" * 32), ("site_id", ""), ("account", "B2"), ("protocol", "FAX"), ("overrides", [{}])],
)
async def test_what_is_wrong_is_named(api: Api, field: str, value: Any) -> None:
    client = api.client("portal:*")
    await make(client)
    document = problem(await client.put(WHERE, json={**BODY, field: value}), 422, "INVALID")
    assert any(error["field"].startswith(field) for error in document["errors"])


async def test_encryption_is_required_only_with_a_key(api: Api) -> None:
    """Without one, the receiver refuses every frame of the panel."""
    client = api.client("portal:*")
    await make(client)
    required = {**BODY, "require_encryption": True}
    for body in (required | {"key": None}, {name: value for name, value in required.items() if name != "key"}):
        problem(await client.put(WHERE, json=body), 422, "INVALID", "require_encryption")
    problem(await client.get(WHERE), 404, "NOT_FOUND")
    assert (await client.put(WHERE, json=required)).json()["require_encryption"] is True
    plain = {**required, "require_encryption": False, "key": None}
    assert (await client.put(WHERE, json=plain, headers={"If-Match": '"1"'})).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [*(("code", code) for code in ("", "BURG", "1130", "E130", "ba", "BA ", "130\n")), ("zone", ""), ("why", "")],
)
async def test_an_override_is_one_that_can_match(api: Api, field: str, value: str) -> None:
    """The receiver compares codes as they are, and none has another form."""
    client = api.client("portal:*")
    await make(client)
    override = {"code": "130", "zone": "7", "kind": "IGNORE", "by": "sue", "why": "a cat"}
    body = {**BODY, "overrides": [override | {"code": "BA"}, override | {field: value}]}
    problem(await client.put(WHERE, json=body), 422, "INVALID", f"overrides.1.{field}")
    body["overrides"][1] = override | {"code": "1B0"}  # Contact ID is hexadecimal
    assert (await client.put(WHERE, json=body)).status_code == 200


async def test_an_account_is_hexadecimal_and_for_support_alone(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    problem(await client.put("/v1/transmitters/xyz", json=BODY), 422, "INVALID", "account")
    problem(await api.client("portal:S1").put(WHERE, json=BODY), 403, "FORBIDDEN")


async def test_no_key_is_in_any_table(api: Api, rows: psycopg.Connection[Any]) -> None:
    client = api.client("portal:*")
    await make(client)
    await client.put(WHERE, json=BODY)
    for table in ("transmitters", "transmitter_revisions", "outbox"):
        kept = str(rows.execute(f"SELECT t::text FROM portal.{table} AS t").fetchall()).lower()
        assert KEY not in kept


async def test_an_override_that_ends_is_a_record_that_kafka_takes(api: Api, rows: psycopg.Connection[Any]) -> None:
    """A value that no record takes would stop the relay, and with it every site's changes."""
    client = api.client("portal:*")
    await make(client)
    override = {"code": "130", "zone": None, "kind": "FIRE", "by": "sue", "why": "a cat"}
    ends = {"until": "2027-01-01T01:00:00.5+01:00"}
    made = await client.put(WHERE, json={**BODY, "overrides": [override | ends]})
    assert made.json()["overrides"] == [override | {"until": "2027-01-01T00:00:00.500Z"}]
    [waiting] = [entry for entry in read(rows, 10) if entry.topic == "transmitters"]
    schema = load("Transmitter")
    record = writer(schema, single_object(schema))(waiting.state)
    assert waiting.state.overrides[0].until == UNTIL
    assert record


async def test_ends_that_are_kept_as_text_become_milliseconds(api: Api, rows: psycopg.Connection[Any]) -> None:
    client = api.client("portal:*")
    await make(client)
    plain = {"code": "130", "kind": "FIRE", "by": "sue", "why": "a cat"}
    await client.put(WHERE, json={**BODY, "overrides": [plain, plain | {"code": "131"}]})
    rows.execute("""UPDATE portal.transmitters SET overrides[1]['until'] = '"2027-01-01T00:00:00.500Z"'""")
    [step] = [migration for migration in migrations() if migration.name == "override_times"]
    for _ in range(2):
        rows.execute(step.sql.encode())
        [waiting] = [entry for entry in read(rows, 10) if entry.topic == "transmitters"]
        ends = [(override.code, override.until) for override in waiting.state.overrides]
        assert ends == [("130", None), ("131", UNTIL)]
