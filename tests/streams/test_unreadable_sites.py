"""Site records of another registry's day: a restore counts them, but for those that could never have counted."""

from __future__ import annotations

from typing import Any, Final, cast

import pytest

from schemas.avro.errors import SchemaNotFound, UnusableSchema
from schemas.avro.framing import SINGLE_OBJECT_SIZE, confluent
from schemas.avro.loader import load
from streams.escalation.values import SiteRecord
from streams.formats.codec import Codec
from streams.formats.site_records import SiteRecords
from streams.state.overlay import PartitionOverlay
from streams.state.partition import Partition
from streams.state.rebuild import Rebuild
from tests.streams.messages import CODEC, NUMBER, SETTINGS, SITE, Logged, elsewhere, site

PASSED: Final = 9  # offsets below it
KNOWN: Final = 1
NOT_FOUND: Final = 7
OF_ALERTS: Final = 8
UNUSABLE: Final = 9


class Registry:
    """One that was made again: of the ids of before it has some, for others."""

    def id_of(self, _subject: str, _schema: Any) -> int:
        return KNOWN

    def schema(self, schema_id: int) -> Any:
        if schema_id == NOT_FOUND:
            raise SchemaNotFound("the schema registry does not know schema 7")
        if schema_id == UNUSABLE:
            raise UnusableSchema("it is no Avro")
        return load("Alert" if schema_id == OF_ALERTS else "Site")


AGAIN: Final = Codec(cast("Any", Registry()))


def framed(schema_id: int, name: str = SITE) -> bytes:
    return confluent(schema_id) + site(name)[SINGLE_OBJECT_SIZE:]


def rebuilt(*values: bytes | None, codec: Codec = AGAIN, key: bytes = SITE.encode(), first: int = 0) -> Rebuild:
    """What a restore makes of records of one key."""
    log = Rebuild(NUMBER, codec, SiteRecords(codec, SETTINGS), PASSED, {})
    for offset, value in enumerate(values, first):
        log.take_site(Logged(key, value, offset))
    return log


def in_force(partition: Partition) -> int | None:
    record = PartitionOverlay(partition, AGAIN, SiteRecords(AGAIN, SETTINGS), 0).site(SITE)
    return None if record is None else record.offset


@pytest.mark.parametrize(
    ("codec", "schema_id", "said"),
    [
        (CODEC, KNOWN, "registry.url is not set"),
        (AGAIN, NOT_FOUND, "does not know schema 7"),
        (AGAIN, OF_ALERTS, "schema 8 of the registry: "),
        (AGAIN, UNUSABLE, "schema 9 of the registry: it is no Avro"),
    ],
)
def test_a_record_that_the_registry_keeps_from_being_read_is_counted(codec: Codec, schema_id: int, said: str) -> None:
    log = rebuilt(framed(schema_id), codec=codec, first=3)
    (unreadable,) = log.unreadable.values()
    assert unreadable.offset == 3
    assert said in unreadable.reason
    partition = log.partition({}, {})
    assert (partition.sites, partition.unreadable_sites) == ({}, {SITE})


@pytest.mark.parametrize(
    ("value", "key", "codec"),
    [
        (b"junk", SITE, AGAIN),
        (b"", SITE, AGAIN),
        (b"\0", SITE, AGAIN),
        (b"\0junk", SITE, CODEC),
        (framed(KNOWN)[:-3], SITE, AGAIN),
        (framed(KNOWN)[:-3], SITE, CODEC),
        (framed(KNOWN, "another"), SITE, AGAIN),
        (framed(NOT_FOUND, elsewhere()), elsewhere(), AGAIN),
        (framed(NOT_FOUND), "", AGAIN),
        (framed(NOT_FOUND), "k" * 129, AGAIN),
    ],
)
def test_a_record_that_was_a_dead_letter_with_any_registry_is_not_counted(value: bytes, key: str, codec: Codec) -> None:
    log = rebuilt(value, site(), value, key=key.encode(), codec=codec)
    assert log.unreadable == {}


def test_one_that_is_still_to_pass_is_not_counted_it_becomes_a_dead_letter() -> None:
    assert rebuilt(framed(NOT_FOUND), first=PASSED).unreadable == {}


def test_what_came_after_it_counts_unless_it_was_a_dead_letter() -> None:
    assert rebuilt(framed(NOT_FOUND), framed(KNOWN)).unreadable == {}
    assert rebuilt(framed(NOT_FOUND), site()).unreadable == {}
    assert rebuilt(framed(NOT_FOUND), None).unreadable == {}
    assert rebuilt(framed(NOT_FOUND), b"junk").unreadable[SITE].offset == 0
    assert rebuilt(framed(NOT_FOUND), framed(OF_ALERTS)).unreadable[SITE].offset == 1


def test_a_record_before_it_stays_in_force_and_it_is_counted_all_the_same() -> None:
    partition = rebuilt(framed(KNOWN), framed(NOT_FOUND)).partition({}, {})
    assert (in_force(partition), partition.unreadable_sites) == (0, {SITE})


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_site_that_is_sent_again_is_not_counted_any_more(is_deleted: bool) -> None:
    partition = rebuilt(framed(NOT_FOUND)).partition({}, {})
    overlay = PartitionOverlay(partition, AGAIN, SiteRecords(AGAIN, SETTINGS), 0)
    value = None if is_deleted else framed(KNOWN)
    overlay.replace_site(SITE, None if value is None else SiteRecord(PASSED, AGAIN.decode_site(value)), value)
    assert partition.unreadable_sites == {SITE}, "its transaction is not committed"
    overlay.commit()
    assert partition.unreadable_sites == set()
