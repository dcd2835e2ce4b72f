"""The lag in seconds: how long the next record of a log has waited."""

import pytest

from schemas.contract.topics import BrokerLog
from streams.observe.lags import MOST, Lags

LOG = BrokerLog(("alerts", 0))


def test_a_record_waits_from_the_look_that_first_saw_it() -> None:
    lags = Lags()
    assert lags.seconds(LOG, 10, 10, None, 1_000) == 0
    assert lags.seconds(LOG, 10, 12, 500, 2_000) == 0
    assert lags.seconds(LOG, 10, 15, 500, 5_000) == 3
    assert lags.seconds(LOG, 12, 15, 500, 7_000) == 2, "those of the look before are taken"
    assert lags.seconds(LOG, 15, 15, 6_000, 8_000) == 0
    assert lags.seconds(LOG, 15, 16, 6_000, 90_000) == 0, "an idle log's last record says nothing of the next"


def test_what_was_there_at_the_first_look_is_as_old_as_what_is_taken() -> None:
    lags = Lags()
    assert lags.seconds(LOG, 0, 1_000, None, 100_000) == 0
    assert lags.seconds(LOG, 0, 1_000, None, 103_000) == 3
    assert lags.seconds(LOG, 500, 1_000, 40_000, 104_000) == 64
    assert lags.seconds(LOG, 1_000, 1_200, 99_000, 105_000) == 0


@pytest.mark.parametrize("taken_at", [0, -1])
def test_records_without_a_time_wait_from_the_first_look(taken_at: int) -> None:
    lags = Lags()
    assert lags.seconds(LOG, 0, 1_000, None, 100_000) == 0
    assert lags.seconds(LOG, 500, 1_000, taken_at, 104_000) == 4


def test_a_log_that_never_rests_is_remembered_within_bounds() -> None:
    lags = Lags()
    for second in range(20 * MOST):
        lags.seconds(LOG, 0, second, None, second * 1_000)
    assert lags.seconds(LOG, 0, 20 * MOST, None, 20 * MOST * 1_000) == 20 * MOST - 1
    assert len(lags._ends[LOG]) <= MOST


def test_a_log_given_up_is_forgotten() -> None:
    lags = Lags()
    lags.seconds(LOG, 0, 5, None, 1_000)
    lags.keep([])
    assert lags.seconds(LOG, 0, 5, None, 9_000) == 0
