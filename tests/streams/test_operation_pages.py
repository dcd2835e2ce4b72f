"""The pages of operation on the addresses that a cluster has: of IPv4, of IPv6, of both."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry

from service.pages import OperationPages
from service.readiness import ProcessReadiness


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
