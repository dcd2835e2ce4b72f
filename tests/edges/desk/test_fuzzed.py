"""Requests of all kinds, derived from the desk's OpenAPI: no answer of 5xx, and none that is not documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from edges.web import tokens
from service import logs
from tests.edges.desk.floor import people
from tests.edges.desk.memory import MemoryDesk
from tests.support.browser import served
from tests.support.fuzzed_api import fuzz

pytestmark = pytest.mark.slow


def test_no_answer_is_a_5xx_or_undocumented(tmp_path: Path) -> None:
    logs.configure("json", "critical")
    people(tmp_path, ann="operator")
    desk = MemoryDesk(tmp_path)
    desk.home()
    desk.alarm()
    desk.channel.close()  # a stream of events would never end
    token = tokens.add(tmp_path / "tokens.json", "fuzz", ("desk",))
    with served(desk.app) as address:
        done = fuzz(address, {"Authorization": f"Bearer {token}"}, 3)
    assert len(done) >= 17
