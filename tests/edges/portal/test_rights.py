"""Over all routes there are: another's site is as one that is not there, and no word comes out of anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx
import psycopg
import pytest
from starlette.requests import Request
from starlette.responses import Response

from sinks.database.migrate import migrate
from tests.edges.portal.serving import ANN, HERE, HOME, PEOPLE, Api, make, problem, put

pytestmark = pytest.mark.asyncio

BODIES: Final[dict[str, Any]] = {
    "subscription": {"subscribed": True},
    "first-contact": ANN,
    "second-contact": {"kind": "NONE"},
    "address": HOME,
    "instructions": {"instructions": "x"},
    "intervention": {"enabled": False},
    "test": {"until": None},
    "partners": {"partners": ["P9"]},
    "{person_id}": {"role": "OWNER", "first_name": "Mal", "last_name": "Lory", "login": "mal@example.org"},
}
FORM: Final = "&".join(
    f"{name}={value}"
    for name, value in {
        "revision": "1", "subscribed": "yes", "enabled": "no", "hours": "1", "person_id": "ann", "kind": "NONE",
        "phone": "0639980001", "password": "abcd", "line1": "x", "postal_code": "74300", "city": "x", "country": "FR",
        "instructions": "x", "incident_id": "i",
    }.items()
)  # fmt: skip
WORDS: Final = ("Corail Bleu", "Lagon Vert")


def all_routes(routes: Sequence[Any]) -> Iterator[Any]:
    """Each route, also of the routers within."""
    for route in routes:
        if hasattr(route, "original_router"):
            yield from all_routes(route.original_router.routes)
        else:
            yield route


def site_routes(api: Api, *, pages: bool) -> list[tuple[str, str]]:
    """Method and path of each route of a site, of the API or of the pages."""
    routes = [route for route in all_routes(api.app.routes) if "{site_id}" in route.path]
    assert len(routes) > 30
    return [
        (method, route.path)
        for route in routes
        for method in sorted(route.methods)
        if route.path.startswith("/v1") is not pages
    ]


async def ask(client: httpx.AsyncClient, method: str, path: str, site_id: str) -> httpx.Response:
    """A good request, but for whose site it is."""
    url = path.format(site_id=site_id, person_id="ann", incident_id="i")
    if not path.startswith("/v1"):
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return await client.request(method, url, content=FORM if method == "POST" else None, headers=kind)
    body = BODIES.get(path.rpartition("/")[2]) if method == "PUT" else None
    return await client.request(method, url, json=body, headers={"If-Match": '"1"'})


def kept(rows: psycopg.Connection[Any]) -> Any:
    """What the database has of the other's site."""
    return rows.execute("SELECT revision, name, subscribed FROM portal.sites WHERE site_id = 'S2'").fetchall()


@pytest.mark.parametrize("who", ["owner", "account", "token", "nobody"])
async def test_another_s_site_is_as_one_that_is_not_there(api: Api, who: str, rows: psycopg.Connection[Any]) -> None:
    migrate(rows)
    support = api.client("portal:*")
    await make(support)
    body = {"site_id": "S2", "name": "Another", "people": [PEOPLE[0] | {"login": "other@example.org"}]}
    assert (await support.post("/v1/sites", json=body)).status_code == 201
    before = kept(rows)
    match who:
        case "owner":
            api.user("ann@example.org", "customer")
            client = await api.signed_in("ann@example.org")
        case "account":
            api.user("carl", "customer", "S1")
            client = await api.signed_in("carl")
        case "token":
            client = api.client("portal:S1")
        case _:
            client = api.client()
    asked = 0
    for pages in (False, True) if who != "token" else (False,):
        for method, path in site_routes(api, pages=pages):
            there, nowhere = [await ask(client, method, path, site_id) for site_id in ("S2", "S9")]
            expected = {401} if who == "nobody" else {403, 404}
            assert {there.status_code} <= expected, (method, path, there.text)
            assert (there.status_code, there.content) == (nowhere.status_code, nowhere.content), (method, path)
            assert "Another" not in there.text
            asked += 1
    assert asked > 12
    assert kept(rows) == before


async def test_a_member_reads_everything_and_changes_nothing(api: Api) -> None:
    await make(api.client("portal:*"))
    api.user("bob@example.org", "customer")
    client = await api.signed_in("bob@example.org")
    for method, path in site_routes(api, pages=False):
        answer = await ask(client, method, path, "S1")
        if method == "GET":
            assert answer.status_code == (409 if path.endswith("/incidents") else 200), (path, answer.text)
        else:
            assert answer.status_code == 403, (method, path, answer.text)
    for method, path in site_routes(api, pages=True):
        answer = await ask(client, method, path, "S1")
        is_form = method == "POST" or path.rpartition("/")[2] in BODIES
        assert answer.status_code == (403 if is_form else 200), (method, path, answer.status_code)
    assert (await client.get("/v1/sites/S1/service")).json()["revision"] == 1


