"""Transmitters: as rows of PostgreSQL, as records of `transmitters`, and how support changes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from psycopg.types.json import Jsonb

from edges.database.postgres import AsyncSession
from edges.portal.bodies import TransmitterBody
from edges.portal.callers import Caller
from edges.portal.core import Instant
from edges.portal.problems import NO_WRAPPING_KEY, REVISION_REQUIRED, REVISION_STALE
from edges.portal.rows import Statement, fingerprint
from edges.portal.sql import query
from edges.portal.store import Store, run
from edges.receiver.wrapping import UnreadableKeyError, Wrapping
from edges.values import Override, Transmitter
from edges.web.problems import INVALID, NOT_FOUND, FieldError

_ACCOUNT: Final = re.compile(r"[0-9A-Fa-f]{1,16}")
_NOT_COMPARED: Final = {"key", "account", "updated_at"}  # of two requests; the key is, in another way


class StoredTransmitter(NamedTuple):
    """A transmitter as the database has it; ``value`` is None once it was deleted."""

    account: str
    revision: int
    updated_at: Instant
    value: Transmitter | None
    last_by: str
    last_request: bytes


class _Change(NamedTuple):
    """Who replaces a transmitter (None: deletes it), by which request, over which revision (None: none named)."""

    by: str
    request: bytes
    revision: int | None
    now: Instant
    key: bytes | None
    value: Transmitter | None


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


class Transmitters:
    """What support does with transmitters; ``wrapping`` encrypts their keys, None: it cannot."""

    def __init__(self, store: Store, wrapping: Wrapping | None) -> None:
        self._store = store
        self._wrapping = wrapping

    async def look(self, caller: Caller, account: str) -> StoredTransmitter:
        """A transmitter. Raises FORBIDDEN, NOT_FOUND."""
        caller.check_support()
        rows = await self._store.rows("transmitters", accounts=[_account(account)])
        if not rows or rows[0]["is_deleted"]:
            raise NOT_FOUND.error()
        return _stored(rows[0])

    async def put(
        self, caller: Caller, account: str, body: TransmitterBody, revision: int | None, now: Instant
    ) -> StoredTransmitter:
        """Make a transmitter, or replace the revision named; of any site, as the portal does not hold all of them.

        Raises FORBIDDEN, INVALID, NO_WRAPPING_KEY, REVISION_REQUIRED, REVISION_STALE.
        """
        caller.check_support()
        name = _account(account)
        if body.account is not None and body.account.upper() != name:
            raise _wrong("account", "differs from the path's")
        if body.require_encryption and body.key is None:  # every frame would be refused, and a panel gives up then
            raise _wrong("require_encryption", "needs a key")
        key = None if body.key is None else bytes.fromhex(body.key)
        if key is not None and self._wrapping is None:
            raise NO_WRAPPING_KEY.error()
        value = Transmitter(
            account=name,
            site_id=body.site_id,
            protocol=body.protocol,
            key_wrapped=None if key is None or self._wrapping is None else self._wrapping.wrap(key, name),
            require_encryption=body.require_encryption,
            bad_crc=body.bad_crc,
            # Not `model_dump`, which writes the times as an answer has them.
            overrides=tuple(Override(**dict(override)) for override in body.overrides),
            updated_at=now,
        )
        request = fingerprint("transmitter", name, body.model_dump(exclude=_NOT_COMPARED), key is not None)
        return await self._change(name, _Change(caller.name, request, revision, now, key, value))

    async def delete(self, caller: Caller, account: str, revision: int | None, now: Instant) -> None:
        """Delete the revision named. Raises as `put` does, and NOT_FOUND."""
        caller.check_support()
        name = _account(account)
        request = fingerprint("transmitter", name)
        await self._change(name, _Change(caller.name, request, revision, now, None, None))

    async def _change(self, account: str, change: _Change) -> StoredTransmitter:
        async def write(connection: AsyncSession) -> StoredTransmitter:
            await connection.execute(query("lock_transmitter"), {"account": account})
            rows = await (await connection.execute(query("transmitters"), {"accounts": [account]})).fetchall()
            before = _stored(rows[0]) if rows else None
            if before is not None and self._is_repeat(before, change):
                return before
            if before is None or before.value is None:
                if change.value is None:
                    raise NOT_FOUND.error()
            elif change.revision is None:
                raise REVISION_REQUIRED.error()
            if change.revision is not None and change.revision != (before.revision if before else 0):
                raise REVISION_STALE.error(revision=before.revision if before else 0)
            after = _next(account, before, change)
            await run(connection, _writes(before, after))
            return after

        return await self._store.transaction(write)

    def _is_repeat(self, before: StoredTransmitter, change: _Change) -> bool:
        """Whether the revision in force was made by the same request of the same person."""
        if (before.last_by, before.last_request) != (change.by, change.request):
            return False
        if change.revision not in {None, before.revision, before.revision - 1}:
            return False
        if change.key is None:
            return True
        assert before.value is not None
        assert before.value.key_wrapped is not None
        assert self._wrapping is not None
        try:
            return self._wrapping.unwrap(before.value.key_wrapped, before.account) == change.key
        except UnreadableKeyError:
            return False


def _next(account: str, before: StoredTransmitter | None, change: _Change) -> StoredTransmitter:
    revision = before.revision + 1 if before else 1
    updated_at = max(change.now, before.updated_at + 1) if before else change.now
    value = None if change.value is None else change.value._replace(updated_at=updated_at)
    return StoredTransmitter(account, revision, updated_at, value, change.by, change.request)


def _stored(row: Mapping[str, Any]) -> StoredTransmitter:
    return StoredTransmitter(
        row["account"],
        row["revision"],
        row["updated_at"],
        transmitter(row),
        row["last_by"],
        bytes(row["last_request"]),
    )


def _writes(before: StoredTransmitter | None, after: StoredTransmitter) -> list[Statement]:
    value, old = after.value, before.value if before else None
    kept = value or old
    assert kept is not None
    row = {
        **kept._asdict(),
        "revision": after.revision,
        "updated_at": after.updated_at,
        "overrides": Jsonb([override._asdict() for override in value.overrides] if value else []),
        "key_wrapped": value.key_wrapped if value else None,
        "is_deleted": value is None,
    }
    revision = {
        "account": after.account,
        "revision": after.revision,
        "at": after.updated_at,
        "by": after.last_by,
        "before": _shown(old),
        "after": _shown(value),
        "request": after.last_request,
    }
    return [
        ("put_transmitter", row),
        ("put_transmitter_revision", revision),
        ("put_outbox", {"topic": "transmitters", "key": after.account}),
    ]


def _shown(value: Transmitter | None) -> Jsonb | None:
    """What the history keeps: no key, wrapped or not."""
    if value is None:
        return None
    shown = value._asdict() | {"overrides": [override._asdict() for override in value.overrides]}
    return Jsonb({**shown, "key_wrapped": None, "has_key": value.key_wrapped is not None})


def _account(text: str) -> str:
    if _ACCOUNT.fullmatch(text) is None:
        raise _wrong("account", "must have 1 to 16 hexadecimal digits")
    return text.upper()


def _wrong(field: str, message: str) -> Exception:
    return INVALID.error(errors=[FieldError(field=field, message=message)])
