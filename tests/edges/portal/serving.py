"""The portal's app over a database, without Kafka, and who calls it: programs, and browsers on a port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from edges.database.postgres import Pool, pool
from edges.portal.application import application
from edges.portal.engine import EngineView
from edges.portal.service import Portal
from edges.portal.settings import PortalConfiguration, PortalSettings
from edges.portal.store import Store
from edges.settings import Connection
from edges.web import accounts, tokens
from edges.web.accounts import Role
from edges.web.server import WebServer
from edges.web.settings import WebSettings
from service.postgres_settings import PostgresSettings

HERE: Final = "http://127.0.0.1:6081"
PASSWORD: Final = "correct horse"
WRAPPING_KEY: Final = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
PEOPLE: Final = [
    {"person_id": "ann", "role": "OWNER", "first_name": "Ann", "last_name": "Martin", "login": "ann@example.org"},
    {"person_id": "bob", "role": "MEMBER", "first_name": "Bob", "last_name": "Martin", "login": "bob@example.org"},
    {"person_id": "eve", "role": "OWNER", "first_name": "Eve", "last_name": "Martin"},
]
ANN: Final = {"person_id": "ann", "phone": "06 39 98 00 01", "password": "Corail Bleu", "language": "fr"}
HOME: Final = {"line1": "1 rue des Lilas", "postal_code": "74300", "city": "Cluses", "country": "FR"}


class Api:
    """The portal's app over a store, without Kafka, and programs that call it by a token each."""

    def __init__(self, store: Store, configuration: PortalConfiguration) -> None:
        self.engine = EngineView()
        self.store = store
        self.web = configuration.web
        self.app = application(Portal(store, self.engine, "FR"), configuration)

    def client(self, *scopes: str, name: str | None = None) -> httpx.AsyncClient:
        """A program with a token of these scopes; without scopes, a browser that is not signed in."""
        headers = {"Origin": HERE}
        if scopes:
            known = name or f"n{len(tokens.listed(self.web.tokens_file))}"
            headers["Authorization"] = f"Bearer {tokens.add(self.web.tokens_file, known, scopes)}"
        transport = httpx.ASGITransport(self.app, client=("192.0.2.1", 1))
        return httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers)

    def user(self, name: str, role: Role, *sites: str) -> None:
        """An account."""
        accounts.add(self.web.users_file, name, role, sites, PASSWORD)

    async def signed_in(self, name: str) -> httpx.AsyncClient:
        """A browser in which somebody has signed in."""
        browser = self.client()
        answer = await browser.post("/v1/session", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return browser


def configuration_of(schema: PostgresSettings, folder: Path) -> PortalConfiguration:
    """A portal that has a database and no Kafka."""
    web = WebSettings(tokens_file=folder / "tokens.json", users_file=folder / "users.json")
    connection = Connection(prefix="none.", group="none", partitions=1, consumer={}, producer={})
    return PortalConfiguration(PortalSettings(), connection, schema, web, WRAPPING_KEY)


class Served(NamedTuple):
    """The portal's app on a port of its own, its loop in a thread of its own."""

    address: str
    api: Api
    run: Callable[[Coroutine[Any, Any, Any]], Any]


@contextmanager
def serving(schema: PostgresSettings, folder: Path) -> Iterator[Served]:
    """The app over a schema, its tokens and accounts in a folder."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="portal")
    thread.start()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(30)

    async def start() -> tuple[Pool, Api, WebServer]:
        connections = pool(schema, "test")
        await connections.open()
        api = Api(Store(connections), configuration_of(schema, folder))
        server = WebServer(api.app, "127.0.0.1", 0)
        await server.start()
        return connections, api, server

    async def stop(connections: Pool, server: WebServer) -> None:
        await server.stop()
        await connections.close()

    connections, made, server = run(start())
    try:
        yield Served(server.address, made, run)
    finally:
        run(stop(connections, server))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def problem(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    if field is not None:
        assert field in [error["field"] for error in document["errors"]], document
    return document


async def make(client: httpx.AsyncClient, site_id: str = "S1") -> dict[str, Any]:
    body = {"site_id": site_id, "name": "Home", "people": PEOPLE, "partners": ["P1"]}
    answer = await client.post("/v1/sites", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def put(
    client: httpx.AsyncClient, part: str, body: Any, revision: int | None, site: str = "S1"
) -> httpx.Response:
    headers = {} if revision is None else {"If-Match": f'"{revision}"'}
    return await client.put(f"/v1/sites/{site}/service/{part}", json=body, headers=headers)


async def state(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/v1/sites/S1/service")
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == f'"{answer.json()["revision"]}"'
    return answer.json()  # type: ignore[no-any-return]
