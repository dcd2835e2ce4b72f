"""A partner without a Kafka client: it is asked by webhook, and reports over HTTP.

The same guards as `partner`'s, by the same script; this is how their commands come and their reports go. It verifies
each webhook, answers once the command is planned, and says a step until it is taken.
"""

import json
import logging
import signal
import sys
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import httpx
import typer
from standardwebhooks import Webhook, WebhookVerificationError

from ronde.demo.agenda import Record
from ronde.demo.partner import Partner, read_script
from ronde.local.ports import HOST

LISTENING: Final = "listens"  # in the line logged once it takes webhooks
_NAP_SECONDS: Final = 0.1
_AGAIN_SECONDS: Final = 0.5

log = logging.getLogger("ronde.demo")


class Way(NamedTuple):
    """How the partner is reached, and how it reaches `ronde partners`."""

    port: int
    secret: str
    token: str
    ronde: str


def serve(way: Way, partner: Partner, lock: threading.Lock) -> None:
    """Take webhooks, in threads of their own."""
    webhook = Webhook(way.secret)

    class Hooks(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            try:
                command = webhook.verify(body, dict(self.headers))
            except WebhookVerificationError:
                self.send_error(401)
                return
            log.info("%s asks %s %s", command["site_id"], command["action"], command["command_id"])
            with lock:
                partner.take(_in_ms(command), _now())
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, way.port), Hooks)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    log.info("it %s on %s", LISTENING, way.port)


def report(client: httpx.Client, answer: Record) -> bool:
    """Say a step; whether it is taken."""
    step = answer["status"].lower().replace("_", "-")
    said = {"disposition": answer["disposition"], "reported_at": _rfc3339(answer["reported_at"])}
    try:
        return client.put(f"/v1/dispatches/{answer['dispatch_id']}/{step}", json=said).is_success
    except httpx.TransportError:
        return False


def main(
    way: Annotated[Path, typer.Option(help="How it is reached (JSON).")],
    script: Annotated[Path, typer.Option(help="Which guard does what (JSON).")],
) -> None:
    """Take webhooks and report until SIGTERM."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stop, lock = threading.Event(), threading.Lock()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ways = Way(**json.loads(way.read_text(encoding="utf-8")))
    partner = Partner(read_script(script))
    serve(ways, partner, lock)
    with httpx.Client(base_url=ways.ronde, headers={"Authorization": f"Bearer {ways.token}"}) as client:
        while not stop.wait(_NAP_SECONDS):
            with lock:
                due = partner.agenda.due(_now())
            for answer in due:
                while not report(client, answer) and not stop.wait(_AGAIN_SECONDS):
                    pass
                log.info("%s gets %s", answer["site_id"], answer["status"])


def _in_ms(command: dict[str, Any]) -> Record:
    """The command with the time that `Partner` looks at as on Kafka."""
    at = command["respond_by"]
    return {**command, "respond_by": at and round(datetime.fromisoformat(at).timestamp() * 1000)}


def _rfc3339(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}Z"


def _now() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    typer.run(main)
