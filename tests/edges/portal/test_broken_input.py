"""What nobody types: U+0000, forms of hundreds of fields, values that must not be quoted back."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import httpx
import psycopg
import pytest

from sinks.database.migrate import migrate
from tests.edges.portal.serving import ANN, HOME, Api, make, problem, put

pytestmark = pytest.mark.asyncio

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
OVERRIDE: Final = {"code": "130", "kind": "FIRE", "by": "zoe", "why": "heat"}
SECRET: Final = "Corail Bleu"


async def post(client: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Send a form as a browser does."""
    return await client.post(path, content=urlencode(fields), headers=FORM)


@pytest.mark.parametrize(
    ("override", "field"),
    [({"code": "\0"}, "overrides.0.code"), ({"zone": "1\0"}, "overrides.0.zone"), ({"by": "\0"}, "overrides.0.by")],
)
async def test_no_text_of_a_transmitter_holds_control_characters(
    api: Api, override: dict[str, str], field: str
) -> None:
    client = api.client("portal:*")
    await make(client)
    body = {"site_id": "S1", "overrides": [OVERRIDE | override]}
    problem(await client.put("/v1/transmitters/AB", json=body), 422, "INVALID", field)


@pytest.mark.parametrize("code", ["   ", "1\0", "1\n\x07"])
async def test_a_postal_code_is_text_also_where_a_country_has_no_form_of_it(api: Api, code: str) -> None:
    client = api.client("portal:*")
    await make(client)
    body = HOME | {"country": "AO", "postal_code": code}
    problem(await put(client, "address", body, 1), 422, "INVALID", "postal_code")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("\u0930\u093e\u0915\u094d\u200d\u0937", "\u0930\u093e\u0915\u094d\u200d\u0937"),
        ("\u200eRue\u00ad des\u200b  Lilas\ufeff ", "Rue des Lilas"),
        ("\u202esaliL", "saliL"),  # nothing turns round what stands beside it on an operator's screen
        ("\u200d \u200b", None),
        ("Li\u0007las", None),
        ("Li\ue000las", None),
    ],
)
async def test_a_line_holds_what_its_script_needs_and_nothing_unseen(api: Api, typed: str, kept: str | None) -> None:
    client = api.client("portal:*")
    await make(client)
    answer = await put(client, "address", HOME | {"line1": typed}, 1)
    if kept is None:
        problem(answer, 422, "INVALID", "line1")
    else:
        assert answer.json()["address"]["line1"] == kept


@pytest.mark.parametrize("body", [{"kind": SECRET}, {"kind": [SECRET]}, {"kind": {SECRET: 1}}, SECRET, [SECRET], {}])
async def test_a_kind_that_is_none_is_named_and_not_quoted(api: Api, body: Any) -> None:
    client = api.client("portal:*")
    await make(client)
    answer = await put(client, "second-contact", body, 1)
    document = problem(answer, 422, "INVALID", "kind" if isinstance(body, dict) else None)
    assert document["errors"]
    assert SECRET not in answer.text


@pytest.mark.parametrize("path", ["/sign-in", "/preferences", "/sites/S1/address", "/sites/S1/test"])
async def test_a_form_of_more_fields_than_any_page_has(api: Api, path: str) -> None:
    await make(api.client("portal:*"))
    api.user("ann@example.org", "customer")
    browser = await api.signed_in("ann@example.org")
    problem(await post(browser, path, **{f"f{number}": "" for number in range(201)}), 422, "INVALID")


async def test_what_is_looked_for_or_released_may_hold_anything(api: Api, rows: psycopg.Connection[Any]) -> None:
    migrate(rows)
    await make(api.client("portal:*"))
    api.user("sue", "support")
    browser = await api.signed_in("sue")
    for query in ("%00", "a%00b", "%ff", "%ed%a0%80", "'", "%25"):
        assert (await browser.get(f"/?q={query}")).status_code == 200
    assert (await post(browser, "/sites/S1/incidents", incident_id="a\0b")).status_code == 422
    assert (await post(browser, "/sign-in", name="a\0b", password="\0")).status_code == 401


@pytest.mark.parametrize("field", ["phone", "password", "duress_password"])
async def test_no_text_of_a_contact_holds_the_character_zero(api: Api, field: str) -> None:
    client = api.client("portal:*")
    await make(client)
    words = {"password": "corail", "duress_password": "lagon"}
    body = ANN | words | {field: "06 39 98 00 01\0" if field == "phone" else "rivage\0"}
    problem(await put(client, "first-contact", body, 1), 422, "INVALID", field)


async def test_a_word_may_be_anything_that_can_be_typed(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    for revision, word in enumerate(("Ǆéñ 日本 ﷺ", "\uff21\uff22\uff23\uff24", "abc\u0301" * 32, "ß" * 128), start=1):
        answer = await put(client, "first-contact", ANN | {"password": word}, revision)
        assert answer.status_code == 200, (word, answer.text)
        assert answer.json()["first_contact"]["has_password"] is True
