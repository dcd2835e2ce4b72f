"""The seed's way through the portal's pages, in a real browser, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from edges.web import tokens
from service.words import fits
from tests.edges.portal.serving import PASSWORD, PEOPLE, Served
from tests.support.browser import NARROW, WIDE, browser, overflowing, sign_in, violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = pytest.mark.slow

WORD: Final = "Corail Bleu"
THREAT: Final = "Lagon Vert"
SAYS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "services": "My services",
        "incomplete": "To be completed",
        "none": "No alert is transmitted to the monitoring centre until this is complete.",
        "contact": "A first contact is missing.",
        "address": "A valid postal address is missing.",
        "phone": "This is no phone number that can be dialled.",
        "changed": "Somebody has changed the configuration meanwhile.",
        "stopped": "The service is stopped",
        "waits": "Not yet passed on",
    },
    "fr": {
        "services": "Mes services",
        "incomplete": "À compléter",
        "none": "Attention, aucune alerte n\u2019est transmise au centre de télésurveillance",
        "contact": "Il manque un premier contact.",
        "address": "Il manque une adresse postale valide.",
        "phone": "Ce n\u2019est pas un numéro de téléphone joignable.",
        "changed": "Quelqu\u2019un a modifié la configuration entre-temps.",
        "stopped": "Le service est arrêté",
        "waits": "Pas encore transmis",
    },
}


@pytest.fixture
def support(portal: Served) -> Iterator[httpx.Client]:
    """A program of support, with a site made."""
    token = tokens.add(portal.api.web.tokens_file, "support", ("portal:*",))
    with httpx.Client(base_url=portal.address, headers={"Authorization": f"Bearer {token}"}) as client:
        body = {"site_id": "A/1", "name": "Les Lilas", "people": PEOPLE}
        assert client.post("/v1/sites", json=body).status_code == 201
        yield client


@pytest.fixture
def page(browser: Browser, portal: Served, support: httpx.Client, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser in which the owner is signed in; in the language of the test's parameter, else French."""
    language = request.param if hasattr(request, "param") else "fr"
    portal.api.user("ann@example.org", "customer")
    context = browser.new_context(locale=language, viewport=NARROW)  # type: ignore[arg-type]
    made = context.new_page()
    sign_in(made, portal.address, "ann@example.org", PASSWORD)
    made.wait_for_url(f"{portal.address}/")
    yield made
    context.close()


def state(support: httpx.Client) -> dict[str, Any]:
    return support.get("/v1/sites/A%2F1/service").json()  # type: ignore[no-any-return]


def subscribe(support: httpx.Client) -> None:
    headers = {"If-Match": f'"{state(support)["revision"]}"'}
    path = "/v1/sites/A%2F1/service/subscription"
    assert support.put(path, json={"subscribed": True}, headers=headers).status_code == 200


def assert_clean(page: Page) -> None:
    assert violations(page) == []
    assert overflowing(page) <= 0
    for word in (WORD, THREAT):
        assert word not in page.content()
        assert word not in page.url


def choose_somebody_from_outside(page: Page) -> None:
    page.click("a[href$='/second-contact']")
    page.click("a[href='?kind=EXTERNAL']")
    page.fill("#first_name", "Zoe")
    page.fill("#last_name", "Roy")
    page.fill("#phone", "06 39 98 00 02")
    page.fill("#password", THREAT)
    assert violations(page) == []
    page.click("main button.main")
    page.wait_for_url("**/configuration?saved")


