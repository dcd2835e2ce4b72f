"""Others on the other side: a dialler of other people sends to the receiver, and their parsers read what we write."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from edges.panel.messages import Panel, Said, frame_of
from edges.receiver import frame
from edges.receiver.accounts import Account
from edges.receiver.content import Qualifier
from edges.receiver.framing import CrcForm
from edges.receiver.metrics import Transport
from tests.edges.receiver import vectors
from tests.edges.receiver.receiving import now, receiver
from tests.edges.receiver.vectors import K256, K

spt = pytest.importorskip("my_dc09_spt.dc09_spt")
siadc09 = pytest.importorskip("siadc09.message")
pysiaalarm = pytest.importorskip("pysiaalarm.event")

KEYS: Final = [None, K, K256]
SAID: Final = [
    Said("130", "015", "01"),
    Said("130", "015", "01", Qualifier.RESTORE),
    Said("BA", "012", "1"),
    Said("FA", "004", text="Kitchen"),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("transport", [Transport.TCP, Transport.UDP])
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("form", "message", "kind", "zone"),
    [
        ("SIA-DCS", {"code": "BA", "zone": 14, "area": 1, "time": "now", "text": "front door"}, "INTRUSION", "14"),
        ("SIA-DCS", {"code": "FA", "zone": 4, "area": 2, "areaname": "House", "user": 7}, "FIRE", "4"),
        ("SIA-DCS", {"code": "OP", "user": 7, "area": 1}, None, None),
        ("ADM-CID", {"code": 130, "q": 1, "zone": 15, "area": 1}, "INTRUSION", "015"),
        ("ADM-CID", {"code": 130, "q": 3, "zone": 15, "lat": "48N51.456"}, None, "015"),
    ],
)
async def test_a_foreign_dialler_is_acknowledged(
    transport: Transport, key: bytes | None, form: str, message: dict[str, Any], kind: str | None, zone: str | None
) -> None:
    async with receiver(Account("0123", "S1", key=key, requires_encryption=key is not None)) as made:
        dialler = spt.dc09_spt("0123", line=1 if key else None)
        dialler.set_path("main", "primary", "127.0.0.1", made.ports[transport], key=key, type=transport.value)
        await asyncio.get_running_loop().run_in_executor(None, dialler.send_msg, form, message)
        assert dialler.notSent() == 0, "not acknowledged"
        (signal,) = made.kafka.signals
        assert (signal.kind, signal.zone, signal.authenticated) == (kind, zone, key is not None)
        assert [alert.kind for alert in made.kafka.alerts] == ([kind] if kind else [])


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("said", SAID)
def test_siadc09_reads_what_the_panel_sends(said: Said, key: bytes | None) -> None:
    message = siadc09.parse_frame(frame_of(Panel("1234", key=key), said, 7, now()), key)
    assert (message.seq, message.encrypted) == (7, key is not None)


@pytest.mark.parametrize("key", KEYS)
def test_siadc09_reads_what_the_receiver_answers(key: bytes | None) -> None:
    header = frame.header_of(vectors.BURGLARY[9:-1])._replace(is_encrypted=key is not None)
    message = siadc09.parse_frame(frame.ack(header, CrcForm.HEX, key, now()), key)
    assert (type(message).__name__, message.seq) == ("AckMessage", 7)


@pytest.mark.parametrize("said", SAID)
def test_pysiaalarm_reads_what_the_panel_sends(said: Said) -> None:
    event = pysiaalarm.SIAEvent.from_line(frame_of(Panel("1234"), said, 7, now()).decode().strip())
    assert (event.valid_message, event.sequence, event.account) == (True, "0007", "1234")
