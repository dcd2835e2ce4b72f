"""Sign-in of people by password: sessions, roles, origins, waits."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from argon2 import PasswordHasher

from edges.web import accounts, tokens
from edges.web.files import read_model, write_model
from edges.web.sessions import SECONDS, Sessions
from ronde.shared.settings import in_force
from tests.conftest import Run
from tests.edges.web.example import KEY, example
from tests.edges.web.test_http import problem

pytestmark = pytest.mark.asyncio

PASSWORD = "correct horse"
HERE = "http://127.0.0.1:6080"


CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def users_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(accounts, "hashed", CHEAP.hash)
    path = tmp_path / "users.json"
    accounts.add(path, "zoe", "operator", (), PASSWORD)
    accounts.add(path, "eve", "auditor", (), PASSWORD)
    accounts.add(path, "oidc-only", "operator", (), None)
    return path


def browser(folder: Path, address: str = HERE, client: str = "192.0.2.1") -> httpx.AsyncClient:
    app = example(folder, public_url=None if "127.0.0.1" in address else address)
    return another(httpx.ASGITransport(app, client=(client, 1)), address)


def another(transport: httpx.AsyncBaseTransport, address: str = HERE) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, base_url=address, headers={"Origin": address})


@pytest_asyncio.fixture
async def client(tmp_path: Path, users_file: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(tmp_path) as made:
        yield made


async def sign_in(client: httpx.AsyncClient, name: str = "zoe", password: str = PASSWORD) -> httpx.Response:
    return await client.post("/v1/session", json={"name": name, "password": password})


async def test_a_session_begins_and_ends(client: httpx.AsyncClient) -> None:
    problem(await client.get("/v1/session"), 401, "UNAUTHENTICATED")
    response = await sign_in(client)
    assert response.status_code == 200
    cookie = client.cookies["ronde-example"]
    assert (response.json()["name"], response.json()["role"]) == ("zoe", "operator")
    assert PASSWORD not in response.text
    assert (await client.get("/v1/session")).json()["name"] == "zoe"
    assert (await client.post("/v1/notes", json={"text": "x"})).status_code == 204
    assert (await client.delete("/v1/session")).status_code == 204
    assert not client.cookies
    problem(await client.get("/v1/session", headers={"Cookie": f"ronde-example={cookie}"}), 401, "UNAUTHENTICATED")
    problem(await client.post("/v1/notes", json={"text": "x"}), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("host", ["[", "[::1", "[zz]:1", "]", ""])
async def test_a_host_that_is_none_has_no_session_here(client: httpx.AsyncClient, host: str) -> None:
    await sign_in(client)
    problem(await client.get("/v1/session", headers={"Host": host}), 401, "UNAUTHENTICATED")
    own = {"Host": host, "Origin": f"http://{host}"}
    assert (await client.delete("/v1/session", headers=own)).status_code == 204


async def test_the_cookie_on_localhost(client: httpx.AsyncClient) -> None:
    cookie = (await sign_in(client)).headers["set-cookie"]
    assert cookie.startswith("ronde-example=")
    parts = {part.strip() for part in cookie.split(";")}
    assert {"HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={SECONDS}"} <= parts
    assert "Secure" not in parts


async def test_the_cookie_elsewhere(tmp_path: Path, users_file: Path) -> None:
    async with browser(tmp_path, "https://desk.example") as client:
        cookie = (await sign_in(client)).headers["set-cookie"]
        assert cookie.startswith("__Host-ronde-example=")
        parts = {part.strip() for part in cookie.split(";")}
        assert {"HttpOnly", "SameSite=Lax", "Path=/", "Secure"} <= parts
        assert not any(part.lower().startswith("domain") for part in parts)
        assert (await client.get("/v1/session")).status_code == 200


async def test_a_replica_with_the_same_key_knows_the_session(client: httpx.AsyncClient, tmp_path: Path) -> None:
    await sign_in(client)
    async with another(httpx.ASGITransport(example(tmp_path))) as other:
        other.cookies = client.cookies
        assert (await other.get("/v1/session")).status_code == 200


async def test_a_forged_or_old_cookie_is_none(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await sign_in(client)
    value = client.cookies["ronde-example"]
    client.cookies.set("ronde-example", value[:-2] + ("AA" if value[-2:] != "AA" else "BB"), domain="127.0.0.1")
    problem(
        await client.get("/v1/session", headers={"Cookie": f"ronde-example={value[:-3]}abc"}), 401, "UNAUTHENTICATED"
    )
    later = time.time() + SECONDS + 2
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    problem(await client.get("/v1/session", headers={"Cookie": f"ronde-example={value}"}), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("ahead", [0, 2, 60])
async def test_a_session_begins_at_once_and_ends_at_its_end_by_the_clock_of_any_replica(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """``ahead``: the seconds by which the clock of the replica that signed goes before this one's."""
    now = int(time.time())
    monkeypatch.setattr("edges.web.sessions.time.time", lambda: now + ahead)
    ends_at = (await sign_in(client)).json()["expires_at"]
    cookie = {"Cookie": f"ronde-example={client.cookies['ronde-example']}"}
    client.cookies.clear()
    for at in (now, now + ahead + SECONDS):
        monkeypatch.setattr("edges.web.sessions.time.time", partial(float, at))
        assert (await client.get("/v1/session", headers=cookie)).json()["expires_at"] == ends_at
    monkeypatch.setattr("edges.web.sessions.time.time", lambda: now + ahead + SECONDS + 1)
    problem(await client.get("/v1/session", headers=cookie), 401, "UNAUTHENTICATED")


