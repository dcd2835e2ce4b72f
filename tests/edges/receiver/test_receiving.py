"""Frames over real sockets: what is answered, when, and what is in Kafka before."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from edges.receiver import frame, times
from edges.receiver.accounts import Account, BadCrc
from edges.receiver.framing import CrcForm, framed
from edges.receiver.intake import READ_BACK_SECONDS
from edges.receiver.metrics import Transport
from tests.edges.receiver import vectors
from tests.edges.receiver.certificates import tls_files
from tests.edges.receiver.receiving import MemoryKafka, cid, client, now, receiver
from tests.edges.receiver.vectors import K

PLAIN: Final = Account("1234", "S1")
pytestmark = pytest.mark.asyncio
OTHERS: Final = (Account("12345A", "S2"), Account("78919", "S3"))
ALARMS: Final = [
    name for name, raw in vectors.CLEAR.items() if name not in {"ACK", "NAK", "DUH"} and not name.startswith("LINK")
]


def ack_of(raw: bytes) -> bytes:
    return frame.ack(frame.header_of(raw[9:-1]), CrcForm.HEX, None, 0)


@pytest.mark.parametrize("name", ALARMS)
async def test_a_frame_is_in_kafka_when_its_ack_comes(name: str) -> None:
    raw = vectors.CLEAR[name]
    async with receiver(PLAIN, *OTHERS) as made, client(made) as panel:
        panel.send(raw)
        assert await panel.answer() == ack_of(raw)
        assert made.kafka.signals
        assert all(signal.raw == raw for signal in made.kafka.signals)
        ids = [signal.alert_id for signal in made.kafka.signals if signal.alert_id]
        assert [alert.alert_id for alert in made.kafka.alerts] == ids


@pytest.mark.parametrize("name", ["ACK", "NAK", "DUH"])
async def test_an_answer_gets_none(name: str) -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(vectors.CLEAR[name])
        await panel.silence()
        assert made.kafka.signals == []


async def test_a_link_test_is_acknowledged_while_kafka_acknowledges_and_writes_nothing() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(vectors.LINK_TEST)
        assert await panel.answer() == ack_of(vectors.LINK_TEST)
        made.kafka.leaderless = {0, 1, 2, 3}
        panel.send(vectors.LINK_TEST)
        await panel.silence()
        assert made.kafka.signals == []
        assert made.count("silenced_total", reason="KAFKA_SILENT") == 1


@pytest.mark.parametrize("kind", ["ADM-CID", "NULL"])
async def test_an_encrypted_frame_gets_an_encrypted_ack(kind: str) -> None:
    body = b"]" if kind == "NULL" else b"#1234|1130 01 015]"
    data = frame.enciphered(body, now(), K)
    async with receiver(PLAIN._replace(key=K, requires_encryption=True)) as made, client(made) as panel:
        panel.send(framed(f'"*{kind}"0007R1L2#1234['.encode() + data))
        answer = frame.header_of((await panel.answer())[9:-1])
        assert (answer.kind, answer.is_encrypted, answer.echo) == ("ACK", True, b"0007R1L2#1234")
        assert frame.deciphered(answer.data, K).body == b"]"


async def test_an_encrypted_frame_of_another_time_gets_our_time() -> None:
    async with receiver(PLAIN._replace(key=K)) as made, client(made) as panel:
        panel.send(vectors.BURGLARY_AES)
        answer = await panel.answer()
        assert answer[9:].startswith(b'"NAK"0000R0L0A0[]_')
        assert abs((times.read(answer[-20:-1].decode()) or 0) - now()) < 5000
        assert made.kafka.signals == []


async def test_one_byte_a_segment_and_many_frames_a_segment() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        for byte in vectors.BURGLARY:
            panel.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await panel.answer() == vectors.ACK
        panel.send(vectors.RESTORE + vectors.TEST + vectors.CANCEL)
        assert {await panel.answer() for _ in range(3)} == {
            ack_of(raw) for raw in (vectors.RESTORE, vectors.TEST, vectors.CANCEL)
        }
        assert made.count("tolerated_total", form="SEVERAL_FRAMES") == 3


async def test_many_frames_at_once_over_tls_are_each_taken_once(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    files = tls_files(tmp_path, authority)
    frames = [cid("1130 01 015", number) for number in range(1, 31)]
    async with (
        receiver(PLAIN, tls_port=0, **files) as made,
        client(made, Transport.TLS, ssl=context, server_hostname="localhost") as panel,
    ):
        panel.send(*frames)  # a record of TLS each
        assert {await panel.answer() for _ in frames} == {ack_of(raw) for raw in frames}
        await panel.silence()
        assert [signal.outcome for signal in made.kafka.signals] == ["ALERT"] * len(frames)


async def test_udp_is_answered_where_it_came_from() -> None:
    async with receiver(PLAIN) as made:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as panel:
            panel.setblocking(False)
            panel.connect(("127.0.0.1", made.ports[Transport.UDP]))
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(panel, vectors.BURGLARY)
            async with asyncio.timeout(5):
                assert await loop.sock_recv(panel, 4096) == vectors.ACK
            await loop.sock_sendall(panel, vectors.LINK_TEST * 2 + b"\0")
            async with asyncio.timeout(5):
                for _ in range(2):
                    assert await loop.sock_recv(panel, 4096) == ack_of(vectors.LINK_TEST)
            for form, frames in (("SEVERAL_FRAMES", 2), ("NUL_AFTER_CR", 1)):
                assert made.count("tolerated_total", form=form) == frames
            await loop.sock_sendall(panel, vectors.BURGLARY[:-1])  # a datagram without CR is no frame
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await loop.sock_recv(panel, 4096)


async def test_the_same_frame_many_times_at_once_is_one_first_copy() -> None:
    async with receiver(PLAIN) as made, client(made) as one, client(made) as other:
        raw = cid("1130 01 015")
        one.send(raw, raw, raw)
        other.send(raw, raw)
        for panel, copies in ((one, 3), (other, 2)):
            for _ in range(copies):
                assert await panel.answer() == ack_of(raw)
        assert sorted(signal.outcome for signal in made.kafka.signals) == ["ALERT", *["REPEATED"] * 4]
        assert len({signal.signal_id for signal in made.kafka.signals}) == 5
        assert len(set(made.kafka.alerts)) == 1


async def test_a_transmitter_changed_while_a_frame_waits_for_its_first_copy_gets_no_false_answer() -> None:
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    key = PLAIN._replace(key=K)
    async with receiver(key) as made, client(made) as one, client(made) as other:
        raw = framed(b'"*ADM-CID"0007R1L2#1234[' + frame.enciphered(b"#1234|1130 01 015]", now(), K))
        one.send(raw)
        other.send(raw)
        await asyncio.sleep(0.001)
        made.accounts["1234"] = key._replace(key=None, has_unreadable_key=True)
        assert await one.answer()
        await other.silence()
        assert made.count("silenced_total", reason="KEY_SEALED") == 1
    assert errors == []


async def test_one_frame_to_two_receivers_at_once_is_one_alert() -> None:
    kafka = MemoryKafka()
    async with (
        receiver(PLAIN, kafka=kafka) as one,
        receiver(PLAIN, kafka=kafka, id="r2") as other,
        client(one) as first,
        client(other) as second,
    ):
        raw = cid("1130 01 015")  # without a time: when it came is when it was raised
        first.send(raw)
        await asyncio.sleep(0.001)
        second.send(raw)
        assert await first.answer() == await second.answer() == ack_of(raw)
    assert len(kafka.signals) == 2
    assert len({(alert.alert_id, alert.kind, alert.raised_at) for alert in kafka.alerts}) == 1


async def test_a_repeat_to_another_receiver_says_the_first_copys_alert() -> None:
    kafka = MemoryKafka()
    async with receiver(PLAIN, kafka=kafka) as one, client(one) as panel:
        panel.send(cid("1130 01 015"))
        await panel.answer()
    await asyncio.sleep(0.01)
    async with receiver(PLAIN, kafka=kafka, id="r2") as other, client(other) as panel:
        panel.send(cid("1130 01 015", end="_21:03:12,11-28-2026"))
        assert await panel.answer()
        panel.send(cid("1130 01 015", end="_21:03:52,11-28-2026"))
        assert await panel.answer()
    assert [signal.outcome for signal in kafka.signals] == ["ALERT", "REPEATED", "REPEATED"]
    first, again = kafka.alerts  # the second repeat's alert was seen acknowledged
    assert again._replace(source=first.source) == first


@pytest.mark.slow
async def test_alerts_do_not_wait_for_good_for_a_reader_that_hangs() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        made.kafka.are_readers_away = True
        panel.send(vectors.BURGLARY)
        assert await panel.answer() == vectors.ACK
        assert len(made.kafka.alerts) == 1
        assert made.count("not_read_back_total") == 1


@pytest.mark.parametrize(
    ("frames", "outcomes"),
    [
        ([(5, 1), (5, 2)] * 3, ["ALERT"] * 6),
        ([(5, 1), (5, 1), (4, 2)], ["ALERT", "REPEATED", "ALERT"]),
        (
            [(5, 1), (6, 2), (5, 1), (6, 2), (4, 3), (5, 1)],
            ["ALERT", "ALERT", "REPEATED", "REPEATED", "ALERT", "ALERT"],
        ),
    ],
)
async def test_what_waits_for_a_first_copy_is_not_overtaken(frames: list[tuple[int, int]], outcomes: list[str]) -> None:
    """Numbers and zones, sent without waiting for answers: a body under the same or a lower number ends the others."""
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(b"".join(cid(f"1130 01 {zone:03d}", number) for number, zone in frames))
        for _ in frames:
            assert b"ACK" in await panel.answer()
        assert [signal.outcome for signal in made.kafka.signals] == outcomes
        assert [signal.zone for signal in made.kafka.signals] == [f"{zone:03d}" for _, zone in frames]


@pytest.mark.slow
async def test_a_repeat_that_waits_for_a_reader_that_hangs_holds_no_new_alarm_up() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        made.kafka.are_readers_away = True
        panel.send(cid("1130 01 001"), cid("1130 01 001"), cid("1130 01 002", 2))
        assert [await panel.answer(), await panel.answer()] == [ack_of(cid("", 1)), ack_of(cid("", 2))]
        assert len(made.kafka.alerts) == 2


async def test_what_comes_again_in_an_outage_is_a_repeat_of_what_is_under_way() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        kafka = made.kafka
        kafka.leaderless, kafka.timeout = {kafka.partition_of("S1")}, 0.05
        for end in ("_21:03:12,11-28-2026", "_21:03:16,11-28-2026"):
            panel.send(cid("1130 01 015", end=end))
            await panel.silence()
        kafka.leaderless.clear()
        kafka.signals += kafka.late  # the client wrote them as soon as it could
        panel.send(cid("1130 01 015", end="_21:03:20,11-28-2026"))
        assert b"ACK" in await panel.answer()
        assert [signal.outcome for signal in kafka.signals] == ["ALERT", "REPEATED", "REPEATED"]
        assert len({(signal.alert_id, signal.raised_at) for signal in kafka.signals}) == 1
        (alert,) = kafka.alerts
        assert (alert.alert_id, alert.raised_at) == (kafka.signals[0].alert_id, kafka.signals[0].raised_at)
        panel.send(cid("1130 01 015", 2), cid("1130 01 015", 1))
        assert b"ACK" in await panel.answer()
        assert b"ACK" in await panel.answer()
        assert kafka.signals[-1].outcome == "REPEATED"


@pytest.mark.slow
async def test_two_receivers_that_both_took_an_alarm_in_an_outage_make_one_alert_of_it() -> None:
    """Though their readers are back later than those who write."""
    kafka = MemoryKafka()
    async with (
        receiver(PLAIN, kafka=kafka) as made,
        client(made) as one,
        receiver(PLAIN, kafka=kafka, id="r2") as second,
        client(second) as other,
    ):
        kafka.leaderless, kafka.timeout = {kafka.partition_of("S1")}, 0.05
        for panel in (one, other):
            panel.send(cid("1130 01 015"))
            await panel.silence()
        kafka.leaderless.clear()
        kafka.are_readers_away = True
        kafka.signals += kafka.late
        other.send(cid("1130 01 015"))
        await other.silence(READ_BACK_SECONDS + 0.5)
        assert kafka.alerts == []
        kafka.are_readers_away = False
        kafka.read()
        assert b"ACK" in await other.answer()
        one.send(cid("1130 01 015"))
        assert b"ACK" in await one.answer()
        assert {(alert.alert_id, alert.raised_at) for alert in kafka.alerts} == {
            (kafka.signals[0].alert_id, kafka.signals[0].raised_at)
        }


async def test_an_account_of_any_length_is_acknowledged_and_recorded_within_bounds() -> None:
    raw = cid("1130 01 015", account="A" * 1000)
    async with receiver() as made, client(made) as panel:
        panel.send(raw)
        assert await panel.answer() == ack_of(raw)
        (signal,) = made.kafka.signals
        assert (signal.account, signal.outcome, signal.reason) == ("A" * 16, "UNKNOWN_ACCOUNT", "ACCOUNT_TOO_LONG")
        assert (len(signal.signal_id) <= 128, signal.key, signal.raw) == (True, f"account:{'A' * 16}", raw)


async def test_a_wrong_checksum_is_answered_where_the_account_asks_for_it() -> None:
    broken = vectors.BURGLARY.replace(b"4BBA", b"4BBB")
    async with receiver(PLAIN._replace(bad_crc=BadCrc.NAK), *OTHERS) as made, client(made) as panel:
        panel.send(broken)
        assert b'"NAK"0000R0L0A0[]_' in await panel.answer()
        panel.send(vectors.FIRE_SIA.replace(b"CE11", b"CE12"))
        await panel.silence()
        assert made.kafka.signals == []


async def test_what_is_tolerated_is_counted() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(
            framed(b'"ADM-CID"0001L#1234[1130 01 015]', CrcForm.RAW), framed(b'"SIA-DCS"0002L0#1234[#1234|NBA1/TA1]')
        )
        assert b"ACK" in await panel.answer()
        assert b"ACK" in await panel.answer()
        for form in ("RAW_CRC", "NO_LINE_DIGIT", "NO_INNER_ACCOUNT", "SEVERAL_EVENTS"):
            assert made.count("tolerated_total", form=form) == 1
        panel.send(vectors.BURGLARY + b"\0")
        assert await panel.answer() == vectors.ACK
        panel.writer.close()
        await panel.writer.wait_closed()
        await asyncio.sleep(0.01)
        assert made.count("tolerated_total", form="NUL_AFTER_CR") == 1


async def test_raw_checksums_are_answered_likewise() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(framed(vectors.BURGLARY[9:-1], CrcForm.RAW))
        assert await panel.answer() == framed(vectors.ACK[9:-1], CrcForm.RAW)


async def test_closing_finishes_what_was_taken() -> None:
    kafka = MemoryKafka()
    async with receiver(PLAIN, kafka=kafka) as made, client(made) as panel:
        panel.send(vectors.BURGLARY)
        await asyncio.sleep(0.002)
        await made.listener.close(5.0)
        assert await panel.answer() == vectors.ACK
        assert len(kafka.alerts) == 1


async def test_a_panel_that_ends_its_half_gets_its_answer() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(vectors.BURGLARY)
        panel.writer.write_eof()
        assert await panel.answer() == vectors.ACK
        assert await panel.answer() == b""
