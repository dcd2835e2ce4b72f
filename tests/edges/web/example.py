"""An app with a route of each kind, to show the ground on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel

from edges.web.application import WebApplication
from edges.web.bearer import machine_with
from edges.web.problems import NOT_FOUND, UNCONFIRMED, documented
from edges.web.tokens import Machine, TokenFile
from edges.web.values import Body, Id, Instant, PathId, Text


class UnconfirmedError(Exception):
    """As a producer raises it."""


class Alert(Body):
    alert_id: Id
    kind: Literal["INTRUSION", "FIRE"]
    raised_at: Instant
    zone: Text | None = None


class Taken(BaseModel):
    alert_id: str
    site_id: str
    raised_at: Instant


SITES: Final = {"lilas-1", "A/12"}


def example(folder: Path) -> WebApplication:
    app = WebApplication(
        "ronde example", "0", tokens=TokenFile(folder / "tokens.json"), errors={UnconfirmedError: UNCONFIRMED}
    )

    @app.post("/v1/sites/{site_id}/alerts", status_code=202, responses=documented(UNCONFIRMED))
    async def raise_alert(site_id: PathId, body: Alert, caller: Annotated[Machine, machine_with("alerts")]) -> Taken:
        if body.zone == "unconfirmed":
            raise UnconfirmedError("secret words")
        if body.zone == "broken":
            raise RuntimeError("secret words")
        return Taken(alert_id=body.alert_id, site_id=site_id, raised_at=body.raised_at)

    @app.get("/v1/sites/{site_id}")
    async def site(site_id: PathId, caller: Annotated[Machine, machine_with("portal")]) -> dict[str, str]:
        if site_id not in SITES or not caller.may("portal", site_id):
            raise NOT_FOUND.error()
        return {"site_id": site_id}

    return app
