"""What the engine says of each site: the topic `readiness`, in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from edges.kafka.view import Entry
from edges.portal.core import Instant

FRESH_SECONDS: Final = 5.0


class EngineVerdict(NamedTuple):
    """The engine's last word on a site."""

    ready: bool
    missing: tuple[str, ...]
    at: Instant


class EngineView:
    """Holds the verdicts by site; it gives none while what was read of the site's partition is older than 5 s.

    Sites by the million lack the same few things, so these are kept once.

    Attributes:
        age: how old what was read of a site is, in seconds; infinite before all was read once that was there.

    """

    def __init__(self, age: Callable[[str], float] = lambda _site_id: 0.0) -> None:
        self.age = age
        self._sites: dict[str, EngineVerdict] = {}
        self._missing: dict[tuple[str, ...], tuple[str, ...]] = {}

    def take(self, entries: Sequence[Entry]) -> None:
        """Take records of `readiness`; a tombstone: the site was deleted."""
        for entry in entries:
            if entry.value is None:
                self._sites.pop(entry.key, None)
            else:
                missing = tuple(entry.value.missing)
                missing = self._missing.setdefault(missing, missing)
                self._sites[entry.key] = EngineVerdict(entry.value.ready, missing, entry.value.at)

    def knows(self, site_id: str) -> bool | None:
        """Whether the engine had a record of the site when it was last heard, however long ago; None: never yet."""
        return site_id in self._sites or (None if math.isinf(self.age(site_id)) else False)

    def get(self, site_id: str) -> EngineVerdict | None:
        """What it said last; None: nothing yet, or nobody knows at the moment."""
        return self._sites.get(site_id) if self.age(site_id) <= FRESH_SECONDS else None
