"""The pages of operation on the addresses that a cluster has: of IPv4, of IPv6, of both."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import faust
import pytest
import structlog
from prometheus_client import CollectorRegistry

from service import logs
from service import pages as pages_module
from service.pages import OperationPages
from service.readiness import ProcessReadiness
from streams.worker.app import WorkerPages
from tests.machine import stretched


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@contextmanager
def served(host: str) -> Iterator[str]:
    pages = OperationPages(host, 0, ProcessReadiness(), CollectorRegistry())
    try:
        yield pages.address
    finally:
        pages.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost", pytest.param("::1", marks=needs_ipv6)])
def test_the_address_that_is_told_is_the_one_that_answers(host: str) -> None:
    with served(host) as address, urllib.request.urlopen(f"{address}/ready", timeout=10) as answer:
        assert answer.status == 200


@needs_ipv6
def test_all_addresses_of_ipv6_are_all_of_both() -> None:
    with served("::") as address:
        port = address.rpartition(":")[2]
        for host in ("[::1]", "127.0.0.1"):
            with urllib.request.urlopen(f"http://{host}:{port}/ready", timeout=10) as answer:
                assert answer.status == 200


def test_a_client_that_resets_its_connection_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    over = threading.Event()
    shut = pages_module._Server.shutdown_request

    def shut_down(server: pages_module._Server, request: Any) -> None:
        shut(server, request)
        over.set()

    monkeypatch.setattr(pages_module._Server, "shutdown_request", shut_down)
    with served("127.0.0.1") as address:
        client = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
        client.send(b"GET /health")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert over.wait(stretched(10))
    assert capfd.readouterr().err == ""


def test_a_page_that_fails_is_a_line_and_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken(ProcessReadiness):
        @property
        def remarks(self) -> Any:
            raise ValueError("Ada Lovelace")

    pages = OperationPages("127.0.0.1", 0, Broken(), CollectorRegistry())
    logs.configure("json", "info")
    try:
        with pytest.raises(http.client.RemoteDisconnected):
            urllib.request.urlopen(f"{pages.address}/ready", timeout=stretched(10))
    finally:
        pages.close()
        structlog.reset_defaults()
        logging.basicConfig(level=logging.WARNING, force=True)
    (line,) = map(json.loads, capfd.readouterr().err.splitlines())
    assert line["event"] == "a page failed"
    assert line["error"].startswith("ValueError at ")


def test_a_client_that_sends_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = pages_module._Handler.timeout
    assert limit is not None
    assert limit <= 30
    monkeypatch.setattr(pages_module._Handler, "timeout", 0.05)
    with served("127.0.0.1") as address:
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=stretched(10)) as client:
            assert client.recv(1) == b""


@pytest.mark.parametrize(
    ("name", "address"), [(("127.0.0.1", 6066), "127.0.0.1:6066"), (("::1", 6066, 0, 0), "[::1]:6066")]
)
def test_a_workers_address_of_ipv6_stands_in_brackets(name: tuple[Any, ...], address: str) -> None:
    pages: Any = WorkerPages(faust.App("test"), name[0], 6066)
    pages._runner = SimpleNamespace(addresses=[name])
    assert pages.address == f"http://{address}"


def test_an_address_of_somebody_else_is_an_error() -> None:
    with pytest.raises(OSError, match=r"\w"):
        OperationPages("192.0.2.1", 0, ProcessReadiness(), CollectorRegistry())


def test_a_probe_may_exclude_what_concerns_a_part_only() -> None:
    readiness = ProcessReadiness(keys="a key does not open", kafka="Kafka is silent")
    pages = OperationPages("127.0.0.1", 0, readiness, CollectorRegistry())

    def ready(query: str) -> tuple[int, set[str]]:
        try:
            with urllib.request.urlopen(f"{pages.address}/ready{query}", timeout=10) as answer:
                return answer.status, set(json.load(answer)["reasons"])
        except urllib.error.HTTPError as error:
            return error.code, set(json.load(error)["reasons"])

    try:
        assert ready("") == (503, {"keys", "kafka"})
        assert ready("?exclude=keys") == (503, {"kafka"})
        assert ready("?exclude=keys&exclude=kafka") == (200, set())
        readiness.arrive("kafka")
        assert ready("?exclude=keys") == (200, set())
        assert ready("") == (503, {"keys"})
    finally:
        pages.close()


def test_what_is_wrong_and_not_waited_for_is_a_remark() -> None:
    readiness = ProcessReadiness()
    pages = OperationPages("127.0.0.1", 0, readiness, CollectorRegistry())

    def ready() -> dict[str, object]:
        with urllib.request.urlopen(f"{pages.address}/ready", timeout=10) as answer:
            shown: dict[str, object] = json.load(answer)
            return shown

    try:
        assert ready() == {"ready": True, "reasons": {}}
        readiness.remark("clock", "the clock differs")
        assert ready() == {"ready": True, "reasons": {}, "remarks": {"clock": "the clock differs"}}
        readiness.withdraw("clock")
        assert "remarks" not in ready()
    finally:
        pages.close()