@pytest.mark.parametrize(("page", "language"), [("en", "en"), ("fr", "fr")], indirect=["page"])
def test_the_seeds_way(page: Page, language: str, support: httpx.Client, portal: Served) -> None:
    says = SAYS[language]
    subscribe(support)
    page.goto(f"{portal.address}/")
    assert page.inner_text("h1") == says["services"]
    assert page.inner_text(".badge.urgent").endswith(says["incomplete"])
    name, mark = page.locator(".item h2").bounding_box(), page.locator(".badge.urgent").bounding_box()
    assert name is not None
    assert mark is not None
    assert mark["x"] >= name["x"] + name["width"]  # to the right of it, on a phone too
    assert mark["y"] < name["y"] + name["height"]
    assert_clean(page)
    page.click(".item a")
    assert_clean(page)
    page.click("a.button.main")
    red = page.inner_text(".message.red")
    assert all(says[name] in red for name in ("contact", "address", "none"))
    assert_clean(page)

    page.click("a[href$='/first-contact']")
    assert page.locator("#person_id option").all_inner_texts() == ["Ann Martin", "Eve Martin"]  # owners alone
    page.fill("#phone", "06 39")
    page.fill("#password", WORD)
    page.click("main button.main")
    assert page.inner_text("#phone-about") == says["phone"]
    assert page.input_value("#password") == ""
    assert_clean(page)
    page.fill("#phone", "06 39 98 00 01")
    page.fill("#password", WORD)
    page.fill("#duress_password", THREAT)
    page.click("main button.main")
    page.wait_for_url("**/configuration?saved")
    assert_clean(page)
    assert says["contact"] not in page.inner_text(".message.red")

    choose_somebody_from_outside(page)
    page.click("a[href$='/address']")
    assert_clean(page)
    for field, value in (("line1", "1 rue des Lilas"), ("postal_code", "7430"), ("city", "Cluses")):
        page.fill(f"#{field}", value)
    page.click("main button.main")
    assert page.locator("#postal_code-about").is_visible()
    page.fill("#postal_code", "74300")
    page.click("main button.main")
    page.wait_for_url("**/configuration?saved")
    assert page.locator(".message.red").count() == 0
    assert says["waits"] in page.inner_text("main")  # no Kafka here: nothing is claimed

    page.click("form[action$='/intervention'] button")
    page.click("a[href$='/instructions']")
    page.fill("#instructions", "Attention au chien\nClé chez la voisine")
    page.click("main button.main")
    page.wait_for_url("**/configuration?saved")
    assert "Attention au chien\nClé chez la voisine" in page.inner_text("section[aria-labelledby=comment]")
    assert_clean(page)

    kept = state(support)
    assert (kept["missing"], kept["needs_attention"]) == ([], False)
    assert (kept["first_contact"]["phone"], kept["second_contact"]["kind"]) == ("+33639980001", "EXTERNAL")
    assert (kept["intervention"]["enabled"], kept["instructions"]) == (False, "Attention au chien\nClé chez la voisine")
    found = portal.run(portal.api.store.site("A/1"))
    assert fits(found.configuration.first.password_hash, WORD)

    page.click("a[href$='/subscription']")
    assert_clean(page)
    page.click("button.danger")
    assert page.inner_text("h1") == says["stopped"]
    assert_clean(page)
    assert state(support)["subscribed"] is False


def test_of_two_editors_the_second_is_warned_and_loses_nothing(
    page: Page, support: httpx.Client, portal: Served
) -> None:
    page.goto(f"{portal.address}/sites/A%2F1/address")
    subscribe(support)  # somebody else changes the configuration meanwhile
    for field, value in (("line1", "1 rue des Lilas"), ("postal_code", "74300"), ("city", "Cluses")):
        page.fill(f"#{field}", value)
    page.click("main button.main")
    red = page.inner_text(".message.red")
    assert SAYS["fr"]["changed"] in red
    assert re.search(r"Abonnement .*, token:support", red)  # what it was, and who
    assert "Site créé" not in red  # that was before
    assert page.input_value("#line1") == "1 rue des Lilas"
    assert_clean(page)
    page.click("main button.main")
    page.wait_for_url("**/configuration?saved")
    assert state(support)["address"]["city"] == "Cluses"


