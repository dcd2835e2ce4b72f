"""`helm test`: the script that asks every pod whether it is ready."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

import pytest

from tests.deploy.chart import PAGED, SETS, objects, pod, text

PARTS: Final = {"/ready": 200, "/restoring": 503}


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(PARTS[self.path])
        self.end_headers()
        self.wfile.write(b'{"ready": "as it is"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def script() -> list[str]:
    """The script as it is in the pod's arguments, and the addresses behind it."""
    arguments: list[str] = pod(objects(text(SETS["one-zone"])), "test").container("ready")["args"]
    return arguments


def ask(script: list[str], *addresses: str) -> tuple[int, str]:
    ran = subprocess.run([sys.executable, "-c", script[0], *addresses], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.slow
def test_it_asks_the_pods_behind_every_service_with_pages(script: list[str]) -> None:
    assert script[1:] == ["http://ronde-worker:6066/ready", "http://ronde-sink:6067/ready"]
    more = pod(objects(text(SETS["three-zones"])), "test").container("ready")["args"]
    assert more[1:] == [
        *script[1:],
        *(
            f"http://ronde-{component}:{PAGED[component]}/ready"
            for component in ("receiver", "desk", "portal", "partners", "watchdog", "seal")
        ),
    ]


def test_all_ready(script: list[str], address: str) -> None:
    status, said = ask(script, f"{address}/ready")
    assert (status, said) == (0, f'{address}/ready at 127.0.0.1: 200 {{"ready": "as it is"}}\n')


def test_one_that_is_not_ready_fails_and_says_why(script: list[str], address: str) -> None:
    status, said = ask(script, f"{address}/restoring", f"{address}/ready")
    assert status == 1
    assert '503 {"ready": "as it is"}' in said.splitlines()[0]
    assert "200" in said.splitlines()[1]


def test_nobody_there_fails(script: list[str]) -> None:
    status, said = ask(script, "http://127.0.0.1:1/ready", "http://nobody.invalid:6066/ready")
    assert status == 1
    assert len(said.splitlines()) == 2
    assert "Traceback" not in said
