"""Who holds what, by `claims` alone: the rules one by one, and that all readers agree."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edges.desk.claims import ClaimLog
from edges.values import Claim

START: Final = 1_700_000_000_000
WEEK_MS: Final = 7 * 24 * 3600 * 1000


def claim(action: str, by: str = "ann", subject: str = "c1", seconds: int = 60) -> Claim:
    return Claim("id", "S1", "I1", subject, by, "PERSON", action, seconds)


class Log:
    """A partition; times are seconds since its beginning."""

    def __init__(self) -> None:
        self.log = ClaimLog()

    def add(self, at: float, action: str, by: str = "ann", subject: str = "c1", seconds: int = 60) -> str:
        return self.log.apply(claim(action, by, subject, seconds), START + int(at * 1000), at)

    def holder(self, subject: str = "c1", at: float | None = None) -> str | None:
        hold = self.log.holder(subject, None if at is None else self.log.now(at))
        return None if hold is None else hold.by


def test_the_first_take_wins_and_the_second_loses() -> None:
    log = Log()
    assert log.add(0, "TAKE", "ann") == "TAKEN"
    assert log.add(0, "TAKE", "bob") == "LOST"
    assert log.holder() == "ann"
    assert log.holder("c2") is None


def test_a_take_by_the_holder_renews() -> None:
    log = Log()
    log.add(0, "TAKE")
    assert log.add(50, "TAKE") == "RENEWED"
    assert log.add(100, "TAKE", "bob") == "LOST"
    hold = log.log.holder("c1")
    assert hold is not None
    assert (hold.since, hold.heard, hold.until) == (START, START + 50_000, START + 110_000)


def test_renew_and_release_count_from_the_holder_only() -> None:
    log = Log()
    assert log.add(0, "RENEW") == "NOTHING"
    assert log.holder() is None
    log.add(0, "TAKE", "ann")
    assert log.add(1, "RELEASE", "bob") == "NOTHING"
    assert log.add(1, "RENEW", "bob") == "NOTHING"
    assert log.holder() == "ann"
    assert log.add(2, "RELEASE", "ann") == "RELEASED"
    assert log.add(2, "TAKE", "bob") == "TAKEN"


def test_take_over_wins_always() -> None:
    log = Log()
    assert log.add(0, "TAKE_OVER", "ann") == "TAKEN"
    assert log.add(1, "TAKE_OVER", "bob") == "TAKEN"
    assert log.add(2, "RENEW", "ann") == "NOTHING"
    assert log.holder() == "bob"
    assert log.log.held_by("c1") == ("ann", "bob")


def test_a_hold_ends_seconds_after_its_last_record_by_the_brokers_clock() -> None:
    log = Log()
    log.add(0, "TAKE", "ann", seconds=60)
    assert log.add(59.999, "TAKE", "bob") == "LOST"
    assert log.add(60, "TAKE", "bob") == "TAKEN"
    assert log.add(61, "RENEW", "ann") == "NOTHING"


def test_records_about_another_subject_move_the_time() -> None:
    log = Log()
    log.add(0, "TAKE", "ann", "c1", 60)
    log.add(60, "TAKE", "bob", "c2")
    assert log.holder("c1") is None


def test_time_never_goes_back() -> None:
    log = Log()
    log.add(0, "TAKE", "ann", "c1", 60)
    log.add(70, "TAKE", "bob", "c2")
    assert log.add(10, "TAKE", "cleo", "c1", 60) == "TAKEN"
    assert log.log.holder("c1") == ("c1", "S1", "I1", "cleo", "PERSON", START + 70_000, START + 70_000, START + 130_000)


def test_time_passes_while_the_partition_is_quiet() -> None:
    log = Log()
    log.add(0, "TAKE", "ann", seconds=60)
    assert log.holder(at=59.9) == "ann"
    assert log.holder(at=60) is None
    assert log.holder() == "ann"  # as far as the log itself says


def test_a_hold_is_in_force_for_its_seconds_while_the_time_stands_still() -> None:
    """The broker's clock was 300 s ahead until the second record. Each moment is of the reader's clock."""
    log = Log()
    log.log.apply(claim("RENEW"), START + 300_000, read_at=0.0)
    for at in (100, 120, 140):  # a page renews
        log.add(at, "TAKE", "ann")
        assert log.holder(at=at + 59.9) == "ann"
    for at in (150, 180):  # others' records
        log.add(at, "TAKE", "bob", "c3")
    assert log.holder(at=199) == "ann"
    assert log.holder(at=200) is None, "60 s after the last that was heard of ann"
    assert log.holder() == "ann", "by the records, as every reader has it"
    assert [hold.subject for hold in log.log.holds(log.log.now(200))] == ["c3"]
    hold = log.log.holder("c1")
    assert hold is not None
    assert [log.log.silent(hold, log.log.now(at)) for at in (180, 200)] == [40_000, 60_000]
    assert log.log.left(hold, log.log.now(190)) == 10_000


def test_what_a_reader_estimates_changes_no_holder() -> None:
    """Two who read the same records at other moments, and one looks all the time."""
    records = [(300, "TAKE", "ann"), (1, "TAKE", "bob"), (50, "TAKE_OVER", "bob"), (359, "TAKE", "ann")]
    at_once, late = ClaimLog(), ClaimLog()
    for number, (at, action, by) in enumerate(records):
        at_once.apply(claim(action, by), START + at * 1000, at)
        late.apply(claim(action, by), START + at * 1000, number * 1000)
        late.holder("c1", late.now(number * 1000 + 999))
        assert at_once.holder("c1") == late.holder("c1")


def test_nobody_holds_for_longer_than_two_minutes() -> None:
    log = Log()
    log.add(0, "TAKE", "ann", seconds=100_000)
    assert log.add(119, "TAKE", "bob") == "LOST"
    assert log.add(120, "TAKE", "bob") == "TAKEN"
    assert log.add(121, "TAKE", "ann", "c2", -5) == "TAKEN"
    assert log.holder("c2") is None


def test_an_action_that_is_not_known_changes_nothing() -> None:
    log = Log()
    log.add(0, "TAKE", "ann")
    assert log.add(1, "UNKNOWN", "bob") == "NOTHING"
    assert log.holder() == "ann"


def test_who_held_a_subject_is_known_for_a_day() -> None:
    log = Log()
    log.add(0, "TAKE", "ann")
    log.add(23 * 3600, "TAKE", "bob", "c2")
    assert log.log.held_by("c1") == ("ann",)
    log.add(26 * 3600, "TAKE", "bob", "c2")
    assert log.log.held_by("c1") == ()


Entries = list[tuple[Claim, int]]
_claims = st.builds(
    claim,
    st.sampled_from(["TAKE", "TAKE_OVER", "RENEW", "RELEASE"]),
    st.sampled_from(["ann", "bob", "cleo"]),
    st.sampled_from(["c1", "c2"]),
    st.integers(0, 130),
)
# The broker's clock may go back a little when another broker leads.
_logs = st.lists(st.tuples(_claims, st.integers(-5000, 150_000)), max_size=40)


def timed(steps: list[tuple[Claim, int]]) -> Entries:
    at, entries = START, []
    for made, step in steps:
        at += step
        entries.append((made, at))
    return entries


def fold(entries: Entries) -> ClaimLog:
    log = ClaimLog()
    for made, at in entries:
        log.apply(made, at)
    return log


def reference(entries: Entries) -> dict[str, str]:
    """The rules once more, in the plainest way."""
    time, held = 0, dict[str, tuple[str, int]]()
    for made, at in entries:
        time = max(time, at)
        held = {subject: hold for subject, hold in held.items() if hold[1] > time}
        until = time + 1000 * min(made.seconds, 120)
        holder = held[made.subject][0] if made.subject in held else None
        if (
            made.action == "TAKE_OVER"
            or (made.action == "TAKE" and holder in {None, made.by})
            or (made.action == "RENEW" and holder == made.by)
        ):
            held[made.subject] = (made.by, until)
        elif made.action == "RELEASE" and holder == made.by:
            del held[made.subject]
    return {subject: by for subject, (by, until) in held.items() if until > time}


@pytest.mark.slow
@given(_logs)
def test_the_holder_is_the_one_of_the_rules(steps: list[tuple[Claim, int]]) -> None:
    entries = timed(steps)
    assert {hold.subject: hold.by for hold in fold(entries).holds()} == reference(entries)


@pytest.mark.slow
@given(_logs, _logs, st.integers(0, 200_000))
def test_a_reader_that_begins_behind_retention_comes_to_the_same_holder(
    before: list[tuple[Claim, int]], after: list[tuple[Claim, int]], gap: int
) -> None:
    """Each of the retained logs that begin after a pause of 120 s has the holders of the whole log."""
    early = timed(before)
    begins = max((at for _, at in early), default=START) + 120_000 + gap
    late = [(made, at - START + begins) for made, at in timed(after)]
    late = [(made, max(at, begins)) for made, at in late]
    whole, restarted = fold(early + late), fold(late)
    if late:
        assert list(whole.holds()) == list(restarted.holds())
        assert whole.time == restarted.time


@given(_logs, st.data())
def test_any_prefix_of_a_week_serves_once_each_subject_was_free(
    steps: list[tuple[Claim, int]], data: st.DataObject
) -> None:
    """What lies a week back may be read or not: from wherever a reader begins there, the end is the same."""
    recent = [(made, at + WEEK_MS) for made, at in timed(steps)]
    recent = [(made, max(at, START + WEEK_MS)) for made, at in recent]
    old = timed(data.draw(_logs))
    old = [(made, min(at, START + WEEK_MS - 121_000)) for made, at in old]
    begin = data.draw(st.integers(0, len(old)))
    if recent:
        assert list(fold(old + recent).holds()) == list(fold(old[begin:] + recent).holds())
