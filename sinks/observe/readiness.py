"""Whether the sink is ready; `sinks.process.pages` shows it. Written by the sink's thread, read by others."""

import time
from collections.abc import Mapping
from typing import Final

SLOW_SECONDS: Final = 5.0  # after which a transaction under way is worth telling


class SinkReadiness:
    """What keeps the sink from its work: a reason for each thing that it waits for."""

    def __init__(self, **waits: str) -> None:
        self._waits = waits
        self._writing_since: float | None = None

    def wait(self, thing: str, reason: str) -> None:
        """Say what is waited for, and why."""
        self._waits[thing] = reason

    def arrive(self, *things: str) -> None:
        """Stop waiting for them."""
        for thing in things:
            self._waits.pop(thing, None)

    def write(self) -> None:
        """A transaction begins."""
        self._writing_since = time.monotonic()

    def written(self) -> None:
        """It is over, whatever came of it."""
        self._writing_since = None

    @property
    def reasons(self) -> Mapping[str, str]:
        """Everything that is waited for; empty when the sink is ready."""
        reasons = dict(self._waits)
        since = self._writing_since
        if since is not None and (seconds := time.monotonic() - since) > SLOW_SECONDS:
            reasons.setdefault("postgres", f"PostgreSQL is slow: a transaction has been under way for {seconds:.0f} s")
        return reasons
