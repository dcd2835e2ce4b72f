"""Alerts wait for `signals` to be read back, longer behind an outage."""

from __future__ import annotations

import asyncio

import pytest

from edges.receiver import intake
from edges.receiver.accounts import Account
from tests.edges.receiver import receiving
from tests.edges.receiver.receiving import MemoryKafka, cid, client, receiver

PLAIN = Account("1234", "S1")
pytestmark = pytest.mark.asyncio


async def test_who_wrote_nothing_in_an_outage_waits_for_its_reader_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the other receiver wrote before is the first copy, though only its reader shows the outage."""
    monkeypatch.setattr(intake, "READ_BACK_SECONDS", 0.05)
    kafka = MemoryKafka()
    async with (
        receiver(PLAIN, kafka=kafka) as made,
        client(made) as one,
        receiver(PLAIN, kafka=kafka, id="r2") as second,
        client(second) as other,
    ):
        kafka.are_readers_away, kafka.since_behind = True, 1.0
        one.send(cid("1130 01 015", end="_21:03:12,11-28-2026"))
        await asyncio.sleep(0.02)
        other.send(cid("1130 01 015", end="_21:03:17,11-28-2026"))
        await other.silence(0.5)
        assert (len(kafka.signals), kafka.alerts) == (2, [])
        kafka.are_readers_away = False
        kafka.read()
        assert b"ACK" in await one.answer()
        assert b"ACK" in await other.answer()
        assert {(alert.alert_id, alert.raised_at) for alert in kafka.alerts} == {
            (kafka.signals[0].alert_id, kafka.signals[0].raised_at)
        }


@pytest.mark.slow
@pytest.mark.parametrize("site", ["S1", "S2"])
async def test_a_slow_write_of_any_partition_shows_an_outage_that_readers_do_not(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fail-over of a second: what is read has no age, as its reader's position is where the log ended."""
    monkeypatch.setattr(intake, "READ_BACK_SECONDS", 0.05)
    monkeypatch.setattr(intake, "_SLOW_SECONDS", 0.1)
    kafka = MemoryKafka()
    async with receiver(PLAIN, Account("5678", site), kafka=kafka) as made, client(made) as panel:
        kafka.are_readers_away = True
        monkeypatch.setattr(receiving, "ACK_SECONDS", 0.15)
        panel.send(cid("1602 00 000", account="5678"))
        assert b"ACK" in await panel.answer()
        monkeypatch.setattr(receiving, "ACK_SECONDS", 0.002)
        panel.send(cid("1130 01 015"))
        await panel.silence(0.4)
        assert (len(kafka.signals), kafka.alerts) == (2, [])
        kafka.are_readers_away = False
        kafka.read()
        assert b"ACK" in await panel.answer()
        assert made.count("not_read_back_total") == 0


async def test_an_unconfirmed_write_shows_an_outage_that_readers_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "READ_BACK_SECONDS", 0.05)
    kafka = MemoryKafka()
    async with receiver(PLAIN, Account("5678", "S2"), kafka=kafka) as made, client(made) as panel:
        kafka.leaderless, kafka.timeout = {kafka.partition_of("S2")}, 0.05
        panel.send(cid("1602 00 000", account="5678"))
        await panel.silence()
        kafka.are_readers_away = True
        panel.send(cid("1130 01 015"))
        await panel.silence(0.4)
        assert (len(kafka.signals), kafka.alerts) == (1, [])
        kafka.are_readers_away = False
        kafka.read()
        assert b"ACK" in await panel.answer()
