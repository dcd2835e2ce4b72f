"""The portal's API, to the letter of its table, over a real PostgreSQL."""

from __future__ import annotations

from typing import Any, Final

import psycopg
import pytest

from edges.kafka.view import Entry
from edges.portal.callers import PortalDirectory, Right, caller_of
from edges.values import Readiness
from service.clock import now_ms
from service.words import fits
from tests.edges.portal.serving import ANN, HOME, PEOPLE, Api, make, problem, put, state

pytestmark = pytest.mark.asyncio

PARTS: Final = (
    *("subscription", "first-contact", "second-contact", "address"),
    *("instructions", "intervention", "test", "partners"),
)


async def test_a_new_site_says_what_it_lacks(api: Api) -> None:
    client = api.client("portal:*")
    made = await make(client)
    assert made == await state(client)
    assert (made["revision"], made["subscribed"], made["needs_attention"]) == (1, False, False)
    assert made["missing"] == ["FIRST_CONTACT", "POSTAL_ADDRESS"]
    assert made["intervention"] == {"enabled": True, "partners": ["P1"]}
    assert (made["published_at"], made["engine"], made["first_contact"], made["test_until"]) == (None,) * 4
    assert made["people"][2] == {**PEOPLE[2], "login": None}


async def test_the_seeds_way_ends_with_nothing_missing(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    steps: list[tuple[str, Any, list[str], bool]] = [
        ("subscription", {"subscribed": True}, ["FIRST_CONTACT", "POSTAL_ADDRESS"], True),
        ("first-contact", {**ANN, "password": None}, ["FIRST_CONTACT_PASSWORD", "POSTAL_ADDRESS"], True),
        ("first-contact", ANN, ["POSTAL_ADDRESS"], True),
        ("address", HOME, [], False),
        ("second-contact", {"kind": "NONE"}, [], False),
        ("intervention", {"enabled": False}, [], False),
        ("instructions", {"instructions": "mind the dog"}, [], False),
    ]
    for revision, (part, body, missing, needs_attention) in enumerate(steps, start=1):
        answer = await put(client, part, body, revision)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert (document["revision"], document["missing"]) == (revision + 1, missing)
        assert document["needs_attention"] is needs_attention
    assert document["first_contact"] == {
        "contact_id": "ann",
        "kind": "OWNER",
        "person_id": "ann",
        "first_name": "Ann",
        "last_name": "Martin",
        "phone": "+33639980001",
        "language": "fr",
        "has_password": True,
    }
    assert document["address"] == {**HOME, "line2": None}
    assert (document["intervention"]["enabled"], document["instructions"]) == (False, "mind the dog")


async def test_the_second_contact_four_ways(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    rest = {"phone": "06 39 98 00 02", "password": "lagon"}
    ways: list[dict[str, Any]] = [
        {"kind": "OWNER", "person_id": "eve", **rest},
        {"kind": "MEMBER", "person_id": "bob", **rest},
        {"kind": "EXTERNAL", "first_name": "Zoe", "last_name": "Roy", **rest},
    ]
    for revision, way in enumerate(ways, start=1):
        answer = await put(client, "second-contact", way, revision)
        assert answer.status_code == 200, answer.text
        second = answer.json()["second_contact"]
        assert (second["kind"], second["person_id"]) == (way["kind"], way.get("person_id"))
        assert (second["phone"], second["has_password"]) == ("+33639980002", True)
    none = await put(client, "second-contact", {"kind": "NONE"}, 4)
    assert none.json()["second_contact"] is None
    problem(await put(client, "second-contact", {"kind": "OWNER", "person_id": "bob", **rest}, 5), 422, "NOT_AN_OWNER")
    problem(await put(client, "second-contact", {"kind": "MEMBER", "person_id": "eve", **rest}, 5), 422, "NOT_A_MEMBER")
    problem(await put(client, "second-contact", {"kind": "NONE", **rest}, 5), 422, "INVALID")
    problem(await put(client, "second-contact", {"kind": "NOBODY"}, 5), 422, "INVALID")
    for wrong, field in (({"kind": "EXTERNAL"}, "first_name"), ({"kind": "OWNER", "x": 1}, "x"), ({}, "kind")):
        problem(await put(client, "second-contact", wrong, 5), 422, "INVALID", field)


async def test_the_first_contact_is_an_owner(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    for person_id in ("bob", "nobody"):
        answer = await put(client, "first-contact", {**ANN, "person_id": person_id}, 1)
        problem(answer, 422, "NOT_AN_OWNER", "person_id")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "06 39"),
        ("phone", "+33 1 11 11 11 11 11"),
        ("phone", "hello"),
        ("password", "abc"),
        ("password", "a b-c"),
        ("duress_password", "CORAIL-BLEU"),
        ("language", "français"),
        ("language", "x"),
        ("person_id", ""),
        ("unknown", 1),
    ],
)
async def test_what_is_wrong_is_named_and_not_quoted(api: Api, field: str, value: Any) -> None:
    client = api.client("portal:*")
    await make(client)
    answer = await put(client, "first-contact", {**ANN, field: value}, 1)
    document = problem(answer, 422, "INVALID", field)
    assert not isinstance(value, str) or not value or value not in str(document["errors"])
    assert (await state(client))["revision"] == 1


