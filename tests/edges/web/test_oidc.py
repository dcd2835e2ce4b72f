"""Sign-in by OpenID Connect, at a provider that really runs."""

from __future__ import annotations

import errno
import re
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from edges.web import accounts
from edges.web.oidc import own_path
from edges.web.settings import WebSettings
from tests.edges.web.example import example
from tests.edges.web.test_http import problem
from tests.support.waiting import eventually

with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # it is made with an older authlib
    import oidc_provider_mock
    from authlib.integrations.httpx_client import AsyncOAuth2Client

# The provider of the tests is older than the library that it is made with.
pytestmark = [pytest.mark.asyncio, pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")]
HERE = "http://localhost:6080"


@contextmanager
def provider(port: int = 0) -> Iterator[str]:
    """One with a key of its own; its address. Its tokens name no key."""
    zoe = oidc_provider_mock.User(sub="1", claims={"preferred_username": "zoe"})
    stranger = oidc_provider_mock.User(sub="2", claims={"preferred_username": "stranger"})
    broken = oidc_provider_mock.User(sub="3", claims={"preferred_username": "zo\0e"})
    with oidc_provider_mock.run_server_in_thread(port, user_claims=(zoe, stranger, broken)) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as address:
        yield address


def browser(issuer: str, folder: Path) -> httpx.AsyncClient:
    accounts.add(folder / "users.json", "zoe", "operator", (), None)
    app = example(folder, WebSettings(oidc_issuer=issuer, oidc_client_secret="secret"))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE)