async def test_a_session_of_the_future_is_none(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    monkeypatch.setattr("edges.web.sessions.time.time", lambda: now + 61)
    await sign_in(client)
    monkeypatch.setattr("edges.web.sessions.time.time", lambda: now)
    problem(await client.get("/v1/session"), 401, "UNAUTHENTICATED")


async def test_roles_are_looked_up_at_each_request(client: httpx.AsyncClient, users_file: Path) -> None:
    await sign_in(client)
    users = accounts.listed(users_file)
    changed = tuple(u.model_copy(update={"role": "auditor"}) if u.name == "zoe" else u for u in users)
    write_model(users_file, accounts.Accounts(users=changed))
    problem(await client.post("/v1/notes", json={"text": "x"}), 403, "FORBIDDEN")
    accounts.remove(users_file, "zoe")
    problem(await client.post("/v1/notes", json={"text": "x"}), 401, "UNAUTHENTICATED")


async def test_a_changed_password_ends_sessions(client: httpx.AsyncClient, users_file: Path) -> None:
    await sign_in(client)
    accounts.set_password(users_file, "zoe", "another horse")
    problem(await client.get("/v1/session"), 401, "UNAUTHENTICATED")
    assert (await sign_in(client, password="another horse")).status_code == 200


async def test_an_account_that_is_made_again_is_another_one(users_file: Path) -> None:
    """Also without a password, as those have who sign in at a provider: its old sessions do not come back."""
    users = read_model(users_file, accounts.Accounts).users
    [old] = [account for account in users if account.name == "oidc-only"]
    again = old.model_copy(update={"created_at": old.created_at + timedelta(seconds=1)})
    assert old.person.stamp != again.person.stamp
    assert old.person.stamp == old.model_copy(update={"role": "supervisor"}).person.stamp


@pytest.mark.parametrize(
    "origin", [None, "https://evil.example", "null", "http://127.0.0.1:6081", "https://127.0.0.1:6080"]
)
async def test_an_unsafe_method_needs_our_own_origin(client: httpx.AsyncClient, origin: str | None) -> None:
    await sign_in(client)
    del client.headers["Origin"]
    headers = {"Origin": origin} if origin else {}
    problem(await client.post("/v1/notes", json={"text": "x"}, headers=headers), 403, "FOREIGN_ORIGIN")
    problem(await client.delete("/v1/session", headers=headers), 403, "FOREIGN_ORIGIN")
    body = {"name": "zoe", "password": PASSWORD}
    problem(await client.post("/v1/session", json=body, headers=headers), 403, "FOREIGN_ORIGIN")
    assert (await client.get("/v1/session", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("address", "origin", "status"),
    [
        ("http://127.0.0.1:80", "http://127.0.0.1", 200),
        ("https://desk.example:443", "https://desk.example", 200),
        ("https://desk.example", "https://desk.example:443", 200),
        ("https://desk.example:443", "https://desk.example:80", 403),
        ("https://desk.example:80", "https://desk.example", 403),
        ("https://desk.example", "http://desk.example", 403),
    ],
)
async def test_an_origin_has_its_scheme_s_port_in_any_spelling(
    tmp_path: Path, users_file: Path, address: str, origin: str, status: int
) -> None:
    """Browsers leave it out; what is set for `public_url`, and a proxy's `Host`, may have it."""
    for public_url in (None, address):
        app = example(tmp_path, public_url=public_url)
        headers = {"Origin": origin, "Host": address.partition("//")[2]}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address, headers=headers) as made:
            assert (await sign_in(made)).status_code == status


async def test_a_machine_needs_no_origin_and_no_cookie(client: httpx.AsyncClient, tmp_path: Path) -> None:
    token = tokens.add(tmp_path / "tokens.json", "robot", ("desk",))
    del client.headers["Origin"]
    response = await client.get("/v1/both", headers={"Authorization": f"Bearer {token}"})
    assert response.json() == {"name": "robot"}
    problem(await client.get("/v1/both"), 401, "UNAUTHENTICATED")


async def test_wrong_names_and_passwords_look_the_same(client: httpx.AsyncClient) -> None:
    answers = [await sign_in(client, *pair) for pair in (("zoe", "wrong"), ("nobody", "wrong"), ("oidc-only", ""))]
    for answer in answers:
        problem(answer, 401, "SIGN_IN_FAILED")
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.usefixtures("waits_last")
async def test_failures_wait_and_a_running_session_is_not_touched(client: httpx.AsyncClient, tmp_path: Path) -> None:
    await sign_in(client)
    async with another(client._transport) as attacker:
        for _ in range(5):
            problem(await sign_in(attacker, password="wrong"), 401, "SIGN_IN_FAILED")
        response = await sign_in(attacker)
        problem(response, 429, "TOO_MANY_ATTEMPTS")
        assert response.headers["retry-after"] == "1"
        assert (await client.get("/v1/session")).status_code == 200
        assert (await sign_in(attacker, "eve")).status_code == 200


async def test_hashing_does_not_stop_the_loop(client: httpx.AsyncClient) -> None:
    names: set[str] = set()
    hasher = PasswordHasher.verify

    def verify(self: PasswordHasher, *arguments: str) -> bool:
        names.add(threading.current_thread().name)
        return hasher(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PasswordHasher, "verify", verify)
        await asyncio.gather(*(sign_in(client) for _ in range(3)))
    assert names
    assert all(name.startswith("argon2") for name in names)


@pytest.mark.real_hashes
async def test_passwords_are_kept_as_argon2id() -> None:
    assert accounts.hashed(PASSWORD).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@pytest.mark.real_hashes
@pytest.mark.parametrize("password", ["correct\0horse", "correct\udcffhorse"])
async def test_a_password_that_no_request_can_have_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="a password is text in UTF-8, without"):
        accounts.hashed(password)


