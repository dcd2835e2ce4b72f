"""Time stamps of heads by an authority (RFC 3161). ``openssl ts -verify`` checks them; nothing here does."""

from __future__ import annotations

from typing import Final

import httpx

from seal.errors import SealError

_SHA256: Final = bytes.fromhex("300d06096086480165030402010500")  # its AlgorithmIdentifier, in DER
_SECONDS: Final = 10.0
_GRANTED: Final = b"\x30\x03\x02\x01\x00"  # PKIStatusInfo: granted, and nothing else


def request_of(digest: bytes) -> bytes:
    """Return a TimeStampReq for a SHA-256 digest, in DER; it asks for the authority's certificate."""
    imprint = _der(0x30, _SHA256 + _der(0x04, digest))
    return _der(0x30, b"\x02\x01\x01" + imprint + b"\x01\x01\xff")


def stamp(url: str, digest: bytes) -> bytes:
    """Return the authority's answer to a digest. Raises `SealError`."""
    try:
        answer = httpx.post(
            url,
            content=request_of(digest),
            headers={"Content-Type": "application/timestamp-query"},
            timeout=_SECONDS,
        )
    except httpx.HTTPError as error:
        raise SealError(f"the time-stamping authority does not answer: {type(error).__name__}") from None
    if answer.status_code != 200 or digest not in answer.content or _GRANTED[1:] not in answer.content[:16]:
        raise SealError(f"the time-stamping authority gives no stamp (HTTP {answer.status_code})")
    return answer.content


def _der(tag: int, content: bytes) -> bytes:
    assert len(content) < 128, "all of it is short"
    return bytes((tag, len(content))) + content
