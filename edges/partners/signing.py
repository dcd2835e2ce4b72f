"""Signatures of webhooks by the rules of Standard Webhooks, which most languages have a package for."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from standardwebhooks import Webhook

PREFIX: Final = "whsec_"
MOST_SECRETS: Final = 2  # in force at once, while a partner changes from one to the other
_BYTES: Final = 32


def new_secret() -> str:
    """A secret of 256 random bits."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def signed_headers(webhook_id: str, at: int, body: bytes, keys: Sequence[str]) -> list[tuple[str, str]]:
    """The headers of an attempt at ``at`` (Unix milliseconds), with a signature by each key in force."""
    seconds = at // 1000
    instant = datetime.fromtimestamp(seconds, UTC)
    signatures = [Webhook(key).sign(webhook_id, instant, body.decode()) for key in keys]
    return [
        ("webhook-id", webhook_id),
        ("webhook-timestamp", str(seconds)),
        ("webhook-signature", " ".join(signatures)),
    ]
