"""The worker's lines: no flood, and nothing of what a record holds."""

import logging

import pytest
import structlog

from streams import logs


def test_a_flood_of_one_event_is_counted_instead() -> None:
    time = [0.0]
    flood = logs._Flood(2, 10, lambda: time[0])
    assert [flood.admit("a") for _ in range(4)] == [0, 0, None, None]
    assert flood.admit("b") == 0
    time[0] = 10.0
    assert flood.admit("a") == 2
    assert flood.admit("a") == 0


def test_an_exception_is_told_by_its_places_without_its_message() -> None:
    try:
        float("Ada Lovelace")
    except ValueError as error:
        told = logs.places(error)
    assert told.startswith("ValueError at test_logs.py:")
    assert "Lovelace" not in told


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