@pytest_asyncio.fixture
async def client(issuer: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(issuer, tmp_path) as made:
        yield made


async def at_the_provider(address: str, sub: str) -> str:
    """Sign in there; where it sends the browser then."""
    async with httpx.AsyncClient() as browser:
        response = await browser.post(address, data={"sub": sub})
    assert response.status_code in {302, 303}, response.text
    return response.headers["location"]


async def test_the_way_there_and_back(client: httpx.AsyncClient) -> None:
    response = await client.get("/sign-in/oidc?next=/work")
    query = parse_qs(urlsplit(response.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]
    assert {"state", "nonce", "code_challenge"} <= query.keys()
    back = await at_the_provider(response.headers["location"], "1")
    response = await client.get(back)
    assert (response.status_code, response.headers["location"]) == (303, "/work")
    assert (await client.get("/v1/session")).json()["role"] == "operator"
    assert set(client.cookies) == {"ronde-example"}
    # The same answer of the provider again, as from a history: there is nothing that waits for it.
    problem(await client.get(back), 401, "OIDC_FAILED")


@pytest.mark.slow
@pytest.mark.parametrize("sub", ["2", "3"])  # another name, and one that nobody can have
async def test_somebody_without_an_account(client: httpx.AsyncClient, sub: str) -> None:
    response = await client.get("/sign-in/oidc")
    back = await at_the_provider(response.headers["location"], sub)
    problem(await client.get(back), 403, "FORBIDDEN")
    problem(await client.get("/v1/session"), 401, "UNAUTHENTICATED")


async def test_an_answer_for_another_browser(client: httpx.AsyncClient) -> None:
    response = await client.get("/sign-in/oidc")
    back = await at_the_provider(response.headers["location"], "1")
    client.cookies.clear()
    problem(await client.get(back), 401, "OIDC_FAILED")


@pytest.mark.slow
@pytest.mark.parametrize("query", ["", "?code=x", "?state=x", "?code=x&state=x", "?error=access_denied&state=x"])
async def test_an_answer_that_is_none(client: httpx.AsyncClient, query: str) -> None:
    await client.get("/sign-in/oidc")
    problem(await client.get(f"/sign-in/oidc/callback{query}"), 401, "OIDC_FAILED")


@pytest.mark.slow
async def test_a_code_of_another_sign_in(client: httpx.AsyncClient) -> None:
    """PKCE: a code that was stolen from one browser is of no use in another."""
    first = await at_the_provider((await client.get("/sign-in/oidc")).headers["location"], "1")
    client.cookies.clear()
    own = await at_the_provider((await client.get("/sign-in/oidc")).headers["location"], "2")
    stolen = parse_qs(urlsplit(first).query)["code"][0]
    problem(await client.get(re.sub(r"code=[^&]+", f"code={stolen}", own)), 401, "OIDC_FAILED")


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["<html>wait</html>", "[]", "{}", '{"authorization_endpoint": 1}', "\xff"])
async def test_a_provider_whose_answer_is_none(
    answer: str, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a page of maintenance; it signs in again once its description is there."""

    async def maintenance(_self: httpx.AsyncClient, _method: str, url: str, **_values: object) -> httpx.Response:
        return httpx.Response(200, content=answer.encode("latin-1"), request=httpx.Request("GET", url))

    with monkeypatch.context() as patched:
        patched.setattr(AsyncOAuth2Client, "request", maintenance)
        problem(await client.get("/sign-in/oidc"), 503, "PROVIDER_AWAY")
        problem(await client.get("/sign-in/oidc/callback?code=x&state=x"), 503, "PROVIDER_AWAY")
    assert (await client.get("/sign-in/oidc")).status_code == 302


@contextmanager
def _taken_again(port: int) -> Iterator[None]:
    """A provider with another key at a port that another may hold for a moment."""
    with ExitStack() as stack:

        def taken() -> bool:
            try:
                stack.enter_context(provider(port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                return False
            return True

        eventually(taken, "the port is free again")
        yield


async def signed_in(client: httpx.AsyncClient) -> httpx.Response:
    """The answer to a whole sign-in of zoe."""
    return await client.get(await at_the_provider((await client.get("/sign-in/oidc")).headers["location"], "1"))


@pytest.mark.slow
async def test_a_provider_whose_only_key_is_another_now(tmp_path: Path) -> None:
    """Its tokens do not name their key, so one that is not right is all that shows it."""
    with provider() as address:
        client = browser(address, tmp_path)
        assert (await signed_in(client)).status_code == 303
    with _taken_again(urlsplit(address).port or 0):
        problem(await signed_in(client), 401, "OIDC_FAILED")
        assert (await signed_in(client)).status_code == 303
    await client.aclose()


@pytest.mark.slow
async def test_keys_that_are_none_are_asked_for_again(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a page of maintenance stands in their place."""
    request = AsyncOAuth2Client.request

    async def maintenance(self: httpx.AsyncClient, method: str, url: str, **values: Any) -> httpx.Response:
        if url.endswith("/jwks"):
            return httpx.Response(200, json={"error": "wait"}, request=httpx.Request(method, url))
        response: httpx.Response = await request(self, method, url, **values)
        return response

    with monkeypatch.context() as patched:
        patched.setattr(AsyncOAuth2Client, "request", maintenance)
        problem(await signed_in(client), 401, "OIDC_FAILED")
    assert (await signed_in(client)).status_code == 303


async def test_a_way_back_to_a_replica_whose_clock_is_behind(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = time.time() + 20
    with monkeypatch.context() as patched:
        patched.setattr("edges.web.sessions.time.time", lambda: ahead)
        response = await client.get("/sign-in/oidc")
    back = await at_the_provider(response.headers["location"], "1")
    assert (await client.get(back)).status_code == 303


async def test_a_provider_that_is_away(tmp_path: Path) -> None:
    app = example(tmp_path, WebSettings(oidc_issuer="http://localhost:1"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HERE) as client:
        problem(await client.get("/sign-in/oidc"), 503, "PROVIDER_AWAY")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a?b=c", "/a?b=c"),
        (None, "/"),
        ("", "/"),
        ("//evil", "/"),
        ("/\\evil", "/"),
        ("https://evil", "/"),
        ("/a\nb", "/"),
    ],
)
async def test_it_goes_on_to_our_own_paths_alone(target: str | None, path: str) -> None:
    assert own_path(target) == path


@pytest.mark.slow
@pytest.mark.parametrize("nonce", ["", "&nonce=another"])
async def test_an_identity_made_for_another_sign_in(client: httpx.AsyncClient, nonce: str) -> None:
    """The provider's token must have the nonce of this sign-in: else it may be one that was stolen."""
    address = (await client.get("/sign-in/oidc")).headers["location"]
    back = await at_the_provider(re.sub(r"&nonce=[^&]+", nonce, address), "1")
    problem(await client.get(back), 401, "OIDC_FAILED")
    problem(await client.get("/v1/session"), 401, "UNAUTHENTICATED")


@pytest.mark.slow
async def test_an_answer_to_a_sign_in_that_was_begun_again(client: httpx.AsyncClient) -> None:
    first = await at_the_provider((await client.get("/sign-in/oidc?next=/first")).headers["location"], "1")
    second = await at_the_provider((await client.get("/sign-in/oidc?next=/second")).headers["location"], "1")
    problem(await client.get(first), 401, "OIDC_FAILED")
    assert (await client.get(second)).headers["location"] == "/second"


@pytest.mark.slow
async def test_a_sign_in_makes_a_session_of_its_own(client: httpx.AsyncClient) -> None:
    """A session that another person planted, or saw before, is not the one that begins."""
    seen: set[str] = set()
    for _ in range(2):
        client.cookies.set("ronde-example", next(iter(seen), "planted"), domain="localhost.local")
        back = await at_the_provider((await client.get("/sign-in/oidc")).headers["location"], "1")
        response = await client.get(back)
        cookies = [line for line in response.headers.get_list("set-cookie") if line.startswith("ronde-example=")]
        seen |= {cookie.partition(";")[0].partition("=")[2] for cookie in cookies}
        assert all("httponly" in cookie.lower() and "samesite=lax" in cookie.lower() for cookie in cookies)
    assert len(seen) == 2