async def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        Sessions("desk", "short")
    assert len(KEY) >= 32


async def test_users_are_kept_by_the_command(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "users.json"
    monkeypatch.setenv("RONDE_WEB__USERS_FILE", str(path))

    def typing(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    typing("correct horse\n")
    assert run("users", "add", "zoe", "--role", "operator").exit == 0
    typing("short\n")
    assert "at least 8" in run("users", "add", "ann", "--role", "operator").err
    assert run("users", "add", "ann", "--role", "boss").exit == 2
    as_a_program = run("users", "add", "token:crm", "--role", "operator", "--oidc")
    assert (as_a_program.exit, "token:" in as_a_program.err) == (2, True)
    assert run("users", "add", "ann", "--role", "operator", "--site", "lilas-1", "--oidc").exit == 2
    by_login = run("users", "add", "eve@example.org", "--role", "customer", "--oidc")
    assert (by_login.exit, "eve@example.org as `login`" in by_login.err) == (0, True)
    assert run("users", "remove", "eve@example.org").exit == 0
    assert run("users", "add", "ann", "--role", "customer", "--site", "lilas-1", "--oidc").exit == 0
    assert "correct" not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    known = accounts.AccountFile(path)
    person = await known.check("zoe", "correct horse")
    assert person is not None
    typing("another horse\n")
    assert run("users", "password", "zoe").exit == 0
    assert await known.check("zoe", "correct horse") is None
    listed = run("users", "list").out
    assert "lilas-1" in listed
    assert "argon2" not in listed
    assert run("users", "remove", "zoe").exit == 0
    assert await known.find("zoe") is None
    assert run("users", "remove", "zoe").exit == 1


async def test_the_session_key_comes_by_reference_and_is_never_shown(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(KEY + "\n", encoding="utf-8")
    file = tmp_path / "settings.toml"
    file.write_text(
        '[web]\nsession_key = { file = "key" }\noidc_client_secret = { env = "SECRET" }\n', encoding="utf-8"
    )
    monkeypatch.setenv("SECRET", "of the client")
    shown = run("settings", "--settings", file)
    assert shown.exit == 0
    assert KEY not in shown.out
    assert "of the client" not in shown.out
    assert in_force(file).web.session_key == KEY
    (tmp_path / "key").write_text("short", encoding="utf-8")
    wrong = run("settings", "--settings", file)
    assert wrong.exit == 2
    assert "web.session_key" in wrong.err
    assert "short" not in wrong.err.replace("shorter", "")
