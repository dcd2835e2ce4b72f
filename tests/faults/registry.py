"""A schema registry as far as a worker asks it: it may be down, slow, or not know an id."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from schemas import load
from schemas.contract.topics import TOPICS

UNKNOWN_ID: Final = 4711


class Registry:
    """Listens on a port of its own. ``down``: it answers with 503; ``slow_seconds``: so late."""

    def __init__(self) -> None:
        self.down = False
        self.slow_seconds = 0.0
        self.asked: list[str] = []
        self._schemas = {
            number: json.dumps(load(topic.schema)) for number, topic in enumerate(TOPICS.values(), 1) if topic.schema
        }
        self._ids = {topic.name: number for number, topic in enumerate(TOPICS.values(), 1)}
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                registry.answer(self)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="registry", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def header(self, topic: str, more: int = 0) -> bytes:
        """The Confluent framing of a topic's values; ``more`` makes it the id of a later, equal schema."""
        return b"\0" + (self._ids[topic] + more).to_bytes(4, "big")

    def add(self, topic: str, more: int) -> bytes:
        """Register a topic's schema under one id more; the framing of its values."""
        self._schemas[self._ids[topic] + more] = self._schemas[self._ids[topic]]
        return self.header(topic, more)

    def make_again(self, first: int) -> None:
        """Begin as a new registry would that was given the same schemas in another order: ids from ``first`` on."""
        known = [self._schemas[number] for number in self._ids.values() if number in self._schemas]
        self._ids = {name: number for number, name in enumerate(self._ids, first)}
        self._schemas = dict(enumerate(known, first))

    def put(self, number: int, text: str) -> None:
        """Answer this text for an id."""
        self._schemas[number] = text

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one question."""
        self.asked.append(handler.path)
        time.sleep(self.slow_seconds)
        status, body = (503, {"error_code": 50301, "message": "away"}) if self.down else self._look_up(handler.path)
        data = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _look_up(self, path: str) -> tuple[int, dict[str, Any]]:
        _, kind, *rest = path.split("/")
        if kind == "schemas":
            number = int(rest[-1])
            if number in self._schemas:
                return 200, {"schema": self._schemas[number]}
            return 404, {"error_code": 40403, "message": "Schema not found"}
        topic = rest[0].removesuffix("-value").rpartition(".")[2]
        return 200, {"subject": rest[0], "id": self._ids[topic], "version": 1}
