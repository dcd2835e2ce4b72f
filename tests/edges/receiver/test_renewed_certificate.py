"""A certificate of the TLS port that is renewed while the receiver runs."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from edges.receiver import listening
from edges.receiver.metrics import Transport
from tests.edges.receiver.receiving import Receiver, cid, client, receiver
from tests.edges.receiver.test_receiving import PLAIN, ack_of
from tests.support.waiting import PATIENCE

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
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"

    def renew(new_chain: Path, new_key: Path) -> None:
        issued = authority.issue_cert("localhost")
        issued.cert_chain_pems[0].write_to_path(new_chain)
        issued.private_key_pem.write_to_path(new_key)

    renew(chain, key)
    files: dict[str, Any] = {"tls_certificate": chain, "tls_key": key}
    async with (
        receiver(PLAIN, tls_port=0, **files) as made,
        client(made, Transport.TLS, ssl=context, server_hostname="localhost") as panel,
    ):
        first = await serial(made, context)

        # The chain is there before its key: no pair yet, and new connections get what was there before.
        renew(tmp_path / "new-chain.pem", tmp_path / "new-key.pem")
        (tmp_path / "new-chain.pem").replace(chain)
        assert await logged.next() == "the panels' certificate cannot be loaded again"
        assert await serial(made, context) == first

        (tmp_path / "new-key.pem").replace(key)
        assert await logged.next() == "the panels' certificate was loaded again"
        second = await serial(made, context)
        assert second != first

        key.unlink()
        assert await logged.next() == "the panels' certificate cannot be loaded again"
        assert await serial(made, context) == second
        panel.send(cid("1130 01 015"))
        assert await panel.answer() == ack_of(cid("1130 01 015"))
        assert logged.lines.empty()  # each is logged once
