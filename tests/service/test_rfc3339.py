"""RFC 3339 to milliseconds and back, without a clock, a time zone or a locale."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import rfc3339

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-01-01T00:00:10.000Z", 1_767_225_610_000),
        # Any offset, either case.
        ("2026-01-01t00:00:10z", 1_767_225_610_000),
        ("2026-01-01T01:00:10+01:00", 1_767_225_610_000),
        ("2025-12-31T19:30:10-04:30", 1_767_225_610_000),
        ("2026-01-01T00:00:10-00:00", 1_767_225_610_000),
        ("2026-01-01T23:59:10+23:59", 1_767_225_610_000),
        # Any fraction; what is finer than a millisecond is cut off, not rounded.
        ("2026-01-01T00:00:10.5Z", 1_767_225_610_500),
        ("2026-01-01T00:00:10.9999Z", 1_767_225_610_999),
        ("2026-01-01T00:00:10." + "9" * 10_000 + "+00:00", 1_767_225_610_999),
        ("1969-12-31T23:59:59.9999Z", -1),
        # The calendar.
        ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("0000-02-29T00:00:00Z", -62_162_121_600_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        # A leap second is the second after it.
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2016-12-31T23:59:60.250Z", 1_483_228_800_250),
        ("1998-12-31T15:59:60.123-08:00", 915_148_800_123),
    ],
)
def test_reads_an_instant(text: str, instant: int) -> None:
    assert rfc3339.parse(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026",
        "2026-01-01",
        "2026-01-01T00:00:10",  # no offset
        "2026-01-01T00:00:10.000",
        "2026-01-01 00:00:10Z",
        "2026-01-01T00:00Z",
        "20260101T000010Z",
        "2026-01-01T00:00:10.Z",
        "2026-01-01T00:00:10,5Z",
        "2026-01-01T00:00:10.000Z\n",
        " 2026-01-01T00:00:10.000Z",
        "2026-01-01T00:00:10.000ZZ",
        "2026-01-01T00:00:10+0100",
        "2026-01-01T00:00:10+01",
        "2026-01-01T00:00:10+24:00",
        "2026-01-01T00:00:10+01:60",
        "2026-1-1T00:00:10Z",
        "2026-13-01T00:00:10Z",
        "2026-00-01T00:00:10Z",
        "2026-02-29T00:00:10Z",
        "2100-02-29T00:00:10Z",
        "2026-01-32T00:00:10Z",
        "2026-01-00T00:00:10Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00.000Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T12:00:60Z",  # no leap second ends here
        "2026-01-30T23:59:60Z",
        "9999-12-31T23:59:60Z",
        "+2026-01-01T00:00:10Z",
        "12026-01-01T00:00:10Z",
        "-001-01-01T00:00:10Z",
        "２０２６-01-01T00:00:10.000Z",  # noqa: RUF001 - digits, but not ASCII's
        "2026-01-01T00:00:1０.000Z",  # noqa: RUF001
        "2026-01-01T00:00:10.00０Z",  # noqa: RUF001
        "2026-01-01T00:00:1_.000Z",
        "0000-01-01T00:00:00+00:01",  # before the year 0
        "9999-12-31T23:59:59-00:01",  # after the year 9999
    ],
)
def test_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        rfc3339.parse(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_writes_with_milliseconds_and_reads_that_again(when: datetime) -> None:
    instant = (when - EPOCH) // MILLISECOND
    text = when.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"

    assert rfc3339.write(instant) == text
    assert rfc3339.parse(text) == instant


@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)), st.integers(-1439, 1439))  # noqa: DTZ001
def test_reads_what_the_standard_library_writes_with_any_offset(when: datetime, minutes: int) -> None:
    local = when.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    assert rfc3339.parse(local.isoformat()) == (local - EPOCH) // MILLISECOND


def test_writes_the_year_0_and_what_a_deadline_makes_of_the_last_year() -> None:
    assert rfc3339.write(-62_167_219_200_000) == "0000-01-01T00:00:00.000Z"
    assert rfc3339.write(253_402_300_799_999 + 1) == "10000-01-01T00:00:00.000Z"
