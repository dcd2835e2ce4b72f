"""Compares the portal's database with the topic `sites`: the same last, and never an older record after a newer."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from edges.portal.rows import stored
from edges.portal.sql import query
from edges.settings import Connection
from schemas.avro.records import decode


class Published(NamedTuple):
    """A record; the value is None for a tombstone."""

    key: str
    at: int
    value: dict[str, Any] | None


def published(connection: Connection, topic: str = "sites", schema: str = "Site") -> list[Published]:
    """All committed records of a topic, each partition in its order."""
    consumer = Consumer(
        {
            **connection.consumer,
            "group.id": "checker",
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
        }
    )
    name = connection.topic(topic)
    consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in range(connection.partitions)])
    records: list[Published] = []
    ended: set[int] = set()
    while len(ended) < connection.partitions:
        message = consumer.poll(30)
        assert message is not None, "the broker does not answer"
        if message.error() is not None:
            ended.add(message.partition() or 0)
            continue
        value = message.value()
        key = (message.key() or b"").decode()
        records.append(Published(key, message.timestamp()[1], None if value is None else decode(schema, value)))
    consumer.close()
    return records


def check(connection: Connection, database: psycopg.Connection[Any]) -> int:
    """Assert that both say the same; how many records the topic has.

    Each revision's `updated_at` is later than that of the one before, so the order of a site's records is theirs.
    """
    records = published(connection)
    last: dict[str, Published] = {}
    newest: dict[str, int] = {}
    for record in records:
        if record.value is not None:
            at = record.value["updated_at"]
            assert newest.get(record.key, 0) <= at, f"{record.key}: an older after a newer"
            newest[record.key] = at
        last[record.key] = record
    with database.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        ids = [row["site_id"] for row in cursor.execute("SELECT site_id FROM portal.sites").fetchall()]
        rows = cursor.execute(query("sites"), {"site_ids": ids}).fetchall()
    assert {row["site_id"] for row in rows} == set(last)
    for row in rows:
        site = stored(row)
        record = last[site.configuration.site_id]
        if site.is_deleted:
            assert record.value is None, f"{record.key}: its tombstone is missing"
            continue
        assert record.value is not None, f"{record.key}: a tombstone of a site that is there"
        expected = site.configuration.record()
        assert record.value["updated_at"] == expected.updated_at, f"{record.key}: not its last revision"
        assert [contact["contact_id"] for contact in record.value["contacts"]] == [
            contact.contact_id for contact in expected.contacts
        ]
        assert record.value["subscribed"] == expected.subscribed
        assert site.published_at == record.at, f"{record.key}: published at another time than noted"
    return len(records)
