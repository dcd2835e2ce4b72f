"""What the forms and pages hold, without a browser: nothing that was kept is lost by saving what is shown."""

from __future__ import annotations

import re
from typing import Any, Final

import httpx
import psycopg
import pytest

from edges.errors import DatabaseAwayError
from edges.portal import pages
from edges.portal.core import Contact, Intervention, Site
from edges.portal.rows import Edit
from edges.web.problems import UNCONFIRMED
from edges.web.values import write_instant
from service.clock import now_ms
from tests.edges.portal.serving import ANN, HOME, Api, make, put, state

pytestmark = pytest.mark.asyncio

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
TOO_SHORT: Final = {"phone": "06 39", "password": "", "duress_password": "", "language": "fr"}


async def owner(api: Api, language: str = "en") -> httpx.AsyncClient:
    """A browser in which Ann, the owner, has signed in."""
    api.user("ann@example.org", "customer")
    browser = await api.signed_in("ann@example.org")
    browser.headers["Accept-Language"] = language
    return browser


async def save(browser: httpx.AsyncClient, part: str, **fields: Any) -> httpx.Response:
    return await browser.post(f"/sites/S1/{part}", data=fields)


def needs_password(page: httpx.Response) -> bool:
    """Whether the form asks for a word before it can be sent."""
    [field] = re.findall(r'<input id="password"[^>]*>', page.text)
    return " required" in field


def chosen(page: httpx.Response, field: str) -> list[str]:
    """The value that a list has chosen."""
    [options] = re.findall(rf'<select id="{field}".*?</select>', page.text, re.DOTALL)
    return re.findall(r'<option value="([^"]*)" selected', options)


