"""The receiver's ports, from the first connection to the last answer."""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography import x509

from edges.errors import EdgeError
from edges.network import ALL_OF_BOTH, bound_socket
from edges.receiver.connections import Connection
from edges.receiver.datagrams import Datagrams
from edges.receiver.handshakes import Handshakes
from edges.receiver.listener_context import ListenerContext
from edges.receiver.metrics import Closed, Transport
from edges.web.files import FileError, Stamp, stamp_of
from service.logs import logger

if TYPE_CHECKING:
    from pathlib import Path

    from edges.receiver.addresses import Addresses
    from edges.receiver.intake import Intake
    from edges.receiver.metrics import ReceiverMetrics
    from edges.receiver.settings import ReceiverSettings

_log = logger(__name__)

_BACKLOG: Final = 1024
_Versions: TypeAlias = tuple[Stamp | None, ...]
_SWEEP_SECONDS: Final = 5.0  # between two looks for idle connections and another certificate, at the most


class Listener:
    """Listens on the ports of the settings; it is opened once, and `close` ends it.

    Attributes:
        certificate_fault: why the files of the TLS port cannot be loaded, though they have changed: new connections get
            the certificate before, until it ends. None: they get what the files have.

    """

    def __init__(
        self, settings: ReceiverSettings, intake: Intake, addresses: Addresses, metrics: ReceiverMetrics
    ) -> None:
        self._settings = settings
        self._context = ListenerContext(intake, addresses, metrics)
        self._servers: list[asyncio.Server] = []
        self._datagrams: asyncio.DatagramTransport | None = None
        self._handshakes: Handshakes | None = None
        self._files: _Versions = ()  # that handshakes begin with
        self._refused_files: _Versions = ()  # that were logged
        self.certificate_fault: str | None = None
        self._sweeping: asyncio.Task[None] | None = None

    async def open(self) -> dict[Transport, int]:
        """Listen; the port of each transport. Raises `EdgeError`."""
        _allow_files()
        settings = self._settings
        ports = {
            Transport.TCP: await self._serve(
                "tcp_port", settings.tcp_port, lambda: Connection(self._context, Transport.TCP)
            )
        }
        if settings.tls_port is not None:
            self._files = _versions(settings)
            self._handshakes = Handshakes(self._context, self._tls())
            ports[Transport.TLS] = await self._serve("tls_port", settings.tls_port, self._handshakes.protocol)
        if settings.udp_port is not None:
            ports[Transport.UDP] = await self._serve_datagrams(settings.udp_port)
        self._sweeping = asyncio.ensure_future(self._sweep())
        return ports

    async def close(self, seconds: float) -> None:
        """Take nothing new; send the answers of what was taken, as far as they come within ``seconds``."""
        for server in self._servers:
            server.close()
        if self._handshakes is not None:
            self._handshakes.close()
        for connection in list(self._context.connections):
            connection.pause()
        if self._context.tasks:
            _, left = await asyncio.wait(set(self._context.tasks), timeout=seconds)
            for task in left:
                task.cancel()
        for connection in list(self._context.connections):
            connection.close(Closed.STOPPING)
        if self._datagrams is not None:
            self._datagrams.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        await asyncio.sleep(0)

    async def _serve(self, setting: str, port: int, protocol: Callable[[], asyncio.BaseProtocol]) -> int:
        loop, host = asyncio.get_running_loop(), self._settings.host
        try:
            if host == ALL_OF_BOTH:  # by itself the loop takes IPv6 alone
                server = await loop.create_server(protocol, sock=bound_socket(host, port), backlog=_BACKLOG)
            else:
                server = await loop.create_server(protocol, host, port, backlog=_BACKLOG)
        except OSError as error:
            raise port_error(setting, host, port, error) from error
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _serve_datagrams(self, port: int) -> int:
        loop, host = asyncio.get_running_loop(), self._settings.host
        try:
            if host == ALL_OF_BOTH:  # by itself the loop takes what the system's default is
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: Datagrams(self._context), sock=bound_socket(host, port, socket.SOCK_DGRAM)
                )
            else:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: Datagrams(self._context), local_addr=(host, port)
                )
        except OSError as error:
            raise port_error("udp_port", host, port, error) from error
        self._datagrams = transport
        return int(transport.get_extra_info("sockname")[1])

    async def _sweep(self) -> None:
        """Close connections that were silent for too long; take over a certificate that was renewed."""
        idle = self._settings.idle_seconds
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, idle / 4))
            if self._handshakes is not None:
                self._renew(self._handshakes)
            since = time.monotonic() - idle
            for connection in [connection for connection in self._context.connections if connection.heard_at < since]:
                connection.close(Closed.IDLE)

    def _renew(self, handshakes: Handshakes) -> None:
        """Begin handshakes with what the files have now: in another context, as one half loaded would serve nobody."""
        files = _versions(self._settings)  # before they are read: what changes meanwhile is seen the next time
        if files == self._files:
            self._refused_files, self.certificate_fault = (), None  # also where they were put back
            return
        try:
            handshakes.tls = self._tls()
        except EdgeError as error:
            self.certificate_fault = str(error)
            if files != self._refused_files:
                self._refused_files = files
                _log.error("the panels' certificate cannot be loaded again", error=str(error))
        else:
            self._files, self.certificate_fault = files, None
            _log.info("the panels' certificate was loaded again")

    def _tls(self) -> ssl.SSLContext:
        """What handshakes begin with from now on. Raises `EdgeError`."""
        made = tls_context(self._settings)
        assert self._settings.tls_certificate is not None
        self._context.metrics.certificate_end.set(certificate_end(self._settings.tls_certificate))
        return made


def _versions(settings: ReceiverSettings) -> _Versions:
    """What changes where a file of the TLS port is written or replaced; None: it is not there."""
    return tuple(map(_version, (settings.tls_certificate, settings.tls_key, settings.tls_client_ca)))


def _version(path: Path | None) -> Stamp | None:
    try:
        return None if path is None else stamp_of(path)
    except FileError:
        return None


def tls_context(settings: ReceiverSettings) -> ssl.SSLContext:
    """The context of the TLS port. Raises `EdgeError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_certificate is None or settings.tls_key is None:
        raise EdgeError("receiver.tls_port needs receiver.tls_certificate and receiver.tls_key")
    try:
        # With a password, OpenSSL asks for none: the loop would stand still, and no panel be answered.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except (OSError, ssl.SSLError) as error:
        hint = " (the key must have no passphrase)" if isinstance(error, ssl.SSLError) else ""
        raise EdgeError(f"receiver.tls_certificate, receiver.tls_key: {_words(error)}{hint}") from None
    if settings.tls_client_ca is not None:
        try:
            context.load_verify_locations(settings.tls_client_ca)
        except (OSError, ssl.SSLError) as error:
            raise EdgeError(f"receiver.tls_client_ca: {_words(error)}") from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def certificate_end(chain: Path) -> float:
    """When the first certificate of a chain ends, in Unix seconds; 0 where the file does not say.

    OpenSSL loads some that another parser refuses: these must serve all the same.
    """
    try:
        return x509.load_pem_x509_certificates(chain.read_bytes())[0].not_valid_after_utc.timestamp()
    except (OSError, ValueError, x509.InvalidVersion):
        return 0.0


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def port_error(setting: str, host: str, port: int, error: OSError) -> EdgeError:
    """A port cannot be had."""
    return EdgeError(f"cannot listen on {host}:{port}: {_words(error)}; set receiver.host and receiver.{setting}")


def _allow_files() -> None:
    """Take as many sockets as the system lets a process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