async def test_an_owner_cannot_do_what_support_does(api: Api) -> None:
    await make(api.client("portal:*"))
    api.user("ann@example.org", "customer")
    client = await api.signed_in("ann@example.org")
    header = {"If-Match": '"1"'}
    person = BODIES["{person_id}"]
    for answer in (
        await client.post("/v1/sites", json={"site_id": "S7", "name": "x", "people": []}),
        await client.delete("/v1/sites/S1", headers=header),
        await client.put("/v1/sites/S1/people/mal", json=person, headers=header),
        await client.delete("/v1/sites/S1/people/bob", headers=header),
        await put(client, "partners", {"partners": ["P9"]}, 1),
        await client.get("/v1/transmitters/AB"),
        await client.put("/v1/transmitters/AB", json={"site_id": "S1"}),
        await client.delete("/v1/transmitters/AB"),
        await client.put("/v1/sites/S1/incidents/i/release"),
    ):
        assert answer.status_code == 403, answer.text


async def test_no_word_comes_out_of_any_route(api: Api, rows: psycopg.Connection[Any]) -> None:
    migrate(rows)
    support = api.client("portal:*")
    await make(support)
    api.user("ann@example.org", "customer")
    owner = await api.signed_in("ann@example.org")
    entered = ANN | {"password": WORDS[0], "duress_password": WORDS[1]}
    answers = [
        await put(owner, "first-contact", entered, 1),
        await put(owner, "first-contact", entered, 1),  # the same again
        await put(owner, "first-contact", entered | {"person_id": "bob"}, 2),  # refused
        await put(owner, "first-contact", entered | {"phone": "1"}, 2),
        await put(owner, "first-contact", entered | {"nonsense": 1}, 2),
        await put(owner, "first-contact", entered, 9),  # stale
        await put(owner, "first-contact", {"person_id": "ann", "phone": 7, "password": [WORDS[0]]}, 2),
    ]
    form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    typed = f"phone=1&person_id=ann&password={WORDS[0]}&duress_password={WORDS[1]}"
    answers += [
        await owner.post("/sites/S1/first-contact", content=revision + typed, headers=form)
        for revision in ("revision=2&", "revision=1&", "")
    ]
    for client in (owner, support):
        for pages in (False, True) if client is owner else (False,):
            answers += [
                await ask(client, method, path, "S1")
                for method, path in site_routes(api, pages=pages)
                if method == "GET"
            ]
    assert {answer.status_code for answer in answers} >= {200, 412, 422, 428}
    for answer in answers:
        said = f"{answer.url} {answer.headers} {answer.text}"
        for secret in (*WORDS, *(word.replace(" ", "").lower() for word in WORDS), "argon2", "duress_hash"):
            assert secret not in said, (answer.request.url, secret)
    assert HERE in str(answers[0].url)


async def test_a_member_whose_account_has_the_site_configures_it(api: Api) -> None:
    await make(api.client("portal:*"))
    api.user("bob@example.org", "customer", "S1")
    bob = await api.signed_in("bob@example.org")
    assert (await put(bob, "intervention", {"enabled": False}, 1)).status_code == 200


async def test_the_database_hesitates_to_say_who_is_known_by_login_alone(
    api: Api, rows: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who signed in by OpenID Connect, of whom the file of users has no entry."""
    await make(api.client("portal:*"))
    browser = signed_in_by_oidc(api, "ann@example.org")
    assert (await browser.get("/v1/session")).json()["role"] == "customer"
    monkeypatch.setattr("edges.portal.store.SECONDS", 0.2)
    with rows.transaction():
        rows.execute("LOCK portal.people IN ACCESS EXCLUSIVE MODE")
        problem(await browser.get("/v1/session"), 503, "UNCONFIRMED")
        problem(await put(browser, "subscription", {"subscribed": True}, 1), 503, "UNCONFIRMED")
        page = await browser.get("/", headers={"Accept": "text/html"})
        assert (page.status_code, "text/html" in page.headers["Content-Type"]) == (503, True)


def signed_in_by_oidc(api: Api, name: str) -> httpx.AsyncClient:
    """A browser with the session that the provider's answer begins."""
    host = HERE.removeprefix("http://").encode()
    request, response = Request({"type": "http", "path": "/", "headers": [(b"host", host)]}), Response()
    api.app.state.people.sessions.begin(request, response, name, "")
    cookie = response.headers["Set-Cookie"].partition(";")[0]
    browser = api.client()
    browser.headers["Cookie"] = cookie
    return browser
