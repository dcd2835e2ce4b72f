"""One attempt: a POST to a partner, and what its answer means."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import httpcore
import orjson

from edges.partners.addresses import CheckedNetwork, RefusedAddressError

CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 10.0
READ_BYTES: Final = 64 * 1024
_READ_PIECES: Final = 1000  # each costs as much as many bytes
_IDLE_CONNECTIONS: Final = 4  # that a partner's pool keeps for the next command
_IDLE_SECONDS: Final = 60.0


class Answer(NamedTuple):
    """What came of an attempt.

    Attributes:
        outcome: ``DELIVERED``, or why not: ``STATUS``, ``REDIRECT``, ``TIMEOUT``, ``UNREACHABLE``, ``TLS``,
            ``ADDRESS`` (refused by us), ``BROKEN`` (no HTTP).
        status: of the answer; None where there was none.
        is_accepted: whether the body says ``{"status": "ACCEPTED"}``.

    """

    outcome: str
    status: int | None = None
    is_accepted: bool = False

    @property
    def is_delivered(self) -> bool:
        """Whether the partner has the command."""
        return self.outcome == "DELIVERED"


def judge(status: int, body: bytes) -> Answer:
    """What an answer means; ``body`` is its beginning."""
    if 300 <= status < 400:
        return Answer("REDIRECT", status)
    if not 200 <= status < 300:
        return Answer("STATUS", status)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    return Answer("DELIVERED", status, isinstance(value, dict) and value.get("status") == "ACCEPTED")


class Poster:
    """Posts to partners' addresses; connections are kept for the next command.

    Each partner has a pool of its own, and a thread that looks its names up: httpcore looks at every connection of a
    pool for every request, and a partner that hangs holds many. A pool that may go to private addresses is never used
    for a partner that may not.
    """

    def __init__(self) -> None:
        logging.getLogger("httpcore").setLevel(logging.WARNING)  # it logs hosts, and what partners answer
        self._tls = ssl.create_default_context()
        self._pools: dict[tuple[str, str, bool], _PartnerPool] = {}

    async def post(
        self,
        partner_id: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        allow_private: bool,
        going: Callable[[], Awaitable[None]],
    ) -> Answer:
        """Post once; ``going`` is awaited before the first byte goes out. What it raises keeps that here."""

        async def trace(event: str, _: Any) -> None:
            if event.endswith("send_request_headers.started"):
                await going()

        extensions = {"timeout": {"connect": CONNECT_SECONDS, "pool": CONNECT_SECONDS}, "trace": trace}
        request = [("content-type", "application/json"), ("user-agent", "ronde"), *headers]
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS) as limit,
                self._pool(partner_id, url, allow_private=allow_private).stream(
                    "POST", url, headers=request, content=body, extensions=extensions
                ) as response,
            ):
                if not 200 <= response.status < 300:
                    return judge(response.status, b"")
                until = limit.when()
                limit.reschedule(None)  # it has answered; only its body may still dawdle
                return judge(response.status, await _beginning(response, until))
        except RefusedAddressError:
            return Answer("ADDRESS")
        except (TimeoutError, httpcore.TimeoutException):
            return Answer("TIMEOUT")
        except (ssl.SSLError, httpcore.ConnectError) as error:
            return Answer("TLS" if _is_of_tls(error) else "UNREACHABLE")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError):
            return Answer("BROKEN")

    async def close(self) -> None:
        """End all connections."""
        for pool in self._pools.values():
            await pool.aclose()

    def _pool(self, partner_id: str, url: str, *, allow_private: bool) -> _PartnerPool:
        place = partner_id, url, allow_private
        pool = self._pools.get(place)
        if pool is None:
            pool = self._pools[place] = _PartnerPool(self._tls, allow_private=allow_private)
        return pool


class _PartnerPool(httpcore.AsyncConnectionPool):
    """The connections to one partner."""

    def __init__(self, tls: ssl.SSLContext, *, allow_private: bool) -> None:
        self._lookups = ThreadPoolExecutor(1, "lookup")
        super().__init__(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=CheckedNetwork(self._lookups, allow_private=allow_private),
        )

    async def aclose(self) -> None:
        """End the connections; who waits for a name is left waiting."""
        self._lookups.shutdown(wait=False, cancel_futures=True)
        await super().aclose()


def _is_of_tls(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error is not None


async def _beginning(response: httpcore.Response, until: float | None) -> bytes:
    """At most 64 KiB; the rest is never read. A body that breaks off or dawdles takes nothing back from its 2xx."""
    body, pieces = bytearray(), 0
    try:
        async with asyncio.timeout_at(until):
            async for piece in response.aiter_stream():
                body += piece
                pieces += 1
                if len(body) >= READ_BYTES or pieces >= _READ_PIECES:
                    break
    except (OSError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):  # OSError: TLS too
        return b""
    return bytes(body[:READ_BYTES])
