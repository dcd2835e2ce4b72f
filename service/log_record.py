"""A record as it lies in its log."""

from typing import NamedTuple

from service.headers import Headers


class LogRecord(NamedTuple):
    """Its place, key, value and headers; ``timestamp`` is Kafka's, in milliseconds since 1970, UTC."""

    topic: str  # without prefix
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers
