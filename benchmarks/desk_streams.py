"""``python -m benchmarks.desk_streams ADDRESS TOKEN COUNT``: so many event streams, received and dropped.

A process of its own that parses nothing, so that receiving takes as little of the machine as browsers elsewhere would.
"""

from __future__ import annotations

import selectors
import socket
import sys

_PIECE = 262_144


def request(host: str, token: str) -> bytes:
    """The request for a stream."""
    return f"GET /v1/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def main(address: str, token: str, count: int) -> None:
    """Receive until the desk ends the streams."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    selector = selectors.DefaultSelector()
    for _ in range(count):
        stream = socket.create_connection((host, int(port)))
        stream.sendall(request(host, token))
        selector.register(stream, selectors.EVENT_READ, stream)
    sys.stdout.write("open\n")
    sys.stdout.flush()
    while True:
        for key, _ in selector.select():
            if not key.data.recv(_PIECE):
                return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
