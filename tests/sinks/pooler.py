"""A pooler like PgBouncer: clients share sessions of PostgreSQL, for a transaction each or as long as they stay."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Final, Literal, NamedTuple, TypeAlias

Mode: TypeAlias = Literal["transaction", "session"]

_SSL: Final = 80877103
_PARAMETER: Final = b"S"
_READY: Final = b"Z"


class _Message(NamedTuple):
    kind: bytes
    body: bytes

    def packed(self) -> bytes:
        return self.kind + struct.pack("!i", len(self.body) + 4) + self.body


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data


def _message(connection: socket.socket) -> _Message:
    kind = _exactly(connection, 1)
    (size,) = struct.unpack("!i", _exactly(connection, 4))
    return _Message(kind, _exactly(connection, size - 4))


class _Session:
    """A session of PostgreSQL, begun as its first client asked for it."""

    def __init__(self, address: tuple[str, int], startup: bytes) -> None:
        self.socket = socket.create_connection(address)
        self.socket.sendall(startup)
        self.parameters = b""
        while (message := _message(self.socket)).kind != _READY:
            if message.kind == _PARAMETER:
                self.parameters += message.packed()


class Pooler:
    """Listens until `close`; PostgreSQL lets its clients in without a password."""

    def __init__(self, address: tuple[str, int], mode: Mode) -> None:
        self._address = address
        self._mode = mode
        self._idle: list[_Session] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.close()
        for session in self._idle:
            session.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        held: _Session | None = None
        try:
            startup = self._startup(client)
            held = self._take(startup)
            ready = _Message(_READY, b"I").packed()
            own_key = _Message(b"K", struct.pack("!ii", 4_000_000, 1)).packed()  # a pooler gives its own
            client.sendall(_Message(b"R", struct.pack("!i", 0)).packed() + held.parameters + own_key + ready)
            while (request := _message(client)).kind != b"X":
                if self._mode == "transaction" and held is None:
                    held = self._take(startup)
                assert held is not None
                held.socket.sendall(request.packed())
                if request.kind in b"QSc":  # the server answers these with its state, at their end
                    held = self._relay(held, client)
        except OSError:
            pass  # the client went away, or `close` was faster than its last request
        finally:
            client.close()
            if held is not None:
                held.socket.close()

    def _relay(self, held: _Session, client: socket.socket) -> _Session | None:
        """Answers up to the state; the session goes back when a transaction is over."""
        while True:
            answer = _message(held.socket)
            client.sendall(answer.packed())
            if answer.kind == b"G":
                return held  # it waits for the rest of a COPY
            if answer.kind == _READY:
                if self._mode == "transaction" and answer.body == b"I":
                    self._idle.append(held)
                    return None
                return held

    def _take(self, startup: bytes) -> _Session:
        return self._idle.pop() if self._idle else _Session(self._address, startup)

    @staticmethod
    def _startup(client: socket.socket) -> bytes:
        while True:
            (size,) = struct.unpack("!i", _exactly(client, 4))
            body = _exactly(client, size - 4)
            if struct.unpack("!i", body[:4])[0] != _SSL:
                return struct.pack("!i", size) + body
            client.sendall(b"N")
