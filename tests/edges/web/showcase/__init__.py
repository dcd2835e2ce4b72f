"""An app that shows every element of the pages, for tests and pictures."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Request
from starlette.responses import Response

from edges.web.accounts import Person
from edges.web.application import WebApplication
from edges.web.callers import caller_now, caller_with, person_with
from edges.web.events import Channel, event_stream
from edges.web.pages import Pages
from edges.web.server import WebServer
from edges.web.settings import WebSettings
from edges.web.tokens import Machine
from edges.web.values import write_instant
from edges.web.website import website

HERE = Path(__file__).parent
PLACES = (("/components", "Components"), ("/private", "Private"))


def showcase(
    folder: Path, channel: Channel | None = None, heartbeat: float = 0.1, public_url: str | None = None
) -> WebApplication:
    settings = WebSettings(users_file=folder / "users.json", tokens_file=folder / "tokens.json")
    app = website("showcase", "0", settings, folder=HERE, places=PLACES, public_url=public_url)
    pages: Pages = app.state.pages

    @app.get("/components")
    async def components(request: Request) -> Response:
        now = time.time_ns() // 1_000_000
        over, soon, later = (write_instant(now + 1000 * seconds) for seconds in (-5, 20, 150))
        return pages.render(request, "components.html", over=over, soon=soon, later=later)

    @app.get("/private")
    async def private(request: Request, caller: Annotated[Person, person_with("operator")]) -> Response:
        return pages.render(request, "problem.html", person=caller, title="Private", detail="Only for you.", code="-")

    @app.get("/v1/events")
    async def events(
        request: Request, caller: Annotated[Person | Machine, caller_with("operator", scope="desk")]
    ) -> Response:
        assert channel is not None
        return event_stream(request, channel, caller_now("operator", scope="desk"), heartbeat)

    return app


@asynccontextmanager
async def running(app: WebApplication) -> AsyncIterator[str]:
    """The app on a port of its own; its address."""
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    try:
        yield server.address
    finally:
        await server.stop()
