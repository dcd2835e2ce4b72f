"""A page with the buttons of alarm panels: each sends a real frame to the receiver. Links to guards' pages, too.

The partner of the play is this page: it takes the webhooks of `ronde partners` and keeps the link of each dispatch.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from importlib.resources import files
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

import orjson
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from edges.panel.dialler import Dialler, Way
from edges.panel.messages import TEST, Said
from edges.receiver.content import Qualifier
from ronde.play.homes import HOMES

WAIT_SECONDS: Final = 3.5
SHOWN: Final = 12
BUTTONS: Final = {
    "door": ("Door opened", Said("130", "001", "1")),
    "panic": ("Panic button", Said("120", "002", "1")),
    "smoke": ("Smoke", Said("111", "003", "1")),
    "restore": ("Door closed again", Said("130", "001", "1", Qualifier.RESTORE)),
    "cancel": ("Cancelled by user 3", Said("406", "003", "1")),
    "test": ("Link test", Said(TEST)),
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_STYLE: Final = files("edges.web") / "static" / "ronde.css"


class SentFrame(NamedTuple):
    """A frame that was sent, and its answer; ``at`` is a time of day, UTC."""

    at: str
    site_id: str
    label: str
    answer: str


class PanelPage:
    """The page's app, in the loop that serves it. ``desk`` is the address that it leads to."""

    def __init__(self, way: Way, desk: str) -> None:
        self._desk = desk
        page = (files("ronde.play") / "panel.html").read_text(encoding="utf-8")
        self._template = Environment(autoescape=True).from_string(page)
        self._diallers = {
            home.site_id: Dialler(home.panel, way, wait_seconds=WAIT_SECONDS, attempts=2) for home in HOMES
        }
        self._turns = {home.site_id: asyncio.Lock() for home in HOMES}
        self._sent: deque[SentFrame] = deque(maxlen=SHOWN)
        self._guards: dict[str, tuple[str, str]] = {}  # by dispatch: its last action, the guard's page
        self.app = Starlette(
            routes=[
                Route("/", self._show),
                Route("/send", self._send, methods=["POST"]),
                Route("/webhook", self._webhook, methods=["POST"]),
                Route("/ronde.css", self._style),
            ]
        )

    def close(self) -> None:
        """Hang up."""
        for dialler in self._diallers.values():
            dialler.close()

    async def _show(self, _request: Request) -> Response:
        return Response(self._html(), media_type="text/html; charset=utf-8", headers=_HEADERS)

    async def _style(self, _request: Request) -> Response:
        return Response(_STYLE.read_bytes(), media_type="text/css")

    async def _send(self, request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{request.headers.get('host')}":
            return PlainTextResponse("another page sends this", 403)
        form = parse_qs((await request.body())[:4096].decode("utf-8", "replace"))
        site_id, button = (form.get(name, [""])[0] for name in ("site", "button"))
        if site_id not in self._diallers or button not in BUTTONS:
            return PlainTextResponse("no such panel or button", 422)
        label, said = BUTTONS[button]
        async with self._turns[site_id]:
            outcome = await self._diallers[site_id].send(said)
        answer = "no answer" if outcome.answer is None else f"{outcome.answer.kind} in {1000 * outcome.seconds:.0f} ms"
        self._sent.appendleft(SentFrame(time.strftime("%H:%M:%S", time.gmtime()), site_id, label, answer))
        return RedirectResponse("/", status_code=303)

    async def _webhook(self, request: Request) -> Response:
        command: dict[str, Any] = orjson.loads(await request.body())
        dispatch = str(command.get("dispatch_id", ""))
        known = self._guards.get(dispatch, ("", ""))
        self._guards[dispatch] = (str(command.get("action", "")), str(command.get("page_url") or known[1]))
        return Response(status_code=204)

    def _html(self) -> str:
        return self._template.render(
            desk=self._desk, homes=HOMES, buttons=BUTTONS, frames=self._sent, guards=reversed(self._guards.items())
        )
