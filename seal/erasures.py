"""Erasures as their topic has them: JSON, written by `ronde ledger erase`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NamedTuple


class Erasure(NamedTuple):
    """Of a site, a contact, or a contact of a site (an empty id is any); ``erased_at``: ms since 1970, UTC."""

    site_id: str
    contact_id: str
    erased_at: int


def erasure_of(value: bytes) -> Erasure | None:
    """Return the erasure of a record's value; None: it is none."""
    try:
        fields = json.loads(value)
        at = datetime.fromisoformat(fields["erased_at"])
        erased_at = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
        made = Erasure(fields.get("site_id", ""), fields.get("contact_id", ""), erased_at)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
    return made if isinstance(made.site_id, str) and isinstance(made.contact_id, str) else None
