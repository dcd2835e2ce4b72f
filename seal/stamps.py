"""Time stamps of heads by an authority (RFC 3161).

An answer is kept if it stamps what was asked; whose signature it bears is for ``openssl ts -verify`` to check, by who
trusts an authority (`seal.verify`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Thread
from typing import Final

import httpx

from seal.errors import SealError

_SHA256: Final = bytes.fromhex("300d06096086480165030402010500")  # its AlgorithmIdentifier, in DER
_SECONDS: Final = 5.0
_LONGEST: Final = 64 * 1024
_GRANTED: Final = (b"\x00", b"\x01")  # granted, granted with modifications
_NONCE: Final = 8  # bytes
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30


def request_of(digest: bytes, nonce: bytes) -> bytes:
    """Return a TimeStampReq for a SHA-256 digest, in DER; it asks for the authority's certificate.

    ``nonce`` is a positive INTEGER's content.
    """
    imprint = _der(_SEQUENCE, _SHA256 + _der(_OCTETS, digest))
    return _der(_SEQUENCE, b"\x02\x01\x01" + imprint + _der(_INTEGER, nonce) + b"\x01\x01\xff")


def stamp(url: str, digest: bytes) -> bytes:
    """Return the authority's answer to a digest. Raises `SealError`."""
    nonce = b"\x01" + os.urandom(_NONCE - 1)
    try:
        status, answer = _ask(url, request_of(digest, nonce))
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise SealError(f"the time-stamping authority does not answer: {type(error).__name__}") from None
    if status != 200:
        raise SealError(f"the time-stamping authority gives no stamp: HTTP {status}")
    why = wrong_with(answer, digest, nonce)
    if why is not None:
        raise SealError(f"the time-stamping authority gives no stamp: {why}")
    return answer


def _ask(url: str, request: bytes) -> tuple[int, bytes]:
    """Ask in a thread that is left where it has no answer in time, as nothing ends the system's search for a name.

    Raises `TimeoutError`, and what `_post` raises.
    """
    answer: Future[tuple[int, bytes]] = Future()

    def post() -> None:
        try:
            answer.set_result(asyncio.run(_post(url, request)))
        except BaseException as error:  # noqa: BLE001 - raised again where the answer is asked for
            answer.set_exception(error)

    Thread(target=post, name="stamp", daemon=True).start()
    return answer.result(_SECONDS)


async def _post(url: str, request: bytes) -> tuple[int, bytes]:
    """Ask: one time for all of it, not for each piece, as the seal waits; of the answer no more than a stamp has.

    Returns the status and the body.
    """
    headers = {"Content-Type": "application/timestamp-query", "Accept-Encoding": "identity"}
    answer = bytearray()
    async with (
        asyncio.timeout(_SECONDS),
        httpx.AsyncClient(timeout=_SECONDS) as client,
        client.stream("POST", url, content=request, headers=headers) as response,
    ):
        async for piece in response.aiter_raw():
            answer += piece
            if len(answer) > _LONGEST:
                break
    return response.status_code, bytes(answer)


def wrong_with(answer: bytes, digest: bytes, nonce: bytes) -> str | None:
    """Return what is wrong with a TimeStampResp; None: it stamps the digest that was asked for."""
    try:
        if len(answer) > _LONGEST:
            return "the answer is too long"
        status, *token = _children(_only(answer, _SEQUENCE))
        code = next(content for tag, content in _children(status[1]) if tag == _INTEGER)
        if code not in _GRANTED:
            return f"the request was refused (status {int.from_bytes(code, 'big')})"
        imprint, *rest = _stamped(token[0][1])
        if imprint != _SHA256 + _der(_OCTETS, digest):
            return "the stamp is of something else"
        if nonce not in rest:
            return "the stamp answers another request"
    except (IndexError, ValueError, StopIteration):
        return "the answer is no TimeStampResp"
    return None


def _stamped(token: bytes) -> list[bytes]:
    """Return a TSTInfo's imprint, and the contents of the fields behind it (RFC 3161, section 2.4.2)."""
    (_, content) = _children(token)  # ContentInfo: its type, [0] SignedData
    signed = list(_children(_only(content[1], _SEQUENCE)))
    encapsulated = list(_children(signed[2][1]))  # behind version and digestAlgorithms: its type, [0] OCTET STRING
    info = list(_children(_only(_only(encapsulated[1][1], _OCTETS), _SEQUENCE)))
    return [content for _, content in info[2:]]  # behind version and policy


def _only(data: bytes, tag: int) -> bytes:
    ((found, content),) = _children(data)
    if found != tag:
        raise ValueError("another tag")
    return content


def _children(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of a DER value: a tag and the content of each."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("the data end within an element")
        yield tag, data[at : at + length]
        at += length


def _der(tag: int, content: bytes) -> bytes:
    assert len(content) < 128, "all of it is short"
    return bytes((tag, len(content))) + content
