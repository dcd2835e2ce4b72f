"""The link to the guard's page: a signed token for one dispatch.

It stands in the link's fragment, which browsers send to nobody: it is in no log of a proxy and in no `Referer`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

VALID_MS: Final = 24 * 3600 * 1000
_MAC_BYTES: Final = 16


def page_token(key: bytes, dispatch_id: str, expires_at: int) -> str:
    """The token of a dispatch's page; valid until ``expires_at`` (Unix milliseconds)."""
    content = f"{expires_at // 1000}.{dispatch_id}".encode()
    return base64.urlsafe_b64encode(_mac(key, content) + content).decode().rstrip("=")


def dispatch_of(key: bytes, token: str, now: int) -> str | None:
    """The dispatch that a token opens; None: it is not ours, or it has expired."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    mac, content = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, content)):
        return None
    expires, _, dispatch_id = content.decode().partition(".")
    return dispatch_id if now < int(expires) * 1000 else None


def _mac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, b"ronde guard page\0" + content, hashlib.sha256)[:_MAC_BYTES]
