"""Addresses of IPv4 and IPv6: whose they are, and sockets that take both."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import Final

ALL_OF_BOTH: Final = "::"
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


def ipv4_within(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that one of IPv6 stands for: mapped, or behind NAT64."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def network_of(address: str) -> str:
    """An IPv4 address, also one behind IPv6 (NAT64); of other IPv6 the /64, all of which one customer has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipv4_within(parsed) or ipaddress.ip_network((parsed, 64), strict=False))
    return address


def bound_socket(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """A socket of an address, of both families where that is ``::``. Raises `OSError`."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
    # Of TCP by name: asyncio sends at once (TCP_NODELAY) only on sockets that say so. Else an answer's body, written
    # after its head, would wait 40 ms for the client's delayed acknowledgement.
    is_stream = kind == socket.SOCK_STREAM
    bound = socket.socket(family, kind, socket.IPPROTO_TCP if is_stream else 0)
    try:
        if is_stream:  # of datagrams two processes would share the port
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):  # a system without IPv4, or without the choice
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != ALL_OF_BOTH))
        bound.bind(address)
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound
