"""Whether the sink is ready; its pages show it. Written by the sink's thread, read by others."""

import time
from collections.abc import Mapping
from typing import Final

from service.readiness import ProcessReadiness

SLOW_SECONDS: Final = 5.0  # after which a transaction under way makes the sink not ready


class SinkReadiness(ProcessReadiness):
    """What keeps the sink from its work; a transaction that takes long is a reason too."""

    def __init__(self, **waits: str) -> None:
        super().__init__(**waits)
        self._writing_since: float | None = None

    def write(self) -> None:
        """A transaction begins."""
        self._writing_since = time.monotonic()

    def written(self) -> None:
        """It is over, with any result."""
        self._writing_since = None

    @property
    def reasons(self) -> Mapping[str, str]:
        """Everything that is waited for; empty when the sink is ready."""
        reasons = dict(super().reasons)
        since = self._writing_since
        if since is not None and (seconds := time.monotonic() - since) > SLOW_SECONDS:
            reasons.setdefault("postgres", f"PostgreSQL is slow: a transaction has been under way for {seconds:.0f} s")
        return reasons
