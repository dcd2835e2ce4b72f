"""A connection to a partner that takes no more of an answer than there is need of, and not all of it at once."""

from __future__ import annotations

import ssl
from typing import Any, Final

import httpcore

ANSWER_BYTES: Final = 192 * 1024  # headers, and the beginning of a body
_SIP_BYTES: Final = 4096  # what is parsed without a look at other partners


class LimitedStream(httpcore.AsyncNetworkStream):
    """Limits another stream: what is read since the last write counts, and beyond the limit reading fails."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._left = ANSWER_BYTES

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - the library's
        """Read a little. Raises httpcore's errors."""
        if self._left <= 0:
            raise httpcore.ReadError("the answer is too long")
        data = await self._stream.read(min(max_bytes, _SIP_BYTES), timeout)
        self._left -= len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the library's
        """Write."""
        self._left = ANSWER_BYTES
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """End the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's
    ) -> httpcore.AsyncNetworkStream:
        """Encrypt from now on."""
        return LimitedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What is known of the connection."""
        return self._stream.get_extra_info(info)
