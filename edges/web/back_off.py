"""How long a sign-in waits after failures: pure bookkeeping, times are seconds of one steady clock.

An account *with an address* waits from its 5th failure on, an address alone from its 50th: 1 s, doubled with each
further one, up to 5 minutes. An attempt during a wait is not tried and counts as none. What failed an hour ago is
forgotten. Each process counts for itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from edges.network import network_of

ACCOUNT_FAILURES: Final = 5
ADDRESS_FAILURES: Final = 50
LONGEST_SECONDS: Final = 300.0
FORGOTTEN_SECONDS: Final = 3600.0
_KEYS: Final = 100_000  # the oldest go first
_DOUBLINGS: Final = 9


class _Failures:
    __slots__ = ("count", "last", "until")

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0
        self.until = 0.0


class _Counter:
    """Failures by key; ``first`` is the number from which on there is a wait."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._known: OrderedDict[Hashable, _Failures] = OrderedDict()

    def wait(self, key: Hashable, now: float) -> float:
        failures = self._known.get(key)
        return 0.0 if failures is None else max(0.0, failures.until - now)

    def count(self, key: Hashable, now: float) -> None:
        failures = self._known.pop(key, None)
        if failures is None or now - failures.last > FORGOTTEN_SECONDS:
            failures = _Failures()
        self._known[key] = failures
        failures.count += 1
        self.fail(key, now)
        while len(self._known) > _KEYS:
            self._known.popitem(last=False)

    def fail(self, key: Hashable, now: float) -> None:
        """Let the wait begin now."""
        failures = self._known.get(key)
        if failures is None:
            return
        failures.last = now
        if failures.count >= self._first:
            failures.until = now + min(LONGEST_SECONDS, 2.0 ** min(failures.count - self._first, _DOUBLINGS))

    def forget(self, key: Hashable) -> None:
        self._known.pop(key, None)

    def take_back(self, key: Hashable, now: float) -> None:
        """An attempt that was counted has succeeded; the wait before it was over."""
        failures = self._known.get(key)
        if failures is not None:
            failures.count -= 1
            failures.until = now


class BackOff:
    """The waits of one process."""

    def __init__(self) -> None:
        self._accounts = _Counter(ACCOUNT_FAILURES)
        self._addresses = _Counter(ADDRESS_FAILURES)

    def begin(self, account: str, address: str, now: float) -> float:
        """Return the seconds still to wait; 0: the attempt is counted as a failure until `succeeded` says otherwise.

        So attempts at the same time are no more than attempts one after the other.
        """
        network = network_of(address)
        wait = max(self._accounts.wait((account, network), now), self._addresses.wait(network, now))
        if wait == 0:
            self._accounts.count((account, network), now)
            self._addresses.count(network, now)
        return wait

    def failed(self, account: str, address: str, now: float) -> None:
        """Let the wait begin now: to look at a password takes time."""
        network = network_of(address)
        self._accounts.fail((account, network), now)
        self._addresses.fail(network, now)

    def succeeded(self, account: str, address: str, now: float) -> None:
        """Forget the account's failures from there; those of the address stay."""
        network = network_of(address)
        self._accounts.forget((account, network))
        self._addresses.take_back(network, now)
