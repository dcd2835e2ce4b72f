"""Transmitters as rows of PostgreSQL, and as records of `transmitters`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edges.values import Override, Transmitter


def transmitter(row: Mapping[str, Any]) -> Transmitter | None:
    """The record of a row of `queries/transmitters.sql`; None: a tombstone."""
    if row["is_deleted"]:
        return None
    wrapped = row["key_wrapped"]
    return Transmitter(
        account=row["account"],
        site_id=row["site_id"],
        protocol=row["protocol"],
        key_wrapped=None if wrapped is None else bytes(wrapped),
        require_encryption=row["require_encryption"],
        bad_crc=row["bad_crc"],
        overrides=tuple(Override(**override) for override in row["overrides"]),
        updated_at=row["updated_at"],
    )
