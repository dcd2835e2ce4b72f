"""A page with the buttons of alarm panels: each sends a real frame to the receiver. Links to guards' pages, too.

The partner of the play is this page: it takes the webhooks of `ronde partners` and keeps the link of each dispatch.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from edges.panel.dialler import Dialler, Way
from edges.panel.messages import TEST, Said
from edges.receiver.content import Qualifier
from edges.web.application import WebApplication
from edges.web.pages import Pages, form_of
from edges.web.routes import Route
from ronde.play.homes import HOMES

FOLDER: Final = Path(__file__).parent
WAIT_SECONDS: Final = 3.5
SHOWN: Final = 12
# Labels are messages of the catalogue.
BUTTONS: Final = {
    "door": ("Door opened", Said("130", "001", "1")),
    "panic": ("Panic button", Said("120", "002", "1")),
    "smoke": ("Smoke", Said("111", "003", "1")),
    "restore": ("Door closed again", Said("130", "001", "1", Qualifier.RESTORE)),
    "cancel": ("Cancelled by user 3", Said("406", "003", "1")),
    "test": ("Link test", Said(TEST)),
}
ACTIONS: Final = {"REQUEST": "A guard is asked for", "AMEND": "The guard learns more", "CANCEL": "Called off"}


class SentFrame(NamedTuple):
    """A frame that was sent, and what answered it after how long; ``at`` is a time of day, UTC."""

    at: str
    site_id: str
    button: str
    answer: str | None
    ms: int


class PanelPage:
    """The page's app, in the loop that serves it. ``desk`` is the address that it leads to."""

    def __init__(self, way: Way, desk: str) -> None:
        self._desk = desk
        self._pages = Pages("ronde play", FOLDER)
        self._diallers = {
            home.site_id: Dialler(home.panel, way, wait_seconds=WAIT_SECONDS, attempts=2) for home in HOMES
        }
        self._turns = {home.site_id: asyncio.Lock() for home in HOMES}
        self._sent: deque[SentFrame] = deque(maxlen=SHOWN)
        self._guards: dict[str, tuple[str, str]] = {}  # by dispatch: its last action, the guard's page
        router = APIRouter(include_in_schema=False, route_class=Route)
        router.add_api_route("/", self._show)
        router.add_api_route("/send", self._send, methods=["POST"])
        router.add_api_route("/webhook", self._webhook, methods=["POST"])
        self.app = WebApplication("ronde play", version("ronde"), pages=self._pages)
        self.app.add_routes(self._pages.routes())
        self.app.add_routes(router)

    def close(self) -> None:
        """Hang up."""
        for dialler in self._diallers.values():
            dialler.close()

    async def _show(self, request: Request) -> Response:
        return self._pages.render(
            request,
            "panel.html",
            desk=self._desk,
            homes=HOMES,
            buttons={key: self._pages.say(request, label) for key, (label, _) in BUTTONS.items()},
            actions={action: self._pages.say(request, words) for action, words in ACTIONS.items()},
            frames=self._sent,
            guards=list(reversed(self._guards.items())),
        )

    async def _send(self, request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{request.headers.get('host')}":
            return PlainTextResponse("another page sends this", 403)
        form = await form_of(request)
        site_id, button = form.get("site", ""), form.get("button", "")
        if site_id not in self._diallers or button not in BUTTONS:
            return PlainTextResponse("no such panel or button", 422)
        _, said = BUTTONS[button]
        async with self._turns[site_id]:
            outcome = await self._diallers[site_id].send(said)
        answer = None if outcome.answer is None else str(outcome.answer.kind)
        at = time.strftime("%H:%M:%S", time.gmtime())
        self._sent.appendleft(SentFrame(at, site_id, button, answer, round(1000 * outcome.seconds)))
        return RedirectResponse("/", status_code=303)

    async def _webhook(self, request: Request) -> Response:
        command: dict[str, Any] = orjson.loads(await request.body())
        dispatch = str(command.get("dispatch_id", ""))
        known = self._guards.get(dispatch, ("", ""))
        self._guards[dispatch] = (str(command.get("action", "")), str(command.get("page_url") or known[1]))
        return Response(status_code=204)
