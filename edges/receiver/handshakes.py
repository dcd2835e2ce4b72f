"""The TLS port's connections until they are encrypted: each counts as a socket of its address from its beginning.

asyncio's own TLS server makes a connection known at the end of its handshake alone, and a client that says nothing
there would hold any number of sockets. So the port takes plain connections, counts them, and begins handshakes then.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from edges.receiver.connections import Connection
from edges.receiver.metrics import Closed, Transport

if TYPE_CHECKING:
    from edges.receiver.listener_context import ListenerContext

_SECONDS: Final = 10.0


class Handshakes:
    """Makes and holds the connections of one TLS port until they are encrypted, by ``tls`` as it is at the time."""

    def __init__(self, context: ListenerContext, tls: ssl.SSLContext) -> None:
        self._context = context
        self.tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    def protocol(self) -> asyncio.Protocol:
        """For the next connection of a plain server."""
        return _Taken(self._begin)

    def close(self) -> None:
        """End those under way."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, taken: socket.socket, address: str) -> None:
        if not self._context.addresses.open(address):
            self._context.metrics.closed[Closed.TOO_MANY_SOCKETS].inc()
            taken.close()
            return
        task = asyncio.get_running_loop().create_task(self._shake(taken, address))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _shake(self, taken: socket.socket, address: str) -> None:
        connection = Connection(self._context, Transport.TLS, is_counted=True)
        try:
            with suppress(OSError):  # it is no TLS, too slow, or gone
                await asyncio.get_running_loop().connect_accepted_socket(
                    lambda: connection, taken, ssl=self.tls, ssl_handshake_timeout=_SECONDS
                )
        finally:
            if not connection.is_made:
                self._context.addresses.close(address)


class _Taken(asyncio.Protocol):
    """Takes the socket of a new connection from its transport, before anything is read."""

    def __init__(self, take: Callable[[socket.socket, str], None]) -> None:
        self._take = take

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand a socket of our own on, with the address of its other end."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is none by its bases
        peer = transport.get_extra_info("peername")
        with suppress(OSError):  # no socket is left: it ends
            taken = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
            self._take(taken, peer[0] if peer else "")
        transport.abort()
