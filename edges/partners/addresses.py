"""Where a webhook may be sent: no address inside of our own networks, no matter what a name resolves to.

The address is checked where the connection is made, not before: a name may resolve to another one a moment later.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import httpcore

from edges.network import ipv4_within
from edges.partners.limited import LimitedStream

# What Python counts as public and no partner is at: protocol assignments (192.0.0.192 serves secrets in one cloud),
# and the address at which another cloud serves its machines.
_NO_PARTNER: Final = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "168.63.129.16/32")))
_NEXT_ADDRESS_SECONDS: Final = 0.25  # RFC 8305, connection attempt delay

Connect: TypeAlias = Callable[[], Coroutine[Any, Any, httpcore.AsyncNetworkStream]]
_Connecting: TypeAlias = asyncio.Task[httpcore.AsyncNetworkStream]


class RefusedAddressError(Exception):
    """No address of a host may be connected to."""


def check_url(url: str, *, allow_private: bool) -> str:
    """Return a webhook's address. Raises `ValueError` naming what is wrong."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it is no address, as https://partner.example/ronde") from None
    if not host or any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("it is no address, as https://partner.example/ronde")
    if parts.scheme != "https" and not (parts.scheme == "http" and allow_private):
        raise ValueError("it must begin with https:// (http:// only with --allow-private)")
    if parts.username is not None or parts.fragment:
        raise ValueError("it must have no user, password or fragment")
    if not url.isascii():
        raise ValueError("it must be ASCII: write a name as xn--…, other characters as %XX")
    return url


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open network; also judges IPv4 addresses written as IPv6."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.sixtofour or ipv4_within(ip) or ip
    if isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local:
        return False
    if any(ip in network for network in _NO_PARTNER):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def reachable(address: str) -> str | None:
    """Where a link can lead to what listens here; None: on all addresses of the machine, so on none of a link's."""
    return None if ipaddress.ip_address(urlsplit(address).hostname or "").is_unspecified else address


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the first of a host's addresses that may be connected to and answers.

    An address that is silent delays the next one by 0.25 s, not by the whole time to connect (RFC 8305). Names are
    looked up by threads of ``lookups``: the loop's own serve everybody, and a name server that hangs would take them
    all.
    """

    def __init__(self, lookups: Executor, *, allow_private: bool) -> None:
        self._lookups = lookups
        self._allow_private = allow_private
        self._network: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend()
        self._closing: set[asyncio.Task[None]] = set()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of the library
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect. Raises `RefusedAddressError`, and httpcore's `ConnectError`, `ConnectTimeout`."""
        try:
            async with asyncio.timeout(timeout):
                addresses = [
                    found for found in await self._resolve(host, port) if self._allow_private or is_public(found)
                ]
                if not addresses:
                    raise RefusedAddressError
                connects = [
                    partial(self._network.connect_tcp, address, port, timeout, local_address, socket_options)
                    for address in addresses
                ]
                return LimitedStream(await self._first(connects))
        except TimeoutError:
            raise httpcore.ConnectTimeout from None

    async def _first(self, connects: Sequence[Connect]) -> httpcore.AsyncNetworkStream:
        """The first connection made; each attempt begins when the one before it fails, or has not succeeded in time."""
        attempts: list[_Connecting] = []
        made: _Connecting | None = None
        try:
            for connect in connects:
                attempts.append(asyncio.ensure_future(connect()))
                seconds = None if len(attempts) == len(connects) else _NEXT_ADDRESS_SECONDS
                while pending := [attempt for attempt in attempts if not attempt.done()]:
                    await asyncio.wait(pending, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
                    made = next((attempt for attempt in attempts if attempt.done() and not attempt.exception()), None)
                    if made is not None:
                        return made.result()
                    if seconds is not None:
                        break
            return attempts[0].result()  # all have failed
        finally:
            for attempt in attempts:
                if attempt is not made:
                    attempt.cancel()
                    attempt.add_done_callback(self._drop)

    def _drop(self, attempt: _Connecting) -> None:
        """Close a connection that came second."""
        if not attempt.cancelled() and not attempt.exception():
            closing = asyncio.ensure_future(attempt.result().aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _resolve(self, host: str, port: int) -> list[str]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._lookups, look_up)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError(f"{host} has no address") from None
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))
