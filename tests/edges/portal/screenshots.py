"""`make screenshots`: pictures of the portal's pages into dist/screenshots."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import psycopg

from edges.portal.sql import migrate
from edges.web import accounts, tokens
from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from service import logs
from service.postgres import connect
from service.postgres_settings import PostgresSettings
from tests.edges.desk.scene import Scene
from tests.edges.portal.serving import ANN, PASSWORD, PEOPLE, Served, serving
from tests.edges.portal.test_incidents import show
from tests.support.browser import NARROW, WIDE, chromium, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER: Final = Path("dist/screenshots")
OWNER: Final = "ann@example.org"
PATHS: Final = (
    *("", "/configuration", "/first-contact", "/second-contact?kind=EXTERNAL", "/address", "/instructions"),
    *("/subscription", "/incidents", "/history"),
)


def main() -> int:
    """Take them."""
    logs.configure("console", "warning")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder) / "postgres", port=free_port())
        server.start()
        try:
            with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
                connection.execute("CREATE DATABASE portal")
            settings = PostgresSettings(host=HOST, port=server.port or 0, database="portal")
            with connect(settings, "screenshots") as database:
                migrate(database)
                show(night(), database)
            with serving(settings, Path(folder)) as portal, chromium() as browser:
                fill(portal.address, portal.api.web.users_file, portal.api.web.tokens_file)
                with connect(settings, "screenshots") as database:  # no relay runs here
                    database.execute("UPDATE portal.sites SET published_revision = revision, published_at = updated_at")
                take(portal, browser)
        finally:
            server.stop()
    return 0


def night() -> Scene:
    """Two incidents: one that ended well, one under way."""
    scene = Scene()
    scene.site()
    scene.alert(0)
    scene.result(40, f"{scene.incident_id}-c1.1", "IDENTIFIED", "NORMAL")
    scene.alert(7200, "FIRE", "A2")
    return scene


def fill(address: str, users_file: Path, tokens_file: Path) -> None:
    """A site with a first contact and without an address, and its owner's account."""
    accounts.add(users_file, OWNER, "customer", (), PASSWORD)
    token = tokens.add(tokens_file, "pictures", ("portal:*",))
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        client.post("/v1/sites", json={"site_id": "S1", "name": "Les Lilas", "people": PEOPLE}).raise_for_status()
        service = "/v1/sites/S1/service"
        for revision, (part, body) in enumerate(
            (("subscription", {"subscribed": True}), ("first-contact", ANN)), start=1
        ):
            client.put(f"{service}/{part}", json=body, headers={"If-Match": f'"{revision}"'}).raise_for_status()


def take(portal: Served, browser: Browser) -> None:
    """Each page, light and dark, narrow and wide, in both languages."""
    for language in ("en", "fr"):
        for theme in ("light", "dark"):
            for name, size in (("narrow", NARROW), ("wide", WIDE)):
                context = browser.new_context(viewport=size, color_scheme=theme, locale=language)  # type: ignore[arg-type]
                page = context.new_page()
                sign_in(page, portal.address, OWNER, PASSWORD)
                page.wait_for_url(f"{portal.address}/")
                for path in ("/", *(f"/sites/S1{path}" for path in PATHS)):
                    page.goto(f"{portal.address}{path}")
                    part = path.removeprefix("/sites/S1").strip("/").partition("?")[0]
                    part = part or ("services" if path == "/" else "advantages")
                    file = FOLDER / f"portal-{part}-{language}-{theme}-{name}.png"
                    page.screenshot(path=file, full_page=True)
                    print(file)  # noqa: T201 - it is a command
                context.close()


if __name__ == "__main__":
    sys.exit(main())
