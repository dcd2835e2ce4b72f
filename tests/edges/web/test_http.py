"""The HTTP ground: problems, strict bodies, tokens, headers, over an app with a route of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from edges.web import tokens
from edges.web.problems import MEDIA_TYPE
from tests.edges.web.example import example

pytestmark = pytest.mark.asyncio

ALERT = {"alert_id": "1", "kind": "FIRE", "raised_at": "2026-01-01T23:00:00+01:00"}
PATH = "/v1/sites/lilas-1/alerts"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def token(folder: Path) -> str:
    return tokens.add(folder / "tokens.json", "panel", ("alerts", "portal:lilas-1"))


@pytest_asyncio.fixture
async def client(folder: Path, token: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(example(folder), raise_app_exceptions=True)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as made:
        yield made


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.headers["content-type"] == MEDIA_TYPE
    document: dict[str, Any] = response.json()
    assert (response.status_code, document["status"], document["code"]) == (status, status, code)
    assert document["type"] == "about:blank"
    assert document["title"]
    assert document["detail"]
    return document


async def test_a_good_request_is_answered_with_times_in_utc_and_milliseconds(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, json=ALERT)
    assert response.status_code == 202
    assert response.json() == {"alert_id": "1", "site_id": "lilas-1", "raised_at": "2026-01-01T22:00:00.000Z"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("0000-02-29T00:00:00Z", "0000-02-29T00:00:00.000Z"),
        ("2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.250Z"),
        ("9999-12-31t23:59:59.9999z", "9999-12-31T23:59:59.999Z"),
    ],
)
async def test_times_are_those_of_all_other_inputs(client: httpx.AsyncClient, said: str, meant: str) -> None:
    """As `ronde simulate` and the imports read them (tests/service/test_rfc3339.py)."""
    response = await client.post(PATH, json=ALERT | {"raised_at": said})
    assert (response.status_code, response.json()["raised_at"]) == (202, meant)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"unknown": 1}, "unknown"),
        ({"alert_id": ""}, "alert_id"),
        ({"alert_id": "  "}, "alert_id"),
        ({"alert_id": "é" * 65}, "alert_id"),
        ({"alert_id": 7}, "alert_id"),
        ({"zone": "x" * 8193}, "zone"),
        ({"zone": "a\0b"}, "zone"),
        ({"kind": "fire"}, "kind"),
        ({"raised_at": "2026-01-01T23:00:00"}, "raised_at"),
        ({"raised_at": 1767308400000}, "raised_at"),
        ({"raised_at": "2026-02-30T23:00:00Z"}, "raised_at"),
        ({"raised_at": "0000-01-01T00:00:00+23:59"}, "raised_at"),
        ({"raised_at": "9999-12-31T23:59:59-00:01"}, "raised_at"),
        ({"raised_at": "2026-01-01T12:00:60Z"}, "raised_at"),  # no leap second ends here
        ({"raised_at": "2026-01-01T23:00:00+00:60"}, "raised_at"),
    ],
)
async def test_a_wrong_field_is_named(client: httpx.AsyncClient, change: dict[str, Any], field: str) -> None:
    response = await client.post(PATH, json=ALERT | change)
    document = problem(response, 422, "INVALID")
    assert [error["field"] for error in document["errors"]] == [field]
    assert all(error["message"] for error in document["errors"])


async def test_all_wrong_fields_are_named_at_once(client: httpx.AsyncClient) -> None:
    document = problem(await client.post(PATH, json={"kind": "NOISE", "more": 1}), 422, "INVALID")
    assert {error["field"]: error["message"] for error in document["errors"]} == {
        "alert_id": "is missing",
        "kind": "input should be 'INTRUSION' or 'FIRE'",
        "more": "is unknown",
        "raised_at": "is missing",
    }


@pytest.mark.parametrize(
    "body", [b"{", b'{"alert_id": NaN}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"[" * 2000, b'"\x01"', b"{} {}"]
)
async def test_what_is_not_json(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(PATH, content=body, headers={"Content-Type": "application/json"})
    problem(response, 400, "NOT_JSON")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", None])
async def test_a_body_must_be_sent_as_json(client: httpx.AsyncClient, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    problem(await client.post(PATH, content=b"{}", headers=headers), 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("value", [[], "text", 1, None])
async def test_a_body_must_be_an_object(client: httpx.AsyncClient, value: object) -> None:
    problem(await client.post(PATH, json=value), 422, "INVALID")


async def test_a_body_is_missing(client: httpx.AsyncClient) -> None:
    problem(await client.post(PATH), 422, "INVALID")


async def test_a_body_has_at_most_64_kib_however_it_is_sent(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(65):
            yield b" " * 1024

    problem(await client.post(PATH, content=b" " * 65_537), 413, "TOO_LARGE")
    problem(await client.post(PATH, content=pieces()), 413, "TOO_LARGE")
    whole = b" " * (65_536 - 2) + b"{}"
    problem(await client.post(PATH, content=whole, headers={"Content-Type": "application/json"}), 422, "INVALID")


async def test_who_asks_is_judged_before_what_they_sent(client: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer ronde_wrong", "Content-Type": "application/json"}
    response = await client.post(PATH, content=b"{", headers=headers)
    problem(response, 401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"].startswith("Bearer")
    for wrong in ("", "Basic eDp5", "Bearer", "bearer  "):
        problem(await client.post(PATH, json=ALERT, headers={"Authorization": wrong}), 401, "UNAUTHENTICATED")


async def test_the_scheme_of_a_token_is_of_any_case(client: httpx.AsyncClient, token: str) -> None:
    response = await client.post(PATH, json=ALERT, headers={"Authorization": f"bearer {token}"})
    assert response.status_code == 202


async def test_a_scope_of_another_kind_is_forbidden(client: httpx.AsyncClient, folder: Path) -> None:
    other = tokens.add(folder / "tokens.json", "other", ("partner:azur",))
    problem(await client.post(PATH, json=ALERT, headers={"Authorization": f"Bearer {other}"}), 403, "FORBIDDEN")


async def test_what_is_not_yours_and_what_is_not_there_look_the_same(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/sites/lilas-1")).json() == {"site_id": "lilas-1"}
    answers = [await client.get(path) for path in ("/v1/sites/A%2F12", "/v1/sites/nowhere", "/nowhere", "/v1/sites/")]
    bodies = {answer.content for answer in answers}
    assert len(bodies) == 1
    for answer in answers:
        problem(answer, 404, "NOT_FOUND")


async def test_a_token_is_in_force_until_it_is_removed(client: httpx.AsyncClient, folder: Path) -> None:
    assert (await client.post(PATH, json=ALERT)).status_code == 202
    tokens.remove(folder / "tokens.json", "panel")
    problem(await client.post(PATH, json=ALERT), 401, "UNAUTHENTICATED")
    token = tokens.add(folder / "tokens.json", "panel", ("alerts",))
    client.headers["Authorization"] = f"Bearer {token}"
    assert (await client.post(PATH, json=ALERT)).status_code == 202
    (folder / "tokens.json").unlink()
    problem(await client.post(PATH, json=ALERT), 401, "UNAUTHENTICATED")


async def test_a_damaged_file_of_tokens_lets_nobody_in(client: httpx.AsyncClient, folder: Path) -> None:
    (folder / "tokens.json").write_text("{", encoding="utf-8")
    problem(await client.post(PATH, json=ALERT), 503, "UNREADABLE")


async def test_a_slash_in_an_id_is_sent_encoded(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/sites/A%2F1%20é/alerts", json=ALERT)).json()["site_id"] == "A/1 é"
    assert (await client.post("/v1/sites/A%252F1/alerts", json=ALERT)).json()["site_id"] == "A%2F1"
    problem(await client.post("/v1/sites/A%001/alerts", json=ALERT), 404, "NOT_FOUND")
    problem(await client.post("/v1/sites/A%ff1/alerts", json=ALERT), 404, "NOT_FOUND")
    problem(await client.post(f"/v1/sites/{'x' * 129}/alerts", json=ALERT), 422, "INVALID")
    problem(await client.post("/v1/sites/%20/alerts", json=ALERT), 422, "INVALID")


async def test_another_method(client: httpx.AsyncClient) -> None:
    response = await client.put(PATH, json=ALERT)
    problem(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"
    response = await client.put("/v1/session")
    problem(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "DELETE, GET, POST"  # of three routes, in a router of its own


async def test_an_error_of_another_part_is_the_problem_it_stands_for(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, json=ALERT | {"zone": "unconfirmed"})
    assert "may have been taken" in problem(response, 503, "UNCONFIRMED")["detail"]
    response = await client.post(PATH, json=ALERT | {"zone": "broken"})
    problem(response, 500, "INTERNAL")
    assert "secret" not in response.text


async def test_every_answer_has_the_headers(client: httpx.AsyncClient) -> None:
    for path in ("/v1/sites/lilas-1", "/nowhere", "/openapi.json"):
        headers = (await client.get(path)).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert len(headers["x-request-id"]) == 16
        assert "strict-transport-security" not in headers
        assert "server" not in headers


async def test_openapi_documents_every_answer(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/sites/{site_id}/alerts"]["post"]
    assert set(operation["responses"]) == {"202", "400", "401", "403", "404", "413", "415", "422", "503"}
    assert operation["responses"]["503"]["x-codes"] == ["UNCONFIRMED", "UNREADABLE"]
    assert operation["security"] == [{"token": []}]
    assert document["components"]["schemas"]["Alert"]["additionalProperties"] is False
    assert document["components"]["schemas"]["Alert"]["properties"]["raised_at"]["format"] == "date-time"
    assert "HTTPValidationError" not in document["components"]["schemas"]
    problems = document["components"]["schemas"]["Problem"]["properties"]
    assert set(problems) == {"type", "title", "status", "detail", "code", "errors"}
