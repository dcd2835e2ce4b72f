"""What is known of an account: its site, its key, and how its frames are read (`Transmitter.avsc`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from edges.receiver.content import Event, Qualifier
from edges.values import Override

IGNORE: Final = "IGNORE"  # the kind of an override: the event is a signal
_SIA_LETTERS: Final = 2  # of a code; Contact ID's have three digits


class BadCrc(StrEnum):
    """What a panel gets for a frame whose checksum is wrong."""

    SILENT = "SILENT"
    NAK = "NAK"


class Account(NamedTuple):
    """A transmitter, its key opened.

    Attributes:
        name: the account, upper case, zeros kept.
        key: 16, 24 or 32 bytes; None: it has none.
        has_unreadable_key: its key is there and does not open under the receiver's: our fault, never the panel's.

    """

    name: str
    site_id: str
    key: bytes | None = None
    has_unreadable_key: bool = False
    requires_encryption: bool = False
    bad_crc: BadCrc = BadCrc.SILENT
    overrides: tuple[Override, ...] = ()

    def kind_of(self, event: Event, now: int) -> tuple[str | None, bool]:
        """Which kind of alert an event is (None: a signal), and whether an override says so.

        One on a code of SIA says so of each event with it, as SIA's restores have codes of their own; one on a code of
        Contact ID of new events alone.
        """
        if self.overrides and event.code and (event.qualifier is Qualifier.NEW or len(event.code) == _SIA_LETTERS):
            matching = [
                override
                for override in self.overrides
                if override.code == event.code
                and override.zone in (None, event.zone or event.user)
                and (override.until is None or now < override.until)
            ]
            if matching:
                closest = max(matching, key=lambda override: override.zone is not None)
                return (None if closest.kind == IGNORE else closest.kind), True
        return event.kind, False