@pytest.mark.parametrize(
    ("part", "body"), [("address", {**HOME, "postal_code": "7430"}), ("address", {**HOME, "country": "ZZ"})]
)
async def test_an_address_in_the_form_of_its_country(api: Api, part: str, body: Any) -> None:
    client = api.client("portal:*")
    await make(client)
    wrong = "country" if body["country"] == "ZZ" else "postal_code"
    problem(await put(client, part, body, 1), 422, "INVALID", wrong)


async def test_numbers_belong_to_the_country_of_the_site(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    swiss = {"line1": "1", "postal_code": "1204", "city": "Genève", "country": "CH"}
    assert (await put(client, "address", swiss, 1)).status_code == 200
    answer = await put(client, "first-contact", {**ANN, "phone": "022 345 67 89"}, 2)
    assert answer.json()["first_contact"]["phone"] == "+41223456789"


async def test_revisions_are_required_compared_and_repeated(api: Api) -> None:
    client, other = api.client("portal:*"), api.client("portal:S1")
    await make(client)
    body = {"enabled": False}
    problem(await put(client, "intervention", body, None), 428, "REVISION_REQUIRED")
    first = await put(client, "intervention", body, 1)
    assert (first.status_code, first.json()["revision"]) == (200, 2)
    again = await put(client, "intervention", body, 1)
    assert (again.status_code, again.json()) == (200, first.json())
    assert problem(await put(other, "intervention", body, 1), 412, "REVISION_STALE")["revision"] == 2
    problem(await put(client, "intervention", {"enabled": True}, 1), 412, "REVISION_STALE")
    problem(await put(client, "intervention", body, 7), 412, "REVISION_STALE")
    for tag in ("2", '"02"', 'W/"2"', "*"):  # none is a tag that an answer had
        answer = await client.put("/v1/sites/S1/service/intervention", json=body, headers={"If-Match": tag})
        problem(answer, 412, "REVISION_STALE")
    history = "/v1/sites/S1/service/history"
    assert len((await client.get(history)).json()) == 2
    [made] = (await client.get(f"{history}?before=2")).json()
    assert (made["revision"], made["what"]) == (1, "site")
    for before in ("0", "1" * 19, "x"):
        problem(await client.get(f"{history}?before={before}"), 422, "INVALID")


async def test_the_same_request_with_words_is_known_by_its_words(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    first = await put(client, "first-contact", ANN, 1)
    assert first.json()["revision"] == 2
    assert (await put(client, "first-contact", ANN, 1)).json() == first.json()
    problem(await put(client, "first-contact", {**ANN, "password": "lagon"}, 1), 412, "REVISION_STALE")


async def test_words_stay_unlike_each_other_and_are_kept_as_hashes_alone(
    api: Api, rows: psycopg.Connection[Any]
) -> None:
    client = api.client("portal:*")
    await make(client)
    await put(client, "first-contact", {**ANN, "duress_password": "Lagon Vert"}, 1)
    without = {name: ANN[name] for name in ("person_id", "phone")}
    assert (await put(client, "first-contact", without, 2)).json()["first_contact"]["has_password"]
    problem(await put(client, "first-contact", {**without, "password": "lagon-vert"}, 3), 422, "INVALID", "password")
    problem(
        await put(client, "first-contact", {**without, "duress_password": "CORAILBLEU"}, 3),
        422,
        "INVALID",
        "duress_password",
    )
    [(password, duress)] = rows.execute("SELECT password_hash, duress_hash FROM portal.contacts").fetchall()
    assert fits(password, "corail bleu")
    assert fits(duress, "lagon vert")
    tables = [
        name for (name,) in rows.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'portal'").fetchall()
    ]
    everything = str([rows.execute(f"SELECT * FROM portal.{name}").fetchall() for name in tables]).lower()
    assert "corail" not in everything
    assert "lagon" not in everything
    history = (await client.get("/v1/sites/S1/service/history")).text.lower()
    assert "corail" not in history
    assert "$argon2" not in history


async def test_a_new_site_names_each_partner_once_as_an_old_one_does(api: Api) -> None:
    client = api.client("portal:*")
    twice = {"site_id": "S1", "name": "Home", "people": [], "partners": ["P1", "P2", "P1"]}
    problem(await client.post("/v1/sites", json=twice), 422, "INVALID", "partners")
    await make(client)
    problem(await put(client, "partners", {"partners": ["P1", "P1"]}, 1), 422, "INVALID", "partners")


async def test_people_come_change_and_go(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    await put(client, "first-contact", ANN, 1)
    where = "/v1/sites/S1/people"
    zoe = {"role": "MEMBER", "first_name": "Zoe", "last_name": "Roy"}
    answer = await client.put(f"{where}/zoe", json=zoe, headers={"If-Match": '"2"'})
    assert [person["person_id"] for person in answer.json()["people"]] == ["ann", "bob", "eve", "zoe"]
    renamed = {**PEOPLE[0], "last_name": "Roy"}
    answer = await client.put(f"{where}/ann", json=renamed, headers={"If-Match": '"3"'})
    assert answer.json()["first_contact"]["last_name"] == "Roy"
    problem(await client.delete(f"{where}/ann", headers={"If-Match": '"4"'}), 409, "IS_A_CONTACT")
    problem(await client.delete(f"{where}/nobody", headers={"If-Match": '"4"'}), 404, "NOT_FOUND")
    problem(await client.delete(f"{where}/bob"), 428, "REVISION_REQUIRED")
    answer = await client.delete(f"{where}/bob", headers={"If-Match": '"4"'})
    assert [person["person_id"] for person in answer.json()["people"]] == ["ann", "eve", "zoe"]
    assert (await client.delete(f"{where}/bob", headers={"If-Match": '"4"'})).json() == answer.json()


async def test_a_site_is_made_once_and_deleted_once(api: Api) -> None:
    client = api.client("portal:*")
    made = await make(client)
    assert await make(client) == made
    body = {"site_id": "S1", "name": "Other", "people": []}
    problem(await client.post("/v1/sites", json=body), 409, "EXISTS")
    problem(await client.delete("/v1/sites/S1"), 428, "REVISION_REQUIRED")
    problem(await client.delete("/v1/sites/S9"), 404, "NOT_FOUND")  # before anything is asked of the request
    problem(await client.delete("/v1/sites/S1", headers={"If-Match": '"9"'}), 412, "REVISION_STALE")
    for _ in range(2):
        assert (await client.delete("/v1/sites/S1", headers={"If-Match": '"1"'})).status_code == 204
    problem(await client.get("/v1/sites/S1/service"), 404, "NOT_FOUND")


async def test_on_test_for_a_day_at_most(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    problem(await put(client, "test", {"until": "2020-01-01T00:00:00Z"}, 1), 422, "INVALID", "until")
    problem(await put(client, "test", {"until": "2999-01-01T00:00:00Z"}, 1), 422, "INVALID", "until")
    from edges.web.values import write_instant  # noqa: PLC0415

    until = write_instant(now_ms() + 3_600_000)
    assert (await put(client, "test", {"until": until}, 1)).json()["test_until"] == until
    assert (await put(client, "test", {"until": None}, 2)).json()["test_until"] is None
    ended, began, made = (await client.get("/v1/sites/S1/service/history")).json()
    assert (ended["before"], ended["after"]) == ({"until": until}, {"until": None})
    assert (began["before"], began["after"]) == ({"until": None}, {"until": until})
    assert made["after"]["test"] == {"until": None}


async def test_who_may_do_what(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    await make(client, "S2")
    site = api.client("portal:S1")
    assert (await put(site, "intervention", {"enabled": False}, 1)).status_code == 200
    problem(await site.get("/v1/sites/S2/service"), 404, "NOT_FOUND")
    problem(await site.get("/v1/sites/S3/service"), 404, "NOT_FOUND")
    problem(await put(site, "partners", {"partners": []}, 2), 403, "FORBIDDEN")
    problem(await site.post("/v1/sites", json={"site_id": "S9", "name": "x", "people": []}), 403, "FORBIDDEN")
    problem(await api.client("alerts").get("/v1/sites/S1/service"), 403, "FORBIDDEN")
    problem(await api.client().get("/v1/sites/S1/service"), 401, "UNAUTHENTICATED")


async def test_people_sign_in_as_owner_member_support(api: Api) -> None:
    await make(api.client("portal:*"))
    await make(api.client("portal:*"), "S2")
    for name, role in (
        ("ann@example.org", "customer"),
        ("bob@example.org", "customer"),
        ("sue", "support"),
        ("joe", "operator"),
    ):
        api.user(name, role)  # type: ignore[arg-type]
    api.user("max", "customer", "S2")
    ann, bob, sue = [await api.signed_in(name) for name in ("ann@example.org", "bob@example.org", "sue")]
    body = {"enabled": False}
    assert (await put(ann, "intervention", body, 1)).status_code == 200
    assert (await bob.get("/v1/sites/S1/service")).status_code == 200
    problem(await put(bob, "intervention", body, 2), 403, "FORBIDDEN")
    problem(await put(sue, "intervention", body, 2), 403, "FORBIDDEN")
    assert (await put(sue, "partners", {"partners": ["P2"]}, 2)).json()["intervention"]["partners"] == ["P2"]
    problem(await put(ann, "partners", {"partners": []}, 3), 403, "FORBIDDEN")
    max_ = await api.signed_in("max")
    problem(await max_.get("/v1/sites/S1/service"), 404, "NOT_FOUND")
    assert (await put(max_, "intervention", body, 1, "S2")).status_code == 200
    problem(await (await api.signed_in("joe")).get("/v1/sites/S1/service"), 403, "FORBIDDEN")
    [partners, intervention, _] = (await ann.get("/v1/sites/S1/service/history")).json()
    assert (partners["by"], partners["what"]) == ("sue", "partners")
    assert (partners["before"], partners["after"]) == (["P1"], ["P2"])
    assert (intervention["by"], intervention["after"]) == ("ann@example.org", {"enabled": False})


async def test_what_the_engine_says_is_shown(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    record = Readiness("S1", False, False, False, ("FIRST_CONTACT", "POSTAL_ADDRESS"), (), 1_767_225_600_000)
    api.engine.take([Entry("readiness", 0, 0, 0, "S1", record)])
    assert (await state(client))["engine"] == {
        "ready": False,
        "missing": ["FIRST_CONTACT", "POSTAL_ADDRESS"],
        "at": "2026-01-01T00:00:00.000Z",
    }


async def test_the_document_names_every_route(api: Api) -> None:
    document = (await api.client().get("/openapi.json")).json()
    routes = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    service = "/v1/sites/{site_id}/service"
    assert routes >= {
        "POST /v1/sites",
        "DELETE /v1/sites/{site_id}",
        "PUT /v1/sites/{site_id}/people/{person_id}",
        "DELETE /v1/sites/{site_id}/people/{person_id}",
        f"GET {service}",
        f"GET {service}/history",
        *(
            f"PUT {service}/{part}"
            for part in (
                [
                    "subscription",
                    "first-contact",
                    "second-contact",
                    "address",
                    "instructions",
                    "intervention",
                    "test",
                    "partners",
                ]
            )
        ),
    }


async def test_somebody_with_a_login_and_no_account_is_a_customer(api: Api) -> None:
    await make(api.client("portal:*"))
    directory = PortalDirectory(api.web.users_file, api.store)
    ann = await directory.find("ann@example.org")
    assert ann is not None
    assert ann.role == "customer"
    assert await caller_of(ann).right("S1", api.store) is Right.CONFIGURE
    assert await directory.find("nobody@example.org") is None
    assert await directory.check("ann@example.org", "") is None
