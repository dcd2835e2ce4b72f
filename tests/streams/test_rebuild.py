"""What the log makes of a partition: the last state of each site, its deadlines, the site records in force."""

from __future__ import annotations

from typing import Any, cast

import pytest

from schemas.avro.errors import RegistryUnreachable
from schemas.avro.framing import SINGLE_OBJECT_SIZE, confluent
from schemas.avro.loader import load
from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY, MEMORY_MS, Deadline, Remembered, SiteState
from streams.escalation.step import on_event
from streams.escalation.values import Alert, SiteRecord, Source
from streams.formats.codec import Codec
from streams.formats.site_records import SiteRecords
from streams.state.overlay import PartitionOverlay
from streams.state.partition import SWEEP_MS, Partition, Unusable
from streams.state.rebuild import Rebuild
from tests.streams.messages import CODEC, NUMBER, SETTINGS, SITE, SITE_RECORDS, Logged, elsewhere, site


def opened(at: int) -> SiteState:
    """The state of a site that had one alert."""
    record = SiteRecord(0, CODEC.decode_site(site()))
    alert = Alert("a", SITE, "INTRUSION", at)
    return on_event(EMPTY, record, alert, Source("alerts", NUMBER, 0), at, DEFAULTS).state


def rebuild(sites_from: int = 0) -> Rebuild:
    return Rebuild(NUMBER, CODEC, SITE_RECORDS, sites_from, {})


def made(from_: Rebuild) -> Partition:
    return from_.partition({}, {})


def in_force(partition: Partition, name: str = SITE) -> int | None:
    """The offset of a site's record in force."""
    record = PartitionOverlay(partition, CODEC, SITE_RECORDS, 0).site(name)
    return record.offset if record is not None else None


def test_the_last_state_counts_and_arms_its_deadlines() -> None:
    log = rebuild()
    log.take_state(Logged(SITE.encode(), CODEC.encode_state(opened(1_000)), 0))
    last = opened(5_000)
    log.take_state(Logged(SITE.encode(), CODEC.encode_state(last), 1, timestamp_=9_000_000_000_000))
    partition = made(log)
    assert partition.states == {SITE: CODEC.encode_state(last)}
    (armed,) = partition.deadlines
    assert armed.site_id == SITE
    assert armed.deadline == Deadline(125_000, last.incidents[0].incident_id, 0)
    assert partition.now() >= 9_000_000_000_000, "time goes on from the latest record"


def test_a_tombstone_of_a_state_leaves_nothing() -> None:
    log = rebuild()
    log.take_state(Logged(SITE.encode(), CODEC.encode_state(opened(1_000)), 0))
    log.take_state(Logged(SITE.encode(), None, 1))
    partition = made(log)
    assert (partition.states, partition.deadlines, partition.set_aside) == ({}, [], [])


def test_a_state_that_does_not_decode_is_kept_apart_as_it_came() -> None:
    log = rebuild()
    log.take_state(Logged(SITE.encode(), b"broken", 7, headers_=[("trace", b"t-1")]))
    log.take_state(Logged(b"\xff", CODEC.encode_state(opened(1_000)), 8))
    partition = made(log)
    first, second = partition.set_aside
    assert (first.key, first.value, first.headers, first.offset) == (SITE.encode(), b"broken", [("trace", b"t-1")], 7)
    assert {first.reason, second.reason} == {"UNDECODABLE"}
    assert partition.states == {}


def test_a_state_whose_key_no_site_can_have_is_kept_apart_although_it_decodes() -> None:
    log = rebuild()
    log.take_state(Logged(b"k" * 128, CODEC.encode_state(opened(1_000)), 7))
    log.take_state(Logged(b"k" * 129, CODEC.encode_state(opened(1_000)), 8))
    partition = made(log)
    assert list(partition.states) == ["k" * 128]
    (aside,) = partition.set_aside
    assert (aside.offset, aside.reason) == (8, "UNDECODABLE")


def test_a_later_good_state_makes_up_for_a_broken_one() -> None:
    log = rebuild()
    log.take_state(Logged(SITE.encode(), b"broken", 7, headers_=[("trace", b"t-1")]))
    log.take_state(Logged(SITE.encode(), CODEC.encode_state(opened(1_000)), 8))
    assert made(log).set_aside == []


