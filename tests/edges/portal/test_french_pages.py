"""Every text of every page, in French: each is of the French catalogues, or is what somebody entered."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest
from babel import Locale
from babel.messages.pofile import read_po

from edges.portal import application
from edges.portal.postal_codes import countries
from edges.web import pages
from tests.edges.portal.serving import ANN, HOME, Api, make, put
from tests.edges.portal.test_incidents import played, show

pytestmark = pytest.mark.asyncio

FOLDERS: Final = (Path(pages.__file__).parent, Path(application.__file__).parent)
SPOKEN: Final = ("title", "aria-label", "alt", "placeholder", "content")
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
# What the data say, and names of the product, languages, times.
NAMES: Final = re.compile(
    r"width=device-width, initial-scale=1|light dark|\+33\d+|1 rue des Lilas"
    r"|(?<![\w-])(ronde portal|Français|English|ann@example\.org|sue|token:crm|Home|S1|Cluses|chien)(?![\w-])"
    r"|(?<![\w-])(Ann|Bob|Eve|Martin|Zoé|Roy)(?![\w-])"
)
DATA: Final = re.compile(r"[A-Z_]{4,}|\bFR\b|\bUTC\b")  # codes of errors, the country
SIGNS: Final = re.compile(r"[\d:.,() /!·-]+")


class Texts(HTMLParser):
    """The texts that people see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"script", "style"}
        self.texts += [value for name, value in attributes if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.texts.append(" ".join(data.split()))


def _pattern(text: str) -> str:
    """What a message may look like once its values are in it."""
    escaped = re.escape(" ".join(text.split()))
    return re.sub(r"%\\\(\w+\\\)d", r"\\d+", re.sub(r"%\\\(\w+\\\)s", ".+?", escaped))


def french() -> re.Pattern[str]:
    """What a French text may be."""
    strings: set[str] = set()
    for folder in FOLDERS:
        with (folder / "locale" / "fr" / "messages.po").open("rb") as file:
            for message in read_po(file, locale="fr"):
                strings |= {message.string} if isinstance(message.string, str) else set(message.string or ())
    patterns = [_pattern(text) for text in strings if re.search(r"[^\W\d_]", re.sub(r"%\(\w+\)[sd]", "", text))]
    names = Locale.parse("fr")
    patterns += [re.escape(names.territories.get(code, code)) for code in countries()]
    patterns += [re.escape(name) for name in names.languages.values()]
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)))


def foreign(page: str, known: re.Pattern[str]) -> Iterator[str]:
    """What of a page's texts is of no catalogue."""
    texts = Texts()
    texts.feed(re.sub(r"<time[^>]*>(.*?)</time>", r"\1", page))  # it stands within a sentence
    for text in texts.texts:
        rest = SIGNS.sub("", DATA.sub("", known.sub("", NAMES.sub("", text))))
        if rest:
            yield f"{text!r}: {rest!r}"


async def visit(api: Api, client: httpx.AsyncClient, browser: httpx.AsyncClient, support: httpx.AsyncClient) -> Any:
    """All pages in all states, one after the other."""
    kinds = (f"/second-contact?kind={kind}" for kind in ("OWNER", "EXTERNAL", "NONE"))
    parts = ("", "/configuration", "/first-contact", *kinds, "/address", "/instructions", "/history", "/incidents")

    async def look() -> Any:
        for part in (*parts, "/subscription"):
            yield await browser.get(f"/sites/S1{part}", follow_redirects=True)
        yield await browser.get("/")

    async for page in look():  # not subscribed
        yield page
    await put(client, "subscription", {"subscribed": True}, 1)
    yield await browser.get("/")
    yield await browser.get("/sites/S1/configuration")
    for form, part in (
        ("phone=1&person_id=ann&password=ab&duress_password=ab&language=x", "first-contact"),
        ("kind=EXTERNAL&phone=1&password=ab", "second-contact"),
        ("kind=MEMBER&person_id=eve&phone=0639980001&password=abcd", "second-contact"),
        ("line1=&postal_code=7&city=&country=ZZ", "address"),
        (f"instructions={'chien ' * 1366}", "instructions"),
        ("x=1", "test"),
    ):
        yield await browser.post(f"/sites/S1/{part}", content=f"revision=2&{form}", headers=FORM)
        yield await browser.post(f"/sites/S1/{part}", content=f"revision=1&{form}", headers=FORM)
        yield await browser.post(f"/sites/S1/{part}", content=form, headers=FORM)
    revision = (await client.get("/v1/sites/S1/service")).json()["revision"]
    await put(client, "first-contact", ANN, revision)
    zoe = {"kind": "EXTERNAL", "first_name": "Zoé", "last_name": "Roy", "phone": "0639980002"}
    await put(client, "second-contact", zoe, revision + 1)  # without a password: a warning
    await put(client, "address", HOME, revision + 2)
    for age in (12.0, math.inf):
        api.engine.age = lambda _site_id, age=age: age  # type: ignore[misc]
        yield await browser.get("/sites/S1/configuration")
    await put(client, "instructions", {"instructions": "chien"}, revision + 3)
    await put(client, "partners", {"partners": ["P1"]}, revision + 4)
    await put(client, "intervention", {"enabled": False}, revision + 5)
    await browser.post("/sites/S1/test", content=f"revision={revision + 6}&hours=4", headers=FORM)
    gone = {"If-Match": f'"{revision + 7}"'}
    assert (await client.delete("/v1/sites/S1/people/bob", headers=gone)).status_code == 200
    async for page in look():
        yield page
    await browser.post("/sites/S1/subscription", content=f"revision={revision + 8}&subscribed=no", headers=FORM)
    async for page in look():
        yield page
    for page in ("/nowhere", "/sites/S9/configuration", "/sign-in", "/sign-in?next=/x"):
        yield await browser.get(page)
    yield await browser.post("/sign-in", content="name=x&password=y", headers=FORM)
    yield await browser.post("/sign-in", content="&".join(f"f{n}=" for n in range(201)), headers=FORM)
    yield await browser.post("/sign-in", content="name=x", headers=FORM | {"Origin": "https://evil.example"})
    yield await browser.post("/sites/S1/address", content="x" * 70_000, headers=FORM)
    yield await browser.delete("/")
    for page in ("/", "/?q=S1", "/?q=nothing", "/sites/S1/incidents", "/sites/S1/configuration", "/sites/S1/address"):
        yield await support.get(page)
    yield await support.post("/sites/S1/incidents", content="incident_id=nothing", headers=FORM)


async def test_no_page_has_a_word_that_is_not_french(api: Api, rows: psycopg.Connection[Any]) -> None:
    scene, _ = played()
    show(scene, rows)  # S1 has a night there
    client = api.client("portal:*", name="crm")
    await make(client)
    api.user("ann@example.org", "customer")
    api.user("sue", "support")
    browser, support = await api.signed_in("ann@example.org"), await api.signed_in("sue")
    for visitor in (browser, support):
        visitor.headers.update({"Accept": "text/html", "Accept-Language": "fr"})
    known = french()
    count = 0
    async for page in visit(api, client, browser, support):
        if page.status_code == 303:
            continue
        assert page.headers["content-type"].startswith("text/html"), (page.request.url, page.text)
        assert '<html lang="fr"' in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert list(foreign(page.text, known)) == [], (page.request.method, page.request.url)
        count += 1
    assert count > 60
