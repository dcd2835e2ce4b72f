"""Free ports on the loopback address."""

import secrets
import socket
from typing import Final

HOST: Final = "127.0.0.1"
# Below the range that systems give to outgoing connections: a client that keeps trying a stopped server
# could otherwise be given that very port, and be connected to itself.
_PICKED_FROM: Final = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """True when a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of a stopped server linger
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(*preferred: int) -> int:
    """The first of ``preferred`` that is free, else any."""
    for port in preferred:
        if is_free(port):
            return port
    while not is_free(port := secrets.choice(_PICKED_FROM)):
        pass
    return port
