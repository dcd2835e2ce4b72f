"""The worker's lines: no flood, and nothing of what a record holds."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
import structlog
from confluent_kafka import Producer

from service import logs


def test_a_flood_of_one_event_is_counted_instead() -> None:
    time = [0.0]
    flood = logs._Limit(2, 10, lambda: time[0])
    assert [flood.admit("a") for _ in range(4)] == [0, 0, None, None]
    assert flood.admit("b") == 0
    time[0] = 10.0
    assert flood.admit("a") == 2
    assert flood.admit("a") == 0


@pytest.mark.slow
def test_lines_of_other_threads_may_come_while_floods_are_summed_up() -> None:
    now = [0.0]
    flood = logs._Limit(2, 10, lambda: now[0])

    class Windows(dict[str, logs._Window]):
        def items(self) -> Any:
            for item in super().items():
                other = Thread(target=flood.admit, args=("of another thread",))
                others.append(other)
                other.start()
                other.join(1.0)  # which it takes only where it waits for its turn
                yield item

    others: list[Thread] = []
    flood._windows = Windows()
    assert [flood.admit("a") for _ in range(3)] == [0, 0, None]
    now[0] = 10.0
    assert flood.ended() == {"a": 1}
    for other in others:
        other.join()
    assert flood.admit("of another thread") == 0


def test_an_exception_is_told_by_its_places_without_its_message() -> None:
    try:
        float("Ada Lovelace")
    except ValueError as error:
        told = logs.places(error)
    assert told.startswith("ValueError at test_logs.py:")
    assert "Lovelace" not in told


@contextmanager
def logging_json(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Log as a worker does; yields what gives the lines since, as a program reads them."""
    logs.configure("json", "info")
    try:
        yield lambda: [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    finally:
        structlog.reset_defaults()
        logging.basicConfig(level=logging.WARNING, force=True)


def test_a_flood_that_is_over_is_summed_up_with_whatever_is_logged_next(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "SECONDS", 0.5)
    library, ours = logging.getLogger("librdkafka"), structlog.stdlib.get_logger("streams.test")
    with logging_json(capfd) as lines:
        for number in range(100):
            library.error("%s [%s]", "connect failed", "broker-1")
            ours.warning("the broker does not answer", attempt=number)
        assert len(lines()) == 2 * logs.BURST
        library.error("%s [%s]", "connect failed", "broker-2")
        time.sleep(0.6)
        library.error("%s [%s]", "connect failed", "broker-1")
        ours.info("told")
        by_event = {line["event"]: line for line in lines()}
    assert "left_out" not in by_event["connect failed [broker-2]"], "another broker's lines are others"
    assert by_event["connect failed [broker-1]"]["left_out"] == 100 - logs.BURST
    assert by_event["lines were left out"]["of"] == "the broker does not answer"
    assert by_event["lines were left out"]["left_out"] == 100 - logs.BURST
    assert "left_out" not in by_event["told"]


def test_a_client_whose_broker_is_away_is_heard_with_its_thread_and_without_a_flood(
    capfd: pytest.CaptureFixture[str],
) -> None:
    eager = {"reconnect.backoff.ms": 1, "reconnect.backoff.max.ms": 5, "bootstrap.servers": "127.0.0.1:9"}
    with logging_json(capfd) as lines:
        Producer(eager, logger=logging.getLogger("librdkafka")).poll(1)
        heard = [line["event"] for line in lines() if line["logger"] == "librdkafka"]
    assert heard
    assert len(heard) <= 2 * logs.BURST
    assert "127.0.0.1:9/bootstrap" in heard[0]


def test_a_librarys_traceback_loses_its_message(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        logs.configure("json", "info")
        try:
            float("Ada Lovelace")
        except ValueError:
            logging.getLogger("faust.agents").exception("Agent crashed")
        logs.logger("streams.test").info("told", site="site-1", partition=3)
        logs.logger("streams.test").debug("not told")
    finally:
        structlog.reset_defaults()
        logging.basicConfig(level=logging.WARNING, force=True)
    said = capfd.readouterr().err
    assert "Lovelace" not in said
    assert '"error": "ValueError at test_logs.py' in said
    assert '"event": "told"' in said
    assert '"partition": 3' in said
    assert "not told" not in said
