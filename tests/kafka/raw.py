"""Records as clients of other languages write them: header names of any bytes, which ours cannot produce.

librdkafka itself is asked, through the library that confluent-kafka brings along.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from schemas.contract.topics import INPUT_TOPICS
from streams.settings import Settings
from tests.support.topics import alter

_PRODUCER: Final = 0
_COPY: Final = 2  # RD_KAFKA_MSG_F_COPY
_NOW: Final = 0  # a timestamp that librdkafka fills in
_ERROR_BYTES: Final = 512
# rd_kafka_vtype_t
_TOPIC, _PARTITION, _VALUE, _KEY, _FLAGS, _TIMESTAMP, _HEADER = 1, 3, 4, 5, 7, 8, 9


def keep_compressed(settings: Settings) -> None:
    """Have the input topics take any record that is small enough when compressed, as topics made by others may."""
    alter(settings.client("admin"), map(settings.topic, INPUT_TOPICS), "compression.type", "producer")


class RawRecord(NamedTuple):
    """A record to write; ``topic`` is the name on the broker, ``timestamp`` in milliseconds (0: now)."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[bytes, bytes | None]] = ()
    timestamp: int = _NOW


class _Memory(ctypes.Structure):
    _fields_ = (("pointer", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("value", ctypes.c_char_p), ("size", ctypes.c_ssize_t))


class _Content(ctypes.Union):
    _fields_ = (
        ("text", ctypes.c_char_p),
        ("int32", ctypes.c_int32),
        ("int64", ctypes.c_int64),
        ("integer", ctypes.c_int),
        ("memory", _Memory),
        ("header", _Header),
        ("padding", ctypes.c_char * 64),
    )


class _Argument(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("content", _Content))


class RawProducer:
    """Use it as a context. ``properties`` are librdkafka's, by their own names."""

    def __init__(self, servers: str, **properties: str) -> None:
        self._library = _library()
        configuration = self._library.rd_kafka_conf_new()
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        for name, value in {"bootstrap.servers": servers, "linger.ms": "1", "log_level": "0", **properties}.items():
            done = self._library.rd_kafka_conf_set(configuration, name.encode(), value.encode(), error, _ERROR_BYTES)
            assert done == 0, error.value
        self._client = self._library.rd_kafka_new(_PRODUCER, configuration, error, _ERROR_BYTES)
        assert self._client, error.value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.rd_kafka_destroy(self._client)

    def put(self, record: RawRecord) -> str:
        """Hand a record over; empty, or the name of the error with which the client refuses it."""
        arguments = [
            _argument(_TOPIC, text=record.topic.encode()),
            _argument(_PARTITION, int32=record.partition),
            _argument(_FLAGS, integer=_COPY),
            _argument(_TIMESTAMP, int64=record.timestamp),
        ]
        if record.value is not None:
            arguments.append(_argument(_VALUE, memory=_Memory(record.value, len(record.value))))
        if record.key is not None:
            arguments.append(_argument(_KEY, memory=_Memory(record.key, len(record.key))))
        arguments += [
            _argument(_HEADER, header=_Header(name, value, len(value or b""))) for name, value in record.headers
        ]
        vector = (_Argument * len(arguments))(*arguments)
        while True:
            refused = self._library.rd_kafka_produceva(self._client, vector, len(arguments))
            if not refused:
                return ""
            name = str(self._library.rd_kafka_error_name(refused).decode())
            self._library.rd_kafka_error_destroy(refused)
            if name != "_QUEUE_FULL":
                return name
            self._library.rd_kafka_poll(self._client, 100)

    def flush(self, seconds: float = 30.0) -> None:
        """Wait until all is on the broker, or refused by it."""
        assert self._library.rd_kafka_flush(self._client, int(seconds * 1000)) == 0, "the broker does not answer"


def _argument(kind: int, **content: Any) -> _Argument:
    return _Argument(kind, _Content(**content))


@cache
def _library() -> ctypes.CDLL:
    spec = find_spec("confluent_kafka")
    assert spec is not None
    assert spec.origin is not None
    (file,) = (Path(spec.origin).parent.parent / "confluent_kafka.libs").glob("librdkafka-*")
    library = ctypes.CDLL(str(file))
    pointer = ctypes.c_void_p
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, ()),
        (
            "rd_kafka_conf_set",
            ctypes.c_int,
            (pointer, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t),
        ),
        ("rd_kafka_new", pointer, (ctypes.c_int, pointer, ctypes.c_char_p, ctypes.c_size_t)),
        ("rd_kafka_produceva", pointer, (pointer, pointer, ctypes.c_size_t)),
        ("rd_kafka_error_name", ctypes.c_char_p, (pointer,)),
        ("rd_kafka_error_destroy", None, (pointer,)),
        ("rd_kafka_poll", ctypes.c_int, (pointer, ctypes.c_int)),
        ("rd_kafka_flush", ctypes.c_int, (pointer, ctypes.c_int)),
        ("rd_kafka_destroy", None, (pointer,)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
