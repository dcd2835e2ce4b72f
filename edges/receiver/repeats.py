"""Which frames are repeats of one that was kept: a panel without an answer sends its frame again, with a new time.

A frame is a repeat of the last first copy of the same account, sequence number and body, if

* no more than `REPEAT_MS` have passed since that copy's own last repeat (`SAME_NUMBER_MS`, where the account's last
  two new bodies bore one number: such a panel does not count);
* and no new frame of the account with another body has come since under the same or a lower number: the panel then
  counts from the beginning, and what looks alike is a new event. Numbers run from 1 to 9,999 and then from 1.

Only frames that were kept as ALERT or SIGNAL are first copies. All receivers learn of all kept frames from the
`signals` topic, so they judge alike; memory is bounded by what came within `REPEAT_MS`.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

REPEAT_MS: Final = 10 * 60 * 1000
SAME_NUMBER_MS: Final = 60 * 1000
_NUMBERS: Final = 9999

K = TypeVar("K")


class Identity(NamedTuple):
    """What two copies of one frame share.

    Attributes:
        digest: the first 4 bytes of the SHA-256 of the clear body.

    """

    account: str
    sequence: str
    digest: bytes


@dataclass(slots=True)
class Copy(Generic[K]):
    """A first copy; ``kept`` is what was made of it, for its repeats to say again."""

    sequence: int
    digest: bytes
    kept: K
    last_at: int
    is_overtaken: bool = False  # a new frame under the same or a lower number came since


@dataclass(slots=True)
class _Account(Generic[K]):
    copies: list[Copy[K]] = field(default_factory=list)  # in the order of their first copies
    last_new_at: int = 0

    @property
    def does_not_count(self) -> bool:
        """Whether the last two new bodies bore one number."""
        return len(self.copies) > 1 and self.copies[-1].sequence == self.copies[-2].sequence


class Repeats(Generic[K]):
    """The first copies of the last ten minutes, by account. Times are Unix milliseconds, and may go back a little."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, _Account[K]] = OrderedDict()  # the one longest silent first

    def __len__(self) -> int:
        return len(self._accounts)

    def first_copy(self, identity: Identity, at: int) -> Copy[K] | None:
        """The first copy that a frame received now is a repeat of; None: it is new."""
        account = self._accounts.get(identity.account)
        if account is None:
            return None
        limit = SAME_NUMBER_MS if account.does_not_count else REPEAT_MS
        sequence = int(identity.sequence)
        for copy in reversed(account.copies):
            if copy.sequence == sequence and copy.digest == identity.digest:
                return None if copy.is_overtaken or at - copy.last_at > limit else copy
        return None

    def add(self, identity: Identity, kept: K, at: int) -> Copy[K]:
        """Remember a new frame that was kept."""
        account = self._accounts.setdefault(identity.account, _Account())
        self._accounts.move_to_end(identity.account)
        sequence = int(identity.sequence)
        for copy in account.copies:
            if copy.digest != identity.digest and _is_same_or_lower(sequence, copy.sequence):
                copy.is_overtaken = True
        # The last two new bodies are kept at any age: they show whether the panel counts.
        oldest = at - REPEAT_MS
        account.copies[:-1] = [copy for copy in account.copies[:-1] if copy.last_at >= oldest and not copy.is_overtaken]
        copy = Copy(sequence, identity.digest, kept, at)
        account.copies.append(copy)
        self._forget(oldest)
        return copy

    def repeat(self, copy: Copy[K], at: int) -> None:
        """Remember that a repeat was kept."""
        copy.last_at = max(copy.last_at, at)

    def _forget(self, oldest: int) -> None:
        while self._accounts:
            name, account = next(iter(self._accounts.items()))
            if any(copy.last_at >= oldest for copy in account.copies):
                return
            del self._accounts[name]


def _is_same_or_lower(number: int, than: int) -> bool:
    """Whether a number stands at or before another one, half a turn back at most."""
    return (than - number) % _NUMBERS <= _NUMBERS // 2
