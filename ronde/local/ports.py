"""Free ports on the loopback address.

A port is chosen long before a server listens there, as others must know it before. So a process keeps what it chose
from every other one that chooses here, until it ends.
"""

import secrets
import socket
import sys
from typing import Final

HOST: Final = "127.0.0.1"
# Below the range that systems give to outgoing connections: a client that keeps trying a stopped server
# could otherwise be given that very port, and be connected to itself.
_PICKED_FROM: Final = range(20_000, 32_000)
_CAN_KEEP: Final = sys.platform == "linux"  # names of sockets that are no files, and that end with their process

_kept: Final[set[int]] = set()


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
    """The first of ``preferred`` that is free, else any; no other process is given it while this one runs."""
    for port in preferred:
        if is_free(port) and _keep(port):
            return port
    while not (is_free(port := secrets.choice(_PICKED_FROM)) and _keep(port)):
        pass
    return port


def _keep(port: int) -> bool:
    """Whether no other process has chosen the port."""
    if port in _kept or not _CAN_KEEP:
        return True
    with socket.socket(socket.AF_UNIX) as name:
        try:
            name.bind(f"\0ronde-port-{port}")
        except OSError:
            return False
        name.detach()  # open until the process ends
    _kept.add(port)
    return True
