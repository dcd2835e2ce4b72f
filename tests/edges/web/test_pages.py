"""Pages without a browser: languages, appearance, sign-in, errors, static files, headers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from edges.web import accounts, callers, oidc, problems, sign_in
from edges.web.problems import ProblemKind, documented
from tests.edges.web.showcase import showcase
from tests.edges.web.test_sign_in import CHEAP, HERE, PASSWORD

pytestmark = pytest.mark.asyncio
WEB = Path(problems.__file__).parent
BROWSER = {"Accept": "text/html,*/*", "Origin": HERE}


@pytest_asyncio.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(accounts, "hashed", CHEAP.hash)
    accounts.add(tmp_path / "users.json", "zoe", "operator", (), PASSWORD)
    transport = httpx.ASGITransport(showcase(tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=BROWSER) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.5", "fr"),
        ("en-GB", "en"),
        ("FR", "fr"),
        ("EN-gb, fr;q=0.5", "en"),
        ("en;Q=0.4, Fr-CA", "fr"),
        ("de, fr;q=0.4", "fr"),
        ("de", "en"),
        ("", "en"),
        ("x;q=a", "en"),
    ],
)
async def test_the_browser_s_language(client: httpx.AsyncClient, header: str, language: str) -> None:
    response = await client.get("/sign-in", headers={"Accept-Language": header})
    assert f'<html lang="{language}"' in response.text
    assert response.headers["content-language"] == language


async def test_a_language_and_an_appearance_that_were_chosen_are_kept(client: httpx.AsyncClient) -> None:
    form = {"language": "fr", "next": "/sign-in?next=/private"}
    response = await client.post("/preferences", data=form)
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in?next=/private")
    await client.post("/preferences", data={"theme": "dark"})
    page = (await client.get("/sign-in", headers={"Accept-Language": "en"})).text
    assert '<html lang="fr" data-theme="dark"' in page
    assert "Mot de passe" in page
    await client.post("/preferences", data={"theme": ""})
    assert "data-theme" not in (await client.get("/sign-in")).text
    response = await client.post("/preferences", data={"language": "xx", "next": "https://evil.example"})
    assert response.headers["location"] == "/"
    assert (await client.post("/preferences", headers={"Origin": "https://evil.example"})).status_code == 403


async def test_who_is_not_signed_in_is_sent_to_do_so_and_comes_back(client: httpx.AsyncClient) -> None:
    response = await client.get("/private?a=b")
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in?next=%2Fprivate%3Fa%3Db")
    form = {"name": "zoe", "password": "wrong", "next": "/private?a=b"}
    response = await client.post("/sign-in", data=form)
    assert response.status_code == 401
    assert "Name or password is wrong." in response.text
    assert 'value="zoe"' in response.text
    assert "wrong" not in response.text.replace("is wrong", "")
    response = await client.post("/sign-in", data=form | {"password": PASSWORD})
    assert (response.status_code, response.headers["location"]) == (303, "/private?a=b")
    page = await client.get("/private")
    assert "Sign out" in page.text
    assert (await client.post("/sign-out")).status_code == 303
    assert (await client.get("/private")).status_code == 303


@pytest.mark.usefixtures("waits_last")
async def test_sign_in_by_a_page_waits_too_and_needs_our_origin(client: httpx.AsyncClient) -> None:
    form = {"name": "zoe", "password": PASSWORD}
    assert (await client.post("/sign-in", data=form, headers={"Origin": "https://evil.example"})).status_code == 403
    for _ in range(5):
        await client.post("/sign-in", data=form | {"password": "wrong"})
    response = await client.post("/sign-in", data=form, headers={"Accept-Language": "fr"})
    assert response.status_code == 429
    assert "essais ont échoué" in response.text
    assert response.headers["retry-after"] == "1"


@pytest.mark.usefixtures("waits_last")
async def test_of_a_name_that_nobody_can_have_little_is_remembered(client: httpx.AsyncClient) -> None:
    names = [f"{'x' * 129}{number}" for number in range(6)]
    statuses = [(await client.post("/sign-in", data={"name": name, "password": "x"})).status_code for name in names]
    assert statuses == [*[401] * 5, 429]  # they are counted as one


async def test_what_is_typed_is_escaped(client: httpx.AsyncClient) -> None:
    response = await client.post("/sign-in", data={"name": '"><script>x</script>', "password": "x"})
    assert "<script>x" not in response.text


async def test_errors_are_pages_for_browsers_and_problems_for_the_api(client: httpx.AsyncClient) -> None:
    page = await client.get("/nowhere", headers={"Accept-Language": "fr"})
    assert page.status_code == 404
    assert "Page introuvable" in page.text
    assert (await client.get("/v1/nowhere")).json()["code"] == "NOT_FOUND"
    assert (await client.get("/nowhere", headers={"Accept": "*/*"})).json()["code"] == "NOT_FOUND"


async def test_no_page_has_script_or_style_within(client: httpx.AsyncClient) -> None:
    for path in ("/components", "/sign-in"):
        response = await client.get(path)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", response.text)
        assert "default-src 'self'" in response.headers["content-security-policy"]


async def test_static_files_are_kept_for_good_under_their_hash(client: httpx.AsyncClient) -> None:
    page = (await client.get("/sign-in")).text
    addresses = re.findall(r'"(/static/[^"]+)"', page)
    assert {address.rpartition(".")[2] for address in addresses} == {"css", "js", "svg"}
    for address in addresses:
        response = await client.get(address)
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await client.get("/static/ronde.css")).status_code == 404
    assert (await client.get("/static/..%2Fpages.py")).status_code == 404


async def test_every_message_is_there_in_french() -> None:
    method_map = [("**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
    wanted = {str(found[2]) for found in extract_from_dir(WEB, method_map, {"**.html": {"silent": "false"}})}
    modules = (problems, callers, sign_in, oidc)
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, ProblemKind)}
    wanted |= {text for kind in kinds for text in (kind.title, kind.detail)} | set(problems.TITLES.values())
    with (WEB / "locale" / "fr" / "messages.po").open("rb") as file:
        catalogue = {message.id: message for message in read_po(file) if message.id}
    assert wanted - catalogue.keys() == set()
    assert not [message.id for message in catalogue.values() if not message.string or message.fuzzy]


@pytest.mark.parametrize("status", [413, 422])
async def test_titles_are_the_same_under_every_python(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    title = ProblemKind(status, "CODE", "Words.").title
    monkeypatch.setattr(HTTPStatus(status), "phrase", "Content of Another Python")
    assert ProblemKind(status, "CODE", "Words.").title == title
    assert documented(ProblemKind(status, "CODE", "Words."))[status]["description"] == f"{title}: CODE"


async def test_where_there_is_tls_browsers_keep_to_it(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(showcase(tmp_path, public_url="https://desk.example"))
    async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as client:
        assert "max-age" in (await client.get("/sign-in")).headers["strict-transport-security"]