def test_by_keyboard_alone(page: Page, support: httpx.Client, portal: Served) -> None:
    page.goto(f"{portal.address}/sites/A%2F1/first-contact")
    page.focus("#phone")
    page.keyboard.type("0639980001")
    page.keyboard.press("Tab")
    page.keyboard.type(WORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/configuration?saved")
    assert state(support)["first_contact"]["has_password"] is True


def test_a_member_looks_and_changes_nothing(browser: Browser, portal: Served, support: httpx.Client) -> None:
    portal.api.user("bob@example.org", "customer")
    context = browser.new_context(locale="fr", viewport=WIDE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{portal.address}/sites/A%2F1/configuration")
    page.fill("#name", "bob@example.org")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/configuration")
    assert page.locator("main form").count() == 0
    assert page.goto(f"{portal.address}/sites/A%2F1/first-contact").status == 403  # type: ignore[union-attr]
    assert page.goto(f"{portal.address}/sites/B/configuration").status == 404  # type: ignore[union-attr]
    context.close()


def test_times_are_those_of_the_reader(browser: Browser, portal: Served, support: httpx.Client) -> None:
    portal.api.user("ann@example.org", "customer")
    path = "/v1/sites/A%2F1/service/test"
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
    answer = support.put(path, json={"until": until.isoformat()}, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    context = browser.new_context(locale="fr", viewport=NARROW, timezone_id="Asia/Kolkata")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{portal.address}/sites/A%2F1/configuration")
    page.fill("#name", "ann@example.org")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/configuration")
    local = until.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert f"{local:%H:%M} UTC+5:30" in page.inner_text(".message time")
    assert str(local.year) in page.inner_text(".message time")
    assert_clean(page)
    context.close()


def test_long_texts_fit_a_phone(browser: Browser, portal: Served, support: httpx.Client) -> None:
    login = "l" * 128
    owner = {"person_id": "o" * 128, "role": "OWNER", "first_name": "F" * 200, "last_name": "L" * 200, "login": login}
    body: dict[str, Any] = {"site_id": "s" * 128, "name": "N" * 200, "people": [owner]}
    assert support.post("/v1/sites", json=body).status_code == 201
    service = f"/v1/sites/{body['site_id']}/service"
    for revision, (part, value) in enumerate(
        (
            ("subscription", {"subscribed": True}),
            ("first-contact", {"person_id": owner["person_id"], "phone": "0639980001", "password": WORD}),
            ("instructions", {"instructions": "x" * 8000}),
            ("address", {"line1": "r" * 500, "postal_code": "74300", "city": "c" * 500, "country": "FR"}),
        ),
        start=1,
    ):
        answer = support.put(f"{service}/{part}", json=value, headers={"If-Match": f'"{revision}"'})
        assert answer.status_code == 200, answer.text
    portal.api.user(login, "customer")
    context = browser.new_context(locale="fr", viewport=NARROW)  # type: ignore[arg-type]
    page = context.new_page()
    sign_in(page, portal.address, login, PASSWORD)
    page.wait_for_url(f"{portal.address}/")
    wide = {}
    for part in ("", "/configuration", "/first-contact", "/address", "/instructions", "/subscription", "/history"):
        page.goto(f"{portal.address}/sites/{body['site_id']}{part}")
        wide[part] = overflowing(page)
    page.goto(f"{portal.address}/")
    wide["services"] = overflowing(page)
    assert {part: width for part, width in wide.items() if width > 0} == {}
    context.close()


def test_pictures(page: Page, support: httpx.Client, portal: Served, tmp_path: Path) -> None:
    """The pages render wide and narrow, light and dark; the files are for people to look at."""
    subscribe(support)
    paths = ("", "/configuration", "/first-contact", "/second-contact?kind=EXTERNAL", "/subscription", "/history")
    for path in (*paths, "/incidents"):
        page.goto(f"{portal.address}/sites/A%2F1{path}")
        assert violations(page) == []
        for name, size in (("narrow", NARROW), ("wide", WIDE)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            picture = tmp_path / f"{path.strip('/').partition('?')[0] or 'advantages'}-{name}.png"
            page.screenshot(path=picture, full_page=True)
            assert picture.stat().st_size > 5_000
            assert overflowing(page) <= 0
