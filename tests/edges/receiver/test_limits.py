"""What one address, one connection and one partition may take, and what happens beyond."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest
import trustme

from edges.receiver import datagrams, judging, loop
from edges.receiver.accounts import Account
from edges.receiver.addresses import STRANGE_FRAMES, Addresses
from edges.receiver.connections import Connection
from edges.receiver.framing import framed
from edges.receiver.metrics import Closed, Transport
from edges.receiver.protocol_check import NOT_DC09_IN_A_ROW
from tests.edges.receiver import receiving, vectors
from tests.edges.receiver.certificates import tls_files
from tests.edges.receiver.receiving import Receiver, cid, client, receiver
from tests.support.waiting import until

PLAIN: Final = Account("1234", "S1")
OTHERS: Final = (Account("12345A", "S2"), Account("78919", "S3"))
LONG: Final = framed(b'"ADM-CID"0007L0#1234[' + b"x" * 4096 + b"]")
pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("room", [1, 2])
async def test_copies_that_waited_for_room_together_are_one_first_copy(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "ACK_SECONDS", 0.05)
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    neighbour = Account("12345A", "S1")
    async with (
        receiver(PLAIN, neighbour, room_per_partition=room) as made,
        client(made) as busy,
        client(made) as one,
        client(made) as other,
    ):
        busy.send(*(cid("1602 00 000", number, account=neighbour.name) for number in range(1, room + 1)))
        await asyncio.sleep(0.02)
        raw = cid("1130 01 015")
        one.send(raw)
        await asyncio.sleep(0.01)  # so that another millisecond does not have it judged again
        other.send(raw)
        for panel in (*[busy] * room, one, other):
            assert b"ACK" in await panel.answer()
        assert sorted(signal.outcome for signal in made.kafka.signals) == ["ALERT", "REPEATED", *["SIGNAL"] * room]
    assert errors == []


async def test_copies_of_one_segment_do_not_each_look_at_all_those_before() -> None:
    copies = 100
    async with receiver(PLAIN) as made, client(made) as panel:
        judge = made.intake._judge
        with mock.patch.object(judge, "judge", wraps=judge.judge) as judging:
            panel.send(cid("1602 00 000") * copies)
            for _ in range(copies):
                assert b"ACK" in await panel.answer()
        assert len({signal.signal_id for signal in made.kafka.signals}) == copies
        assert judging.call_count < 10 * copies


@pytest.mark.slow
async def test_no_ack_where_kafka_does_not_acknowledge_and_others_go_on() -> None:
    async with receiver(PLAIN, *OTHERS, room_per_partition=2) as made, client(made) as one, client(made) as other:
        made.kafka.leaderless = {made.kafka.partition_of("S1")}
        assert made.kafka.partition_of("S2") not in made.kafka.leaderless
        for number in range(1, 41):
            one.send(cid("1130 01 015", number))
        for number in range(1, 41):
            other.send(cid("1130 01 015", number, account="12345A"))
        for _ in range(40):
            assert (await other.answer(2.0)).find(b"ACK") > 0
        await one.silence(3.2)
        assert {signal.site_id for signal in made.kafka.signals} == {"S2"}
        made.kafka.leaderless.clear()
        one.send(cid("1130 01 016", 99))
        assert b"ACK" in await one.answer()


@pytest.mark.slow
async def test_a_partition_in_trouble_drops_the_datagrams_of_its_own_panels_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(datagrams, "_WAITING", 2)
    loop = asyncio.get_running_loop()
    async with receiver(PLAIN, *OTHERS, room_per_partition=1) as made:
        kafka = made.kafka
        kafka.leaderless, kafka.timeout = {kafka.partition_of("S1")}, 0.3
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as panel:
            panel.setblocking(False)
            panel.connect(("127.0.0.1", made.ports[Transport.UDP]))
            for number in range(1, 6):
                await loop.sock_sendall(panel, cid("1130 01 015", number))
            await loop.sock_sendall(panel, cid("1130 01 015", 6, account="12345A"))
            async with asyncio.timeout(0.25):
                assert b'"ACK"0006' in await loop.sock_recv(panel, 4096)
            assert made.count("datagrams_dropped_total") == made.count("silenced_total", reason="NO_ROOM") == 2
            await asyncio.sleep(1.0)  # the first one and both that waited have failed: there is room again
            kafka.leaderless.clear()
            await loop.sock_sendall(panel, cid("1130 01 015", 7))
            async with asyncio.timeout(5.0):
                assert b'"ACK"0007' in await loop.sock_recv(panel, 4096)


@pytest.mark.slow
async def test_a_full_partition_reads_no_more_from_its_sockets() -> None:
    async with receiver(PLAIN, room_per_partition=1) as made, client(made) as panel:
        made.kafka.leaderless = {made.kafka.partition_of("S1")}
        panel.send(*(cid("1130 01 015", number % 9999) for number in range(30_000)))
        await asyncio.sleep(0.3)
        (connection,) = made.listener._context.connections
        assert isinstance(connection, Connection)
        assert connection._is_paused
        assert connection._in_work <= 32
        assert len(connection._cuts) < 1000
        panel.writer.transport.abort()


async def test_a_frame_of_more_events_than_there_is_room_for_is_answered_all_the_same() -> None:
    async with receiver(PLAIN, room_per_partition=2) as made, client(made) as panel:
        large = framed(b'"SIA-DCS"0002L0#1234[#1234|' + b"/".join(b"NBA%d" % zone for zone in range(5)) + b"]")
        panel.send(cid("1130 01 015"), large, cid("1130 01 016", 3))
        for number in (1, 2, 3):
            assert b'"ACK"%04d' % number in await panel.answer()
        assert len(made.kafka.alerts) == 7


async def test_an_unknown_account_is_acknowledged_and_the_eleventh_within_a_minute_is_not() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        for number in range(1, STRANGE_FRAMES + 1):
            panel.send(cid("1130 01 015", number, account="9999"))
            assert b"ACK" in await panel.answer()
        with mock.patch.object(judging, "content_of") as reading:
            panel.send(cid("1130 01 015", 99, account="9999"))
            await panel.silence()
        reading.assert_not_called()  # it may tell of a thousand events
        assert len(made.kafka.signals) == STRANGE_FRAMES
        panel.send(framed(b'"NULL"0000L0#9999[]'))
        await panel.silence()
        panel.send(vectors.BURGLARY)
        assert await panel.answer() == vectors.ACK
        assert made.count("silenced_total", reason="TOO_MANY_STRANGE") == 2


async def test_the_eleventh_refused_frame_within_a_minute_is_not_answered_either() -> None:
    async with receiver(PLAIN._replace(requires_encryption=True)) as made, client(made) as panel:
        for number in range(1, STRANGE_FRAMES + 1):
            panel.send(cid("1130 01 015", number))
            assert b"DUH" in await panel.answer()
        with mock.patch.object(judging, "content_of") as reading:
            panel.send(cid("1130 01 015", 99))
            await panel.silence()
        reading.assert_not_called()
        assert [signal.outcome for signal in made.kafka.signals] == ["REFUSED"] * STRANGE_FRAMES
        assert made.count("silenced_total", reason="TOO_MANY_STRANGE") == 1


async def test_after_16_that_are_no_dc09_the_connection_ends() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(*[b"GET / HTTP/1.1\r"] * (NOT_DC09_IN_A_ROW - 1))
        await panel.silence()
        panel.send(vectors.BURGLARY)
        assert await panel.answer() == vectors.ACK
        panel.send(*[b"GET / HTTP/1.1\r"] * NOT_DC09_IN_A_ROW)
        assert await panel.answer() == b""


async def test_behind_16_that_are_no_dc09_nothing_is_cut() -> None:
    loop = asyncio.get_running_loop()
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(b'"\r' * 5000 + vectors.BURGLARY)
        assert await panel.answer() == b""
        assert made.count("flaws_total", reason="NOT_DC09") == NOT_DC09_IN_A_ROW
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.setblocking(False)
            datagrams.connect(("127.0.0.1", made.ports[Transport.UDP]))
            await loop.sock_sendall(datagrams, b'"\r' * 30_000 + vectors.BURGLARY)
            await loop.sock_sendall(datagrams, vectors.RESTORE)
            async with asyncio.timeout(5.0):
                assert b'"ACK"0008' in await loop.sock_recv(datagrams, 4096)
        assert made.count("flaws_total", reason="NOT_DC09") == 2 * NOT_DC09_IN_A_ROW + 1  # what was left counts as one


async def test_a_right_checksum_around_what_is_no_dc09_counts_as_none() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(*[framed(b'"hello"')] * (NOT_DC09_IN_A_ROW - 1), vectors.BURGLARY)
        assert await panel.answer() == vectors.ACK
        panel.send(*[framed(b'"hello"')] * NOT_DC09_IN_A_ROW)
        assert await panel.answer() == b""
        assert made.count("closed_total", reason="NOT_DC09") == 1


async def test_an_alarm_before_16_that_are_no_dc09_in_its_segment_gets_its_ack() -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(vectors.BURGLARY + b"GET / HTTP/1.1\r" * NOT_DC09_IN_A_ROW + vectors.RESTORE)
        assert await panel.answer() == vectors.ACK
        assert await panel.answer() == b""
        assert made.count("closed_total", reason="NOT_DC09") == 1


@pytest.mark.parametrize(
    "broken",
    [vectors.BURGLARY.replace(b"4BBA", b"4BBB"), vectors.BURGLARY.replace(b"003D", b"0111"), LONG],
    ids=["checksum", "length", "too long"],
)
async def test_a_broken_frame_between_is_dc09_all_the_same(broken: bytes) -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(*[b"GET / HTTP/1.1\r"] * (NOT_DC09_IN_A_ROW - 1), broken, b"GET / HTTP/1.1\r", vectors.BURGLARY)
        assert await panel.answer() == vectors.ACK


@pytest.mark.parametrize("piece", [b'\n00000007"hello"\r', b'\n00000111"hello"\r'], ids=["checksum", "length"])
async def test_a_wrong_checksum_or_length_around_what_is_no_dc09_counts_too(piece: bytes) -> None:
    async with receiver(PLAIN) as made, client(made) as panel:
        panel.send(*[piece] * NOT_DC09_IN_A_ROW)
        assert await panel.answer() == b""
        assert made.count("closed_total", reason="NOT_DC09") == 1


async def test_an_address_has_so_many_sockets() -> None:
    async with receiver(PLAIN, sockets_per_address=2) as made, client(made) as one, client(made), client(made) as third:
        assert await third.answer() == b""
        one.writer.close()
        await asyncio.sleep(0.05)
        async with client(made) as fourth:
            fourth.send(vectors.BURGLARY)
            assert await fourth.answer() == vectors.ACK


async def test_a_64_of_ipv6_is_one_address_and_ipv4_is_itself_by_a_socket_of_both() -> None:
    addresses = Addresses(2)
    assert addresses.open("2001:db8::1")
    assert addresses.open("2001:db8::2")
    assert not addresses.open("2001:db8::3")
    assert addresses.open("2001:db8:0:1::1")
    addresses.close("2001:db8::2")
    assert addresses.open("2001:db8::3")
    assert [addresses.open(f"::ffff:192.0.2.{number}") for number in (1, 1, 2)] == [True] * 3
    assert [addresses.open(f"64:ff9b::c000:22{number}") for number in (1, 1, 2)] == [True] * 3
    assert not addresses.open("192.0.2.1")
    asked = [addresses.admits_strange(f"2001:db8::{number}", 0.0) for number in range(STRANGE_FRAMES + 1)]
    assert asked == [*[True] * STRANGE_FRAMES, False]


async def asked_by_both_families() -> None:
    loop = asyncio.get_running_loop()
    async with receiver(PLAIN, host="::") as made:
        for number, (family, address) in enumerate(((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")), 1):
            reader, writer = await asyncio.open_connection(address, made.ports[Transport.TCP])
            writer.write(cid("1130 01 015", number))
            assert b'"ACK"%04d' % number in await asyncio.wait_for(reader.readuntil(b"\r"), 5)
            writer.close()
            with socket.socket(family, socket.SOCK_DGRAM) as panel:
                panel.setblocking(False)
                panel.connect((address, made.ports[Transport.UDP]))
                await loop.sock_sendall(panel, cid("1130 01 016", number + 2))
                assert b'"ACK"%04d' % (number + 2) in await asyncio.wait_for(loop.sock_recv(panel, 4096), 5)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no socket here takes both IPv6 and IPv4")
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, loop.new_loop])
async def test_all_addresses_are_those_of_ipv4_and_ipv6(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    def run() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(asked_by_both_families())

    await asyncio.to_thread(run)


async def until_open(made: Receiver, sockets: int) -> None:
    await until(lambda: made.listener._context.addresses._sockets.total() == sockets, 5.0)


async def sockets_of_tls(authority: trustme.CA, files: dict[str, Any]) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    encrypted: dict[str, Any] = {"ssl": context, "server_hostname": "localhost"}
    async with receiver(PLAIN, sockets_per_address=2, tls_port=0, **files) as made:
        silent = [await asyncio.open_connection("127.0.0.1", made.ports[Transport.TLS]) for _ in range(3)]
        assert await asyncio.wait_for(silent[2][0].read(), 5) == b""
        assert made.count("closed_total", reason="TOO_MANY_SOCKETS") == 1
        silent[0][1].close()
        silent[1][1].write(b"GET / HTTP/1.1\r\n\r\n")  # no TLS: its handshake ends, and so does its place
        await until_open(made, 0)
        for number in range(1, 4):
            async with (
                client(made, Transport.TLS, **encrypted) as one,
                client(made, Transport.TLS, **encrypted) as other,
            ):
                for panel, zone in ((one, 1), (other, 2)):
                    panel.send(cid(f"1130 01 {zone:03d}", 2 * number + zone))
                    assert b"ACK" in await panel.answer()
                assert made.count("sockets", transport="tls") == 2
            await until_open(made, 0)
        assert made.count("closed_total", reason="TOO_MANY_SOCKETS") == 1
        silent.append(await asyncio.open_connection("127.0.0.1", made.ports[Transport.TLS]))  # amid its handshake
        await until_open(made, 1)
    assert await asyncio.wait_for(silent[3][0].read(), 5) == b""
    for _, writer in silent:
        writer.close()
    await asyncio.sleep(0)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, loop.new_loop])
async def test_a_socket_of_tls_counts_from_before_its_handshake(
    new_loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path
) -> None:
    authority = trustme.CA()
    files = tls_files(tmp_path, authority)

    def run() -> None:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(sockets_of_tls(authority, files))

    await asyncio.to_thread(run)


@pytest.mark.slow
async def test_a_silent_connection_ends() -> None:
    async with receiver(PLAIN, idle_seconds=1) as made, client(made) as panel:
        assert await panel.answer(3.0) == b""
        assert made.count("closed_total", reason="IDLE") == 1


async def test_a_silent_connection_whose_panel_reads_no_answers_ends_too() -> None:
    """Its transport would wait for ever to send them."""
    transport = mock.Mock(spec=asyncio.Transport)
    transport.is_closing.return_value = False
    transport.get_extra_info.return_value = ("127.0.0.1", 1)
    async with receiver(PLAIN) as made:
        connection = Connection(made.listener._context, Transport.TCP)
        connection.connection_made(transport)
        connection.close(Closed.IDLE)
        transport.close.assert_called_once()
        transport.abort.assert_not_called()
        transport.is_closing.return_value = True
        connection.close(Closed.IDLE)
        transport.abort.assert_called_once()
        connection.connection_lost(None)
        assert made.count("closed_total", reason="IDLE") == 1