def test_a_state_that_failed_twice_is_set_aside_though_it_decodes() -> None:
    log = Rebuild(NUMBER, CODEC, SITE_RECORDS, 0, {SITE: Unusable("FAILED", "Traceback")})
    log.take_state(Logged(SITE.encode(), CODEC.encode_state(opened(1_000)), 7))
    partition = made(log)
    (aside,) = partition.set_aside
    assert (aside.offset, aside.reason, aside.error) == (7, "FAILED", "Traceback")
    assert (partition.states, partition.deadlines) == ({}, [])


def test_a_site_without_an_incident_is_forgotten_once_its_memory_ends() -> None:
    state = SiteState(remembered=(Remembered("a", "INTRUSION", 0, 1_000),))
    log = rebuild()
    log.take_state(Logged(SITE.encode(), CODEC.encode_state(state), 0))
    partition = made(log)
    assert partition.forgettable(999 + MEMORY_MS, 10) == []
    assert partition.forgettable(1_000 + MEMORY_MS, 10) == [], "it was looked at less than an hour ago"
    assert partition.forgettable(999 + MEMORY_MS + SWEEP_MS, 10) == [SITE]
    overlay = PartitionOverlay(partition, CODEC, SITE_RECORDS, 999 + MEMORY_MS + SWEEP_MS)
    overlay.load_for_expiry(SITE)
    assert overlay.encode_changes() == [(SITE, None)]
    overlay.commit()
    assert partition.states == {}


def test_the_last_site_record_is_in_force() -> None:
    log = rebuild()
    for offset in (3, 4):
        log.take_site(Logged(SITE.encode(), site(), offset))
    assert in_force(made(log)) == 4


def test_a_site_record_that_is_a_dead_letter_never_comes_into_force() -> None:
    log = rebuild()
    log.take_site(Logged(SITE.encode(), site(), 3))
    log.take_site(Logged(SITE.encode(), b"poison", 4))
    log.take_site(Logged(SITE.encode(), site("another"), 5))
    log.take_site(Logged(None, site(), 6))
    partition = made(log)
    assert in_force(partition) == 3


def test_a_single_site_record_is_judged_when_it_is_touched() -> None:
    lost = elsewhere()
    log = rebuild()
    log.take_site(Logged(SITE.encode(), b"poison", 3))
    log.take_site(Logged(lost.encode(), site(lost), 4))
    partition = made(log)
    assert len(partition.sites) == 2
    assert in_force(partition) is None
    assert in_force(partition, lost) is None
    assert partition.sites == {}


def test_a_tombstone_counts_unless_it_is_still_to_pass_as_an_input() -> None:
    for tombstone, found in ((4, None), (5, 3)):
        log = rebuild(sites_from=5)
        log.take_site(Logged(SITE.encode(), site(), 3))
        log.take_site(Logged(SITE.encode(), None, tombstone))
        assert in_force(made(log)) == found


class FakeRegistry:
    """Knows schema 7, if it answers."""

    def __init__(self) -> None:
        self.is_away = True
        self.asked = 0

    def id_of(self, _subject: str, _schema: Any) -> int:
        return 1

    def schema(self, schema_id: int) -> Any:
        assert schema_id == 7
        self.asked += 1
        if self.is_away:
            raise RegistryUnreachable("away")
        return load("Site")


def test_a_schema_that_is_not_known_is_asked_for_at_the_restore_where_it_can_be_waited_for() -> None:
    registry = FakeRegistry()
    codec = Codec(cast("Any", registry))
    log = Rebuild(NUMBER, codec, SiteRecords(codec, SETTINGS), 0, {})
    framed = Logged(SITE.encode(), confluent(7) + site()[SINGLE_OBJECT_SIZE:], 3)
    with pytest.raises(RegistryUnreachable):
        log.take_site(framed)
    registry.is_away = False
    log.take_site(framed)
    assert (log.records, registry.asked) == (1, 2)
    registry.is_away = True
    other = next(name for name in map(str, range(1000)) if not SITE_RECORDS.is_misplaced(name.encode(), NUMBER))
    log.take_site(Logged(other.encode(), confluent(7) + site(other)[SINGLE_OBJECT_SIZE:], 4))
    partition = made(log)
    assert [partition.sites[name].checked for name in (SITE, other)] == [True, False], "one of a schema is enough"
    overlay = PartitionOverlay(partition, codec, SiteRecords(codec, SETTINGS), 0)
    assert [overlay.site(name) is not None for name in (SITE, other)] == [True, True]
