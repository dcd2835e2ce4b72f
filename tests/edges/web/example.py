"""An app with a route of each kind, to show the ground on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel

from edges.web.accounts import AccountFile, Person
from edges.web.application import WebApplication
from edges.web.bearer import machine_with
from edges.web.callers import People, caller_with, person_with
from edges.web.oidc import oidc_routes
from edges.web.problems import NOT_FOUND, UNCONFIRMED, documented
from edges.web.sessions import Sessions
from edges.web.settings import WebSettings
from edges.web.sign_in import SignIn, session_routes
from edges.web.tokens import Machine, TokenFile
from edges.web.values import Body, Id, Instant, PathId, Text

# Zones that make an alert fail. In parts, as a fuzz tries the strings that stand in a module.
UNCONFIRMED_ZONE: Final = "".join(("un", "confirmed"))
BROKEN_ZONE: Final = "".join(("bro", "ken"))


class UnconfirmedError(Exception):
    """As a producer raises it."""


class Alert(Body):
    alert_id: Id
    kind: Literal["INTRUSION", "FIRE"]
    raised_at: Instant
    zone: Text | None = None


class Note(Body):
    text: Text


class Taken(BaseModel):
    alert_id: str
    site_id: str
    raised_at: Instant


KEY: Final = "the key that all replicas of the example share"
SITES: Final = {"lilas-1", "A/12"}


def example(folder: Path, web: WebSettings | None = None, public_url: str | None = None) -> WebApplication:
    known = People(AccountFile(folder / "users.json"), Sessions("example", KEY, public_url))
    app = WebApplication(
        "ronde example",
        "0",
        tokens=TokenFile(folder / "tokens.json"),
        people=known,
        errors={UnconfirmedError: UNCONFIRMED},
    )
    app.add_routes(session_routes(known, SignIn(known)))
    if web is not None and web.oidc_issuer is not None:
        app.add_routes(oidc_routes(known, web, web.oidc_issuer))

    @app.post("/v1/sites/{site_id}/alerts", status_code=202, responses=documented(UNCONFIRMED))
    async def raise_alert(site_id: PathId, body: Alert, caller: Annotated[Machine, machine_with("alerts")]) -> Taken:
        if body.zone == UNCONFIRMED_ZONE:
            raise UnconfirmedError("secret words")
        if body.zone == BROKEN_ZONE:
            raise RuntimeError("secret words")
        return Taken(alert_id=body.alert_id, site_id=site_id, raised_at=body.raised_at)

    @app.get("/v1/sites/{site_id}")
    async def site(site_id: PathId, caller: Annotated[Machine, machine_with("portal")]) -> dict[str, str]:
        if site_id not in SITES or not caller.may("portal", site_id):
            raise NOT_FOUND.error()
        return {"site_id": site_id}

    @app.post("/v1/notes", status_code=204)
    async def note(body: Note, caller: Annotated[Person, person_with("operator", "supervisor")]) -> None:
        pass

    @app.get("/v1/both")
    async def both(caller: Annotated[Person | Machine, caller_with("operator", scope="desk")]) -> dict[str, str]:
        return {"name": caller.name}

    return app
