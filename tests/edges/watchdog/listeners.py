"""Whom the watchdog reports to: a webhook's receiver and a dead man's switch."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from standardwebhooks import Webhook

from tests.support.waiting import eventually

SECRET: Final = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Listener:
    """Verifies each post, and counts pings."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.pings = 0
        self.refuse = 0  # so many posts are refused
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                value = Webhook(SECRET).verify(body, dict(self.headers))
                if listener.refuse:
                    listener.refuse -= 1
                    self.send_response(503)
                else:
                    listener.posts.append((self.headers["webhook-id"], value))
                    self.send_response(204)
                self.end_headers()

            def do_GET(self) -> None:
                listener.pings += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def events(self, kind: str) -> list[str]:
        """The events of a kind, in order, but for changes."""
        types = [value["type"].removeprefix("watchdog.") for _, value in self.posts if value["data"]["kind"] == kind]
        return [event for event in types if event != "changed"]

    def wait(self, kind: str, event: str = "began") -> dict[str, Any]:
        """Wait until the last event of a kind is this; its data."""
        eventually(lambda: self.events(kind)[-1:] == [event], f"{kind} {event}; posted: {self.posted}")
        return next(value["data"] for _, value in reversed(self.posts) if value["data"]["kind"] == kind)

    @property
    def posted(self) -> list[tuple[str, str]]:
        """All posts: kind, event."""
        return [(value["data"]["kind"], value["type"]) for _, value in self.posts]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
