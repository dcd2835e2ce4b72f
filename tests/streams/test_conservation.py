"""The sum of inputs and ends: what adds up, what does not, and what nobody can tell any more."""

import pytest

from streams.escalation.readiness import readiness
from streams.formats.topic_values import TopicValues, shipped
from streams.kafka.reading import LogRecord
from streams.verify.conservation import Account, Discrepancy, Sum
from streams.verify.conservation_sites import CLOCKS_MS, SiteAccount
from tests.streams.logbook import encode, site


def account(*, committed: int = 10, begin: int = 0, horizon: int | None = None) -> Account:
    return Account("alerts", 3, begin, committed, horizon)


def total(done: Account) -> dict[str, int]:
    """The counts that are not 0."""
    return {name: count for name, count in done.sum()._asdict().items() if isinstance(count, int) and count}


def test_every_input_counts_in_one_end() -> None:
    done = account()
    for offset in range(4):
        done.input(offset)
    done.end("decided", 0, 5, "fire")
    done.end("decided", 0, 5, "security")  # heard by two incidents
    done.end("decided", 1, 5)
    done.end("quarantined", 2, 5)
    done.end("dead-lettered", 3, 5)
    assert done.sum() == Sum("alerts", 3, 4, 2, 1, 1, 0, 0, 0, 0, 0)
    assert done.sum().difference == 0
    assert list(done.found()) == []


def test_offsets_without_a_record_are_nobodys() -> None:
    """A transaction's marker takes one, and so does what a producer aborted."""
    done = account()
    done.input(0)
    done.end("decided", 0, 5)
    done.input(9)
    done.end("decided", 9, 5)
    assert total(done) == {"partition": 3, "inputs": 2, "decided": 2}


def test_what_has_no_end_or_two_or_no_input_is_named() -> None:
    done = account()
    for offset in range(5):
        done.input(offset)
    done.end("decided", 1, 5, "one")
    done.end("decided", 1, 5, "one")
    done.end("decided", 2, 5)
    done.end("quarantined", 2, 5)
    done.end("decided", 3, 5, "one")
    done.end("decided", 4, 5)
    done.end("decided", 3, 5, "other")  # not beside the first: decided again
    done.end("dead-lettered", 7, 5)
    assert [(one.wrong, one.offset) for one in done.found()] == [
        ("MISSING", 0),
        ("TWICE", 1),
        ("TWICE", 2),
        ("TWICE", 3),
        ("NO_INPUT", 7),
    ]
    assert done.sum().difference == 5


def test_what_is_not_committed_waits_whatever_lies_of_it_already() -> None:
    done = account(committed=2)
    for offset in range(4):
        done.input(offset)
        if offset < 3:
            done.end("decided", offset, 5)
    assert total(done) == {"partition": 3, "inputs": 2, "decided": 2, "waiting": 2}


def test_an_end_of_an_input_deleted_by_its_retention_is_no_difference() -> None:
    done = account(begin=5)
    done.end("decided", 3, 5)
    assert total(done) == {"partition": 3}


def test_an_end_that_may_have_been_deleted_is_not_missing() -> None:
    """The log of decisions begins at time 100 now; inputs are handled in the order of their offsets."""
    done = account(horizon=100)
    for offset in range(6):
        done.input(offset)
    done.end("decided", 1, 100)
    done.end("decided", 3, 101)
    assert list(done.found()) == [Discrepancy("MISSING", "alerts", 3, offset) for offset in (4, 5)]
    assert (done.sum().not_checkable, done.sum().missing) == (2, 2)
    unknown = account(horizon=100)
    unknown.input(0)
    assert total(unknown) == {"partition": 3, "inputs": 1, "not_checkable": 1}


# --- sites ------------------------------------------------------------------------------------------


def record(topic: str, offset: int, key: str, value: bytes | None, at: int = 0) -> LogRecord:
    return LogRecord(topic, 0, offset, at, key.encode(), value, [])


def published(offset: int, key: str, at: int = 0, *, subscribed: bool = True) -> LogRecord:
    said = readiness(site(key, subscribed=subscribed), at)
    return record("readiness", offset, key, shipped().encoders["readiness"](said), at)


def test_of_each_site_the_current_record_has_its_readiness() -> None:
    now = CLOCKS_MS * 2
    done = SiteAccount(0, 8, TopicValues(), now=now)
    for number, key in enumerate(["right", "other", "older", "deleted", "waits"]):
        done.readiness(published(number, key, at=1))
    done.readiness(record("readiness", 9, "deleted", None))
    done.dead_letter(6, now)
    for offset, key in enumerate(["right", "other", "older", "missing", "right"]):
        done.site(record("sites", offset, key, encode(site(key, subscribed=key != "other")), CLOCKS_MS * 2))
    done.site(record("sites", 5, "deleted", None, now))
    done.site(record("sites", 6, "poison", b"poison", now))
    done.site(record("sites", 7, "waits", b"old", now))
    done.site(record("sites", 8, "waits", b"new", now))
    done.readiness(published(10, "right", at=CLOCKS_MS * 2))
    total, found = done.close()
    assert {(one.wrong, one.offset) for one in found} == {
        ("OTHER_READINESS", 1),
        ("OLDER_READINESS", 2),
        ("NO_READINESS", 3),
    }
    assert (total.records, total.sites, total.published, total.dead_lettered, total.waiting) == (8, 6, 2, 1, 1)
    assert total.difference == 3


