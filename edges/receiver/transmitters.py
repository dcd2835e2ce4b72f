"""All transmitters, as the `transmitters` topic has them: kept as bytes, decoded when a frame of theirs comes.

A million of them decoded would take several times the memory, and most panels are silent most of the time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from edges.receiver.accounts import Account, BadCrc
from edges.receiver.wrapping import UnreadableKeyError, Wrapping
from schemas.avro.errors import Undecodable

# A kind of a later version of the schema. No alert may have it, so the table of codes says what the code is.
_UNKNOWN: Final = "UNKNOWN"
_MOST_DECODED: Final = 20_000
# Stands for a value that does not decode, and does not either; nobody asks a registry for its schema.
_UNREADABLE: Final = b""


class Transmitters:
    """Holds the transmitters. The reader of the topic writes, each frame reads; both in the process's loop."""

    def __init__(self, decode: Callable[[bytes], Any], wrapping: Wrapping, is_fresh: Callable[[str], bool]) -> None:
        """``decode`` raises `Undecodable`; ``is_fresh``: whether a key's partition was read to its end just now."""
        self._decode = decode
        self._wrapping = wrapping
        self._is_fresh = is_fresh
        self._values: dict[str, bytes] = {}
        self._decoded: OrderedDict[str, Account | None] = OrderedDict()  # the one longest unused first
        self.unreadable_keys: set[str] = set()  # accounts whose key does not open
        self.unreadable_records: set[str] = set()  # accounts whose record does not decode

    def __len__(self) -> int:
        return len(self._values)

    def put(self, name: str, value: bytes | None) -> None:
        """Take a record; None deletes the transmitter."""
        self._decoded.pop(name, None)
        self.unreadable_keys.discard(name)
        self.unreadable_records.discard(name)
        if value is None:
            self._values.pop(name, None)
        else:
            self._values[name] = value

    def get(self, name: str, /) -> Account | None:
        """The account of this name, its key opened; None: none is known."""
        if name in self._decoded:
            self._decoded.move_to_end(name)
            return self._decoded[name]
        value = self._values.get(name)
        if value is None:
            return None
        account = self._decoded[name] = self._account(name, value)
        if len(self._decoded) > _MOST_DECODED:
            self._decoded.popitem(last=False)
        return account

    def is_fresh(self, name: str, /) -> bool:
        """Whether what is known of this name is at most 5 s old; of a record that does not decode nothing is."""
        return name not in self.unreadable_records and self._is_fresh(name)

    def check(self, name: str) -> None:
        """Decode a record and open its key, and note it where that fails."""
        value = self._values.get(name)
        if value is not None and name not in self._decoded:
            self._account(name, value)

    def names(self) -> list[str]:
        """All accounts."""
        return list(self._values)

    def _account(self, name: str, value: bytes) -> Account | None:
        try:
            record = self._decode(value)
        except Undecodable:
            self.unreadable_records.add(name)
            return None
        key, has_unreadable_key = None, False
        if record.key_wrapped is not None:
            try:
                key = self._wrapping.unwrap(record.key_wrapped, name)
            except UnreadableKeyError:
                has_unreadable_key = True
                self.unreadable_keys.add(name)
        requires = record.require_encryption
        return Account(
            name=name,
            site_id=record.site_id,
            key=key,
            has_unreadable_key=has_unreadable_key,
            requires_encryption=record.key_wrapped is not None if requires is None else requires,
            bad_crc=BadCrc(record.bad_crc),
            overrides=tuple(override for override in record.overrides if override.kind != _UNKNOWN),
        )


def checked(decode: Callable[[bytes], Any]) -> Callable[[bytes], bytes]:
    """Decode in the reader's thread, which may ask a registry for the schema, and keep the bytes."""

    def check(value: bytes) -> bytes:
        try:
            decode(value)
        except Undecodable:
            return _UNREADABLE
        return value

    return check
