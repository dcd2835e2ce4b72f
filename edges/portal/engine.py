"""What the engine says of each site: the topic `readiness`, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edges.kafka.view import Entry
from edges.portal.core import Instant


class Engine(NamedTuple):
    """The engine's last word on a site."""

    ready: bool
    missing: tuple[str, ...]
    at: Instant


class EngineView:
    """By site. Sites by the million lack the same few things, so these are kept once."""

    def __init__(self) -> None:
        self._sites: dict[str, Engine] = {}
        self._missing: dict[tuple[str, ...], tuple[str, ...]] = {}

    def take(self, entries: Sequence[Entry]) -> None:
        """Take records of `readiness`; a tombstone: the site was deleted."""
        for entry in entries:
            if entry.value is None:
                self._sites.pop(entry.key, None)
            else:
                missing = tuple(entry.value.missing)
                missing = self._missing.setdefault(missing, missing)
                self._sites[entry.key] = Engine(entry.value.ready, missing, entry.value.at)

    def get(self, site_id: str) -> Engine | None:
        """What it said last; None: nothing yet."""
        return self._sites.get(site_id)