@pytest.mark.parametrize(("now", "later_at"), [(CLOCKS_MS, CLOCKS_MS * 9), (CLOCKS_MS * 9, CLOCKS_MS)])
def test_a_producers_clock_that_is_ahead_makes_no_readiness_old(now: int, later_at: int) -> None:
    """Its record is no younger than now, nor than one that was written after it."""
    done = SiteAccount(0, 2, TopicValues(), now=now)
    done.readiness(published(0, "a", at=1))
    done.dead_letter(1, now)
    done.site(record("sites", 0, "a", encode(site("a")), CLOCKS_MS * 5))
    done.site(record("sites", 1, "poison", b"poison", later_at))
    assert done.close()[1] == []


def test_a_readiness_record_of_another_program_is_named_itself() -> None:
    done = SiteAccount(0, 2, TopicValues(), now=1)
    done.readiness(record("readiness", 7, "a", b"of another program"))
    done.readiness(published(8, "poison"))
    done.site(record("sites", 0, "a", encode(site("a"))))
    done.site(record("sites", 1, "poison", b"poison"))  # no dead letter, and so no readiness can be right
    assert done.close()[1] == [
        Discrepancy("UNREADABLE", "readiness", 0, 7),
        Discrepancy("OTHER_READINESS", "sites", 0, 1),
    ]


# Dead letters up to this instant were deleted from their log; sites were configured by then, and later.
HORIZON = CLOCKS_MS * 5
BEFORE, AFTER = HORIZON - 1, HORIZON + 1
LATE = HORIZON + CLOCKS_MS + 1  # more than clocks may differ


def truncated(committed: int = 9, deleted: int = 9) -> SiteAccount:
    return SiteAccount(0, committed, TopicValues(), now=HORIZON * 9, deleted=deleted, horizon=HORIZON)


def test_a_bad_site_record_whose_dead_letter_was_deleted_is_not_checkable() -> None:
    """It stays the last of its site, whether it never was to be read, or the core failed on it (FAILED)."""
    done = truncated()
    for number, key in enumerate(["unreadable", "failed", "deleted"]):
        done.readiness(published(number, key, at=BEFORE))
    done.site(record("sites", 0, "unreadable", b"poison", BEFORE))
    done.site(record("sites", 1, "failed", encode(site("failed", subscribed=False)), BEFORE))
    done.site(record("sites", 2, "deleted", None, BEFORE))
    done.site(record("sites", 3, "new", b"poison", BEFORE))
    done.site(record("sites", 4, "right", encode(site("right")), BEFORE))
    done.readiness(published(5, "right", at=AFTER))
    total, found = done.close()
    assert (found, total.difference) == ([], 0)
    assert (total.sites, total.published, total.not_checkable) == (5, 1, 4)


def test_no_more_sites_are_not_checkable_than_dead_letters_were_deleted() -> None:
    """As after the loss of ``readiness``: the newest are named, since the oldest dead letters are deleted first."""
    done = truncated(deleted=2)
    for offset, key in enumerate(["renewed", "a", "b", "c", "d", "renewed"]):
        done.site(record("sites", offset, key, encode(site(key)), BEFORE))
    total, found = done.close()
    assert found == [Discrepancy("NO_READINESS", "sites", 0, offset) for offset in (5, 3, 4)]
    assert (total.sites, total.published, total.not_checkable, total.difference) == (5, 0, 2, 3)


def test_a_site_handled_after_the_dead_letters_that_were_deleted_must_have_its_readiness() -> None:
    """As the readiness of a site before it tells, or its own, or a dead letter before it, or when it was written."""
    by_another = truncated()
    by_another.readiness(published(0, "right", at=AFTER))
    by_another.site(record("sites", 0, "right", encode(site("right")), BEFORE))
    by_its_own = truncated()
    by_its_own.readiness(published(0, "missing", at=AFTER, subscribed=False))
    by_a_letter = truncated()
    by_a_letter.dead_letter(0, AFTER)
    by_a_letter.site(record("sites", 0, "poison", b"poison", BEFORE))
    for done in (by_another, by_its_own, by_a_letter):
        done.site(record("sites", 7, "missing", encode(site("missing")), BEFORE))
    by_its_time = truncated()
    by_its_time.site(record("sites", 7, "missing", encode(site("missing")), LATE))
    for done, wrong in (
        (by_another, "NO_READINESS"),
        (by_its_own, "OTHER_READINESS"),
        (by_a_letter, "NO_READINESS"),
        (by_its_time, "NO_READINESS"),
    ):
        total, found = done.close()
        assert [(one.wrong, one.offset) for one in found] == [(wrong, 7)]
        assert (total.difference, total.not_checkable) == (1, 0)


def test_a_readiness_record_of_another_program_is_named_whatever_was_deleted() -> None:
    done = truncated()
    done.readiness(record("readiness", 7, "a", b"of another program"))
    done.site(record("sites", 0, "a", encode(site("a"))))
    assert done.close()[1] == [Discrepancy("UNREADABLE", "readiness", 0, 7)]
