"""A panel's frames are those of the wire, and it repeats until it is acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import pytest

from edges.panel.dialler import Dialler, Transport, Way
from edges.panel.messages import TEST, NotASignalError, Panel, Said, frame_of
from edges.receiver import frame
from edges.receiver.content import Qualifier
from edges.receiver.framing import CheckedFrame, CrcForm, Framer, framed
from tests.edges.receiver import vectors
from tests.edges.receiver.vectors import K

AT: Final = int(datetime(2026, 11, 28, 21, 3, 12, tzinfo=UTC).timestamp() * 1000)
PANEL: Final = Panel("1234", receiver="1", line="2")


def test_a_burglary_is_the_vector_to_the_byte() -> None:
    assert frame_of(PANEL, Said("130", "15", "1"), 7, AT) == vectors.BURGLARY


def test_a_restore_a_link_test_and_an_encrypted_frame() -> None:
    restore = frame_of(PANEL, Said("130", "15", "1", Qualifier.RESTORE), 8, AT + 88_000)
    assert restore == vectors.RESTORE
    assert frame_of(PANEL, Said(TEST), 9, AT + 108_000) == vectors.LINK_TEST_TIMED
    encrypted = frame_of(PANEL._replace(key=K), Said("130", "15", "1"), 7, AT)
    header = frame.header_of(encrypted[9:-1])
    assert frame.deciphered(header.data, K) == frame.Clear(b"#1234|1130 01 015]", AT)


def test_sia_has_its_area_number_and_text() -> None:
    sent = frame_of(Panel("1234"), Said("FA", "004", "1", text="Fumée"), 14, AT)
    assert b'"SIA-DCS"0014L0#1234[#1234|Nri1/FA004][IFum\xc3\xa9e]_' in sent


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (Said("13"), "code"),
        (Said("130", "abc"), "zone"),
        (Said("BA", text="a]b"), "text"),
        (Said("BA", qualifier=Qualifier.RESTORE), "code"),
        (Said("२३०"), "code"),
        (Said("130", "२"), "zone"),
        (Said("130", "1", "२"), "zone"),
        (Said("BA", text="x" * 4096), "text"),
    ],
)
def test_what_no_panel_can_say_is_named(said: Said, name: str) -> None:
    with pytest.raises(NotASignalError, match=f"^{name}:"):
        frame_of(PANEL, said, 1, AT)


@pytest.mark.parametrize(
    ("panel", "name"),
    [
        (PANEL._replace(receiver="1234567"), "receiver"),
        (PANEL._replace(receiver="x"), "receiver"),
        (PANEL._replace(line="२"), "line"),
        (PANEL._replace(line='1"'), "line"),
        (PANEL._replace(key=K), "text"),
    ],
)
def test_what_no_receiver_would_answer_is_not_sent(panel: Panel, name: str) -> None:
    longest = 4096 - len(frame_of(PANEL, Said("BA", text="x"), 1, AT)) + 1  # encrypted, the frame has twice the bytes
    assert len(frame_of(PANEL, Said("BA", text="x" * longest), 1, AT)) == 4096
    with pytest.raises(NotASignalError, match=f"^{name}:"):
        frame_of(panel, Said("BA", text="x" * longest), 1, AT)


Script = Callable[[int, frame.Header], bytes | None]


class Receiver:
    """Answers by a script, which is given the number of the frame and its header."""

    def __init__(self, script: Script) -> None:
        self.frames: list[bytes] = []
        self._script = script
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Receiver:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
            with suppress(OSError):  # the panel was gone before it had read all
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        framer = Framer()
        while data := await reader.read(4096):
            for cut in framer.feed(data):
                assert isinstance(cut, CheckedFrame)
                self.frames.append(cut.content)
                answer = self._script(len(self.frames), frame.header_of(cut.content))
                if answer is not None:
                    writer.write(answer)


@pytest.mark.asyncio
async def test_it_repeats_with_the_same_number_until_it_is_acknowledged() -> None:
    async with Receiver(lambda n, header: frame.ack(header, CrcForm.HEX, None, AT) if n == 3 else None) as receiver:
        dialler = Dialler(PANEL, Way("127.0.0.1", receiver.port), sequence=9999, wait_seconds=0.2)
        outcome = await dialler.send(Said("130", "15"))
        assert (outcome.is_acknowledged, outcome.attempts) == (True, 3)
        assert {frame.header_of(content).sequence for content in receiver.frames} == {"9999"}
        again = dialler.send(Said("130", "16"))
        receiver._script = lambda _, header: frame.ack(header, CrcForm.HEX, None, AT)
        await again
        assert frame.header_of(receiver.frames[-1]).sequence == "0001"
        dialler.close()


@pytest.mark.asyncio
async def test_after_a_nak_it_takes_over_the_receivers_time() -> None:
    def script(number: int, header: frame.Header) -> bytes:
        return frame.nak(AT, CrcForm.HEX) if number == 1 else frame.ack(header, CrcForm.HEX, K, AT)

    async with Receiver(script) as receiver:
        dialler = Dialler(PANEL._replace(key=K), Way("127.0.0.1", receiver.port), now=lambda: AT - 3_600_000)
        outcome = await dialler.send(Said("130", "15"))
        assert (outcome.is_acknowledged, outcome.attempts) == (True, 2)
        assert frame.deciphered(frame.header_of(receiver.frames[1]).data, K).time == AT
        dialler.close()


@pytest.mark.asyncio
async def test_a_receiver_that_answers_nak_again_and_again_is_not_flooded() -> None:
    async with Receiver(lambda *_: frame.nak(AT, CrcForm.HEX)) as receiver:
        dialler = Dialler(PANEL, Way("127.0.0.1", receiver.port), wait_seconds=0.1, attempts=4)
        outcome = await dialler.send(Said("130", "15"))
        assert (outcome.is_acknowledged, outcome.attempts) == (False, 4)
        assert outcome.seconds >= 0.3
        dialler.close()


@pytest.mark.asyncio
async def test_a_duh_ends_it() -> None:
    async with Receiver(lambda _, header: frame.duh(header, CrcForm.HEX)) as receiver:
        dialler = Dialler(PANEL, Way("127.0.0.1", receiver.port))
        outcome = await dialler.send(Said("130", "15"))
        assert outcome.answer is not None
        assert (outcome.answer.kind, outcome.attempts) == ("DUH", 1)
        dialler.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("other", ["0006R1L2#1234", "0007R1L2#1235"])
async def test_the_answer_to_another_frame_acknowledges_nothing(other: str) -> None:
    def script(number: int, header: frame.Header) -> bytes:
        late = b"".join(framed(f'"{kind}"{other}[]'.encode()) for kind in ("ACK", "DUH"))
        return late if number == 1 else late + frame.ack(header, CrcForm.HEX, None, AT)

    async with Receiver(script) as receiver:
        dialler = Dialler(PANEL, Way("127.0.0.1", receiver.port), sequence=7, wait_seconds=0.2)
        outcome = await dialler.send(Said("130", "15"))
        assert (outcome.is_acknowledged, outcome.attempts) == (True, 2)
        dialler.close()


@pytest.mark.asyncio
async def test_a_link_test_is_acknowledged_as_0000() -> None:
    async with Receiver(lambda _, header: frame.ack(header, CrcForm.HEX, None, AT)) as receiver:
        dialler = Dialler(PANEL, Way("127.0.0.1", receiver.port), sequence=7, attempts=1)
        assert (await dialler.send(Said(TEST))).is_acknowledged
        dialler.close()


@pytest.mark.asyncio
async def test_where_nobody_listens_it_gives_up_after_its_attempts() -> None:
    dialler = Dialler(PANEL, Way("127.0.0.1", 9, Transport.TCP), wait_seconds=0.05, attempts=2)
    outcome = await dialler.send(Said("130", "15"))
    assert (outcome.answer, outcome.attempts) == (None, 2)
