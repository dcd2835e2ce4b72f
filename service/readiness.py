"""Whether a process is ready and whether its work moves; its pages show it.

Pure bookkeeping: the parts report here, no part is asked. Times are seconds of one steady clock.
"""

from collections.abc import Container, Mapping
from typing import Any, NamedTuple


class ProcessReadiness:
    """What still keeps a process from its work: a reason for each thing that it waits for.

    Written from several threads, each thing by one of them; a reading takes one copy.
    """

    def __init__(self, **waits: str) -> None:
        self._waits = waits
        self._remarks: dict[str, str] = {}

    def wait(self, thing: str, reason: str) -> None:
        """Say what is waited for, and why."""
        self._waits[thing] = reason

    def arrive(self, *things: str) -> None:
        """Stop waiting for them."""
        for thing in things:
            self._waits.pop(thing, None)

    def say(self, thing: str, reason: str | None) -> None:
        """Wait for a thing; None: it is there."""
        if reason is None:
            self.arrive(thing)
        else:
            self.wait(thing, reason)

    def remark(self, thing: str, what: str) -> None:
        """Say what is wrong with a thing that nothing waits for."""
        self._remarks[thing] = what

    def withdraw(self, thing: str) -> None:
        """Take the remark on a thing back."""
        self._remarks.pop(thing, None)

    @property
    def remarks(self) -> Mapping[str, str]:
        """The faults in spite of which the process works."""
        return dict(self._remarks)

    @property
    def reasons(self) -> Mapping[str, str]:
        """Everything that is waited for; empty when the process is ready."""
        return dict(self._waits)

    def as_json(self, excluded: Container[str] = ()) -> dict[str, Any]:
        """What `/ready` shows: ready, reasons, remarks if any; as if nothing waited for what is ``excluded``."""
        reasons = {thing: why for thing, why in self.reasons.items() if thing not in excluded}
        shown: dict[str, Any] = {"ready": not reasons, "reasons": reasons}
        if remarks := self.remarks:
            shown["remarks"] = dict(remarks)
        return shown


class _Waiting(NamedTuple):
    progress: object
    since: float


class Stalls:
    """Work that waits and does not move for ``limit_seconds``.

    All work that is waiting is noted from time to time, each (a topic's lag, a due deadline, a chunk in flight)
    with something that changes whenever it moves; what is not noted any more is not waiting any more.
    """

    def __init__(self, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._waiting: dict[str, _Waiting] = {}

    def note(self, waiting: Mapping[str, object], now: float) -> None:
        """Note the work that waits now, and its progress."""
        known = self._waiting
        self._waiting = {
            work: known[work] if work in known and known[work].progress == progress else _Waiting(progress, now)
            for work, progress in waiting.items()
        }

    def waiting(self, now: float) -> dict[str, float]:
        """All work that is waiting, and for how many seconds it has not moved."""
        return {work: now - waiting.since for work, waiting in self._waiting.items()}

    def standing(self, now: float) -> dict[str, float]:
        """The work that stands still, and for how many seconds."""
        return {work: seconds for work, seconds in self.waiting(now).items() if seconds >= self._limit_seconds}
