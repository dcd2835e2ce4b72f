"""The canary's site is no operators' matter: a desk takes nothing of it."""

from __future__ import annotations

import time
from unittest.mock import Mock

from edges.desk.reader import DeskReader
from edges.desk.site_index import SiteIndex
from edges.desk.state import DeskState
from edges.kafka.framing import Framing
from edges.kafka.view import Entry
from edges.settings import Connection
from edges.values import CallCommand, Decision, InputRef

NOW = time.time_ns() // 1_000_000


def _decision(site: str) -> Decision:
    ref = InputRef("ALERT", "a", "alerts", 0, 1)
    return Decision(
        f"{site}-v1", site, "security/1", site, 1, NOW, ref, 0, "OPENED", None, "CALLING", 1, 1, NOW + 120_000, None, ()
    )


def _call(site: str) -> CallCommand:
    return CallCommand(
        f"{site}-c1.1", "CALL", None, site, site, "SECURITY", 1, 1, "p", None, None, None, ("INTRUSION",), True,
        NOW, NOW + 120_000,
    )  # fmt: skip


def test_a_desk_takes_nothing_of_the_canary() -> None:
    connection = Connection("none.", "none", 1, {"bootstrap.servers": "127.0.0.1:1"}, {})
    state = DeskState(1)
    reader = DeskReader(connection, Framing(connection), state, SiteIndex(), Mock(), Mock(), left_out="canary")
    entries = [
        Entry(topic, 0, 0, NOW, site, (make(site), b""))
        for site in ("canary", "home")
        for topic, make in (("decisions", _decision), ("calls", _call))
    ]
    reader._take(entries)
    assert set(state.incidents) == {"home"}
