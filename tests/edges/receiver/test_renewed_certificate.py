"""A certificate of the TLS port that is renewed while the receiver runs."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from edges.receiver import listening
from edges.receiver.metrics import Transport
from tests.edges.receiver.certificates import tls_files
from tests.edges.receiver.receiving import Receiver, cid, client, receiver
from tests.edges.receiver.test_receiving import PLAIN, ack_of
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.asyncio


class Logged:
    """What the listener logs, each line's text in a queue."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def info(self, event: str, **_: Any) -> None:
        self.lines.put_nowait(event)

    error = info

    async def next(self) -> str:
        async with asyncio.timeout(PATIENCE):
            return await self.lines.get()


async def serial(made: Receiver, context: ssl.SSLContext) -> str:
    """The number of the certificate that a new connection gets."""
    async with client(made, Transport.TLS, ssl=context, server_hostname="localhost") as panel:
        return str(panel.writer.get_extra_info("peercert")["serialNumber"])


async def test_new_connections_get_a_renewed_certificate_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = Logged()
    monkeypatch.setattr(listening, "_log", logged)
    monkeypatch.setattr(listening, "_SWEEP_SECONDS", 0.01)
    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    files = tls_files(tmp_path, authority)
    chain, key = files.values()
    async with (
        receiver(PLAIN, tls_port=0, **files) as made,
        client(made, Transport.TLS, ssl=context, server_hostname="localhost") as panel,
    ):
        first = await serial(made, context)

        # The chain is there before its key: no pair yet, and new connections get what was there before.
        (tmp_path / "new").mkdir()
        new_chain, new_key = tls_files(tmp_path / "new", authority).values()
        new_chain.replace(chain)
        assert await logged.next() == "the panels' certificate cannot be loaded again"
        assert await serial(made, context) == first

        new_key.replace(key)
        assert await logged.next() == "the panels' certificate was loaded again"
        second = await serial(made, context)
        assert second != first

        key.unlink()
        assert await logged.next() == "the panels' certificate cannot be loaded again"
        assert await serial(made, context) == second
        panel.send(cid("1130 01 015"))
        assert await panel.answer() == ack_of(cid("1130 01 015"))
        assert logged.lines.empty()  # each is logged once


async def test_how_long_a_certificate_counts_and_why_another_is_not_loaded_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = Logged()
    monkeypatch.setattr(listening, "_log", logged)
    monkeypatch.setattr(listening, "_SWEEP_SECONDS", 0.01)
    authority = trustme.CA()
    first, second = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    files = tls_files(tmp_path, authority, not_after=first)
    key = files["tls_key"]
    async with receiver(PLAIN, tls_port=0, **files) as made:
        assert made.count("certificate_end_time_seconds") == first.timestamp()
        assert made.listener.certificate_fault is None
        aside = tmp_path / "aside.pem"
        for _ in range(2):
            key.rename(aside)
            assert await logged.next() == "the panels' certificate cannot be loaded again"
            assert "receiver.tls_key: No such file" in str(made.listener.certificate_fault)
            assert made.count("certificate_end_time_seconds") == first.timestamp(), "what panels get still"
            aside.rename(key)
            await until(lambda: made.listener.certificate_fault is None)
        tls_files(tmp_path, authority, not_after=second)
        await until(lambda: made.count("certificate_end_time_seconds") == second.timestamp())
    async with receiver(PLAIN) as plain:
        assert plain.count("certificate_end_time_seconds") == 0
    (tmp_path / "other.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert listening.certificate_end(tmp_path / "other.pem") == 0, "OpenSSL may load what another parser refuses"
