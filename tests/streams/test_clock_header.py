"""What a decision states of its partition's clock, as a replay reads it."""

from streams.kafka.reading import LogRecord
from streams.replay.step import RecordedStep
from streams.runtime.clock import AHEAD_HEADER


def test_a_replay_judges_by_the_difference_that_the_decision_states() -> None:
    record = LogRecord("decisions", 0, 7, 0, b"s", b"", [("traceparent", None), (AHEAD_HEADER, b"2000")])
    assert RecordedStep([record], []).ahead_ms == 2_000
    assert RecordedStep([record._replace(headers=[(AHEAD_HEADER, b"-600000")])], []).ahead_ms == -600_000
    assert RecordedStep([record._replace(headers=[])], []).ahead_ms == 0
    for stated in (b"9" * 5000, "²".encode(), "²", b"--1", b"+1", b"-", None):
        assert RecordedStep([record._replace(headers=[(AHEAD_HEADER, stated)])], []).ahead_ms == 0
