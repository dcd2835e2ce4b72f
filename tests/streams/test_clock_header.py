"""What a decision states of its partition's clock, as a replay reads it."""

from streams.audit.reading import LogRecord
from streams.clock import AHEAD_HEADER
from streams.replaying.step import Decided


def test_a_replay_judges_by_the_difference_that_the_decision_states() -> None:
    record = LogRecord("decisions", 0, 7, 0, b"s", b"", [("traceparent", None), (AHEAD_HEADER, b"2000")])
    assert Decided([record], []).ahead_ms == 2_000
    assert Decided([record._replace(headers=[])], []).ahead_ms == 0