async def test_who_is_both_contacts_stays_chosen(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    await put(client, "first-contact", ANN, 1)
    answer = await put(client, "second-contact", {"kind": "OWNER", "person_id": "ann", "phone": "0639980002"}, 2)
    assert answer.json()["warnings"] == ["CONTACT_2_PASSWORD", "CONTACT_2_ID"]
    browser = await owner(api)
    for part in ("first-contact", "second-contact"):
        assert chosen(await browser.get(f"/sites/S1/{part}"), "person_id") == ["ann"]
    await put(client, "second-contact", {"kind": "OWNER", "person_id": "eve", "phone": "0639980002"}, 3)
    first = (await browser.get("/sites/S1/first-contact")).text
    assert 'value="eve"' not in first, "the other contact is not offered"


async def test_a_form_shown_again_still_keeps_the_word_that_is_there(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    outside = {"kind": "EXTERNAL", "first_name": "Zoe", "last_name": "Roy", "phone": "0639980002", "password": "lagon"}
    await put(client, "first-contact", ANN, 1)
    await put(client, "second-contact", outside, 2)
    browser = await owner(api)
    for part, person, other in (
        ("first-contact", {"person_id": "ann"}, {"person_id": "eve"}),
        ("second-contact", {"kind": "EXTERNAL", "first_name": " Zoe ", "last_name": "Roy"}, {"last_name": "Ray"}),
    ):
        assert not needs_password(await browser.get(f"/sites/S1/{part}"))
        wrong = await save(browser, part, revision=3, **person, **TOO_SHORT)
        assert wrong.status_code == 422
        assert not needs_password(wrong)
        stale = await save(browser, part, revision=1, **person, **TOO_SHORT | {"phone": "0639980009"})
        assert stale.status_code == 412
        assert not needs_password(stale)
        assert needs_password(await save(browser, part, revision=3, **person | other, **TOO_SHORT))
    answer = await save(browser, "first-contact", revision=3, person_id="ann", **TOO_SHORT | {"phone": "0639980009"})
    assert answer.status_code == 303
    assert (await state(client))["first_contact"]["has_password"]


@pytest.mark.parametrize(
    ("language", "field_says", "problem_says"),
    [
        ("en", "type it again", "type the password and"),
        ("fr", "saisissez-le de nouveau", "saisissez aussi de nouveau le"),
    ],
)
async def test_a_word_that_no_page_shows_again_is_asked_for_again(
    api: Api, monkeypatch: pytest.MonkeyPatch, language: str, field_says: str, problem_says: str
) -> None:
    """Else the form reads as if an empty box kept what was typed, and it keeps the word before."""
    client = api.client("portal:*")
    await make(client)
    await put(client, "first-contact", ANN, 1)
    browser = await owner(api, language)
    browser.headers["Accept"] = "text/html"
    fields = {"person_id": "ann", "phone": "0639980009", "language": "fr"}
    for words, count in (({"password": "lagon"}, 1), ({"password": "lagon", "duress_password": "corail"}, 2), ({}, 0)):
        wrong = await save(browser, "first-contact", revision=2, **fields | {"phone": "06 39"}, **words)
        stale = await save(browser, "first-contact", revision=1, **fields, **words)
        assert (wrong.status_code, stale.status_code) == (422, 412)
        assert [page.text.count(field_says) for page in (wrong, stale)] == [count, count]
    short = await save(browser, "first-contact", revision=2, **fields, password="abc")
    assert field_says not in short.text, "what is wrong with it is said instead"

    async def away(*_: Any) -> None:
        raise DatabaseAwayError

    async def late(*_: Any) -> None:
        raise UNCONFIRMED.error()

    for fault in (away, late):
        monkeypatch.setattr(api.store, "change", fault)
        unconfirmed = await save(browser, "first-contact", revision=2, **fields, password="lagon")
        without = await save(browser, "instructions", revision=2, instructions="mind the dog")
        assert (unconfirmed.status_code, without.status_code) == (503, 503)
        assert (problem_says in unconfirmed.text, problem_says in without.text) == (True, False)
        assert "lagon" not in unconfirmed.text


async def test_an_imported_contact_keeps_the_word_that_the_form_says_is_kept(api: Api) -> None:
    """An import has names as they came; a form sends what is seen of them."""
    zoe = Contact("z", "EXTERNAL", "Zoé\u200b", "Martin", phone="+33639980002", password_hash="$p")
    ann = Contact("ann", "OWNER", "Ann", "Martin", phone="+33639980001")
    site = Site("S1", True, (ann, zoe), None, None, Intervention(), None, 0)
    await api.store.load_sites([site], Edit("import", "import", b"", now_ms()))
    api.user("ann@example.org", "customer", "S1")
    browser = await api.signed_in("ann@example.org")
    page = await browser.get("/sites/S1/second-contact")
    assert not needs_password(page)
    [shown] = re.findall(r'<input id="first_name"[^>]* value="([^"]*)"', page.text)
    fields = {"kind": "EXTERNAL", "first_name": shown, "last_name": "Martin", "phone": "0639980002", "language": "fr"}
    answer = await save(browser, "second-contact", revision=revision_in(page), **fields)
    assert answer.status_code == 303
    assert (await state(api.client("portal:*")))["second_contact"]["has_password"]


async def test_a_contact_who_is_no_owner_any_more_leaves_no_word_to_another(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    await put(client, "first-contact", ANN, 1)
    member = {"role": "MEMBER", "first_name": "Ann", "last_name": "Martin"}
    answer = await client.put("/v1/sites/S1/people/ann", json=member, headers={"If-Match": '"2"'})
    assert answer.status_code == 200, answer.text
    api.user("eve", "customer", "S1")
    assert needs_password(await (await api.signed_in("eve")).get("/sites/S1/first-contact"))  # of Eve, who is shown


async def test_the_language_of_a_contact_is_kept_or_is_the_reader_s(api: Api) -> None:
    await make(api.client("portal:*"))
    contacts = (
        Contact("ann", "OWNER", "Ann", "Martin", "+33639980001", "h", language="pt-BR"),
        Contact("eve", "OWNER", "Eve", "Martin", "+33639980002", "h", language="x-own"),
        Contact("yan", "OWNER", None, None, "+33639980003", "h"),
    )

    async def load(*those: Contact) -> None:
        site = Site("S1", True, those, None, None, Intervention(), None, 0)
        await api.store.load_sites([site], Edit("x", "import", b"", now_ms()))

    browser = await owner(api)
    await load(*contacts[:2])
    first, second = [await browser.get(f"/sites/S1/{part}-contact") for part in ("first", "second")]
    assert (chosen(first, "language"), chosen(second, "language")) == (["pt-BR"], ["x-own"])
    assert "Portuguese (Brazil)" in first.text
    for language, own in (
        ("en", None),
        ("fr", None),
        ("fr", "portugais"),
    ):  # the last is no tag, and could not be saved
        await load(contacts[2]._replace(language=own))
        browser.headers["Accept-Language"] = language
        page = await browser.get("/sites/S1/first-contact")
        assert chosen(page, "language") == [language]
        assert f'"{own}"' not in page.text
        assert "<dd>yan</dd>" in (await browser.get("/sites/S1/configuration")).text  # a contact without a name


async def test_countries_are_named_and_in_the_order_of_the_alphabet(api: Api) -> None:
    client = api.client("portal:*")
    await make(client)
    browser = await owner(api, "fr")
    page = await browser.get("/sites/S1/address")
    names = re.findall(r'<option value="[A-Z]{2}"[^>]*>([^<]*)', page.text)
    assert names.index("Égypte") < names.index("Espagne") < names.index("États-Unis") < names.index("France")
    assert chosen(page, "country") == ["FR"]
    unknown = await save(browser, "address", revision=1, **HOME | {"country": "ZZ"})
    assert chosen(unknown, "country") == ["FR"]  # not the first of the list
    await put(client, "address", HOME, 1)
    assert "74300 Cluses<br>France</address>" in (await browser.get("/sites/S1/configuration")).text


async def test_who_has_stopped_or_tests_reads_what_kafka_has_and_finds_the_page_to_print(
    api: Api, rows: psycopg.Connection[Any]
) -> None:
    client = api.client("portal:*")
    await make(client)
    browser = await owner(api)
    link = 'href="/sites/S1/subscription"'
    assert link not in (await browser.get("/sites/S1/configuration")).text  # it was never subscribed
    await put(client, "subscription", {"subscribed": True}, 1)
    await put(client, "subscription", {"subscribed": False}, 2)
    for is_passed_on in (False, True):
        if is_passed_on:
            rows.execute("UPDATE portal.sites SET published_revision = revision, published_at = updated_at")
        texts = [(await browser.get(f"/sites/S1/{part}")).text for part in ("configuration", "subscription")]
        assert link in texts[0]
        assert ["Not yet passed on" in text for text in texts] == [not is_passed_on] * 2
        assert ["o alert is transmitted" in text for text in texts] == [is_passed_on] * 2
        assert ["our configuration is kept" in text for text in texts] == [True] * 2
    await put(client, "test", {"until": write_instant(now_ms() + 3_600_000)}, 3)
    for is_passed_on in (False, True):
        if is_passed_on:
            rows.execute("UPDATE portal.sites SET published_revision = revision, published_at = updated_at")
        text = (await browser.get("/sites/S1/configuration")).text
        said = ("alerts open nothing.</p>" in text, "The test ends on" in text)
        assert said == (is_passed_on, not is_passed_on)


def revision_in(page: httpx.Response) -> str:
    """The revision that a form says it was made of."""
    [revision] = re.findall(r'name="revision" value="([^"]*)"', page.text)
    return str(revision)


@pytest.mark.parametrize(
    ("part", "wrong", "right"),
    [
        ("address", HOME | {"postal_code": "7430"}, HOME),
        ("address", HOME | {"line1": ""}, HOME),
        ("instructions", {"instructions": "x" * 9_000}, {"instructions": "mind the dog"}),
        ("first-contact", ANN | {"phone": "06 39"}, ANN),
        ("second-contact", {"kind": "OWNER", "phone": "0639980002"}, {"kind": "NONE"}),
    ],
)
async def test_a_correction_overwrites_no_change_that_was_made_meanwhile(
    part: str, wrong: dict[str, Any], right: dict[str, Any], api: Api
) -> None:
    """Somebody saves between the form's opening, its refusal and its correction; none of it is lost unseen."""
    client = api.client("portal:*")
    await make(client)
    browser = await owner(api)
    if part == "first-contact":  # its number is looked at once the revision is the present one
        refused = await save(browser, part, revision=1, **wrong)
        await put(client, "intervention", {"enabled": False}, 1)
    else:
        await put(client, "intervention", {"enabled": False}, 1)
        refused = await save(browser, part, revision=1, **wrong)
    assert (refused.status_code, revision_in(refused)) == (422, "1")
    told = await save(browser, part, revision=1, **right)
    assert (told.status_code, revision_in(told)) == (412, "2")
    assert "Intervention" in told.text
    assert (await save(browser, part, revision=2, **right)).status_code == 303


async def test_what_is_typed_by_thumb_is_not_made_another_word(api: Api) -> None:
    """A phone begins a text with a capital: an account's name would be another one."""
    page = await api.client().get("/sign-in")
    assert re.search(r'<input id="name"[^>]* autocapitalize="off"', page.text)


async def test_a_comment_may_be_as_long_as_the_api_takes_it(api: Api) -> None:
    await make(api.client("portal:*"))
    assert 'maxlength="8192"' in (await (await owner(api)).get("/sites/S1/instructions")).text


async def test_many_services_are_read_at_once_and_shown_on_several_pages(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    support = api.client("portal:*")
    for number in range(1, 4):
        await make(support, f"S{number}")
    browser = await owner(api)

    def listed(page: httpx.Response) -> list[tuple[str, str]]:
        assert page.status_code == 200
        return re.findall(r'href="/sites/(S\d)"|href="(\?page=\d)"', page.text)

    async def one_by_one(site_id: str) -> None:
        raise AssertionError(site_id)

    monkeypatch.setattr(api.store, "site", one_by_one)
    assert listed(await browser.get("/")) == [("S1", ""), ("S2", ""), ("S3", "")]
    monkeypatch.setattr(pages, "SITES", 2)
    assert listed(await browser.get("/")) == [("S1", ""), ("S2", ""), ("", "?page=2")]
    assert listed(await browser.get("/?page=2")) == [("S3", "")]
