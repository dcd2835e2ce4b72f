"""Which frames are repeats of one that was kept: a panel without an answer sends its frame again, with a new time.

A frame is a repeat of the last first copy of the same account, sequence number and body, if

* no more than `REPEAT_MS` have passed since that copy's own last repeat (`SAME_NUMBER_MS`, where the account's last
  two new bodies bore one number: such a panel does not count);
* and no new frame of the account with another body has come since under the same or a lower number: the panel then
  counts from the beginning, and what looks alike is a new event. Numbers run from 1 to 9,999 and then from 1.

Only what the `signals` topic holds counts, in the order of its partition: all receivers, a restarted one too, come to
the same first copy. Memory is bounded by what came within `REMEMBERED_MS`: that far back the last two new bodies of an
account are known, also to a receiver that begins.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

REPEAT_MS: Final = 10 * 60 * 1000
REMEMBERED_MS: Final = 15 * 60 * 1000  # of `signals` a receiver reads so much before it listens
SAME_NUMBER_MS: Final = 60 * 1000
_NUMBERS: Final = 9999


class Identity(NamedTuple):
    """What two copies of one frame share.

    Attributes:
        digest: the first 4 bytes of the SHA-256 of the clear body, in hex.

    """

    account: str
    sequence: str
    digest: str


class KeptEvent(NamedTuple):
    """What one event of a first copy became; both None: a signal that is no alert."""

    alert_id: str | None
    kind: str | None


class Entry(NamedTuple):
    """One event of a frame as a record of `signals` has it.

    Attributes:
        number: which event of its frame, from 1.
        is_repeat: the receiver that wrote it took it for a repeat.
        at: when the frame came, Unix milliseconds.

    """

    identity: Identity
    number: int
    is_repeat: bool
    event: KeptEvent
    site_id: str
    raised_at: int
    at: int


@dataclass(slots=True)
class Copy:
    """A first copy, for its repeats to say again.

    Attributes:
        has_alerts_acknowledged: this process has seen Kafka acknowledge all of its alerts.
        is_in_doubt: this process wrote it, and has not read it yet: see `Repeats.doubt`.

    """

    site_id: str
    raised_at: int
    last_at: int
    events: dict[int, KeptEvent] = field(default_factory=dict)
    has_alerts_acknowledged: bool = False
    is_in_doubt: bool = False


_Place = tuple[int, str, str]  # the number within a turn, as printed, digest


@dataclass(slots=True)
class _Account:
    copies: OrderedDict[tuple[str, str], Copy] = field(default_factory=OrderedDict)  # in the order of first copies
    places: list[_Place] = field(default_factory=list)  # of the copies, sorted
    last: tuple[int, str] = (-1, "")  # number and digest of the last new body
    does_not_count: bool = False  # the last two new bodies bore one number
    last_at: int = 0

    def begin(self, number: int, digest: str) -> None:
        """Note a new body under a number within a turn."""
        if self.last != (number, digest):
            self.does_not_count = self.last[0] == number
            self.last = (number, digest)
        self._overtake(number, digest)

    def _overtake(self, number: int, digest: str) -> None:
        """Forget the copies of another body that a new frame under this number ends: its number to half a turn on."""
        end = number + _NUMBERS // 2
        places = self.places
        if not places or (places[-1][0] < number and places[0][0] > end - _NUMBERS):
            return  # a panel that counts on, as nearly all do
        ranges = [(number, min(end, _NUMBERS - 1)), (0, end - _NUMBERS)]
        for first, last in ranges:
            begin, stop = bisect_left(self.places, (first,)), bisect_left(self.places, (last + 1,))
            if begin < stop:
                ended = [place for place in self.places[begin:stop] if place[2] != digest]
                self.places[begin:stop] = [place for place in self.places[begin:stop] if place[2] == digest]
                for _, sequence, body in ended:
                    del self.copies[sequence, body]

    def put(self, key: tuple[str, str], copy: Copy) -> None:
        """Add a copy as the newest, in place of an earlier one of the same number and body."""
        if self.copies.pop(key, None) is None:
            insort(self.places, (int(key[0]) % _NUMBERS, *key))
        self.copies[key] = copy

    def forget(self, oldest: int) -> None:
        """Drop the first copies whose last repeat is older."""
        while self.copies:
            key, copy = next(iter(self.copies.items()))
            if copy.last_at >= oldest:
                return
            self.drop(key)

    def drop(self, key: tuple[str, str]) -> None:
        """Forget a copy."""
        del self.copies[key]
        del self.places[bisect_left(self.places, (int(key[0]) % _NUMBERS, *key))]


class Repeats:
    """The accounts of the last 15 minutes and their copies. Times are Unix milliseconds, and may go back a little."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, _Account] = OrderedDict()  # the one longest silent first
        self._doubts: Repeats | None = None

    def __len__(self) -> int:
        return len(self._accounts)

    def first_copy(self, identity: Identity, at: int) -> Copy | None:
        """The first copy that a frame received at ``at`` is a repeat of; None: it is new."""
        copy = self._first_copy(identity, at)
        return self._doubts.first_copy(identity, at) if copy is None and self._doubts is not None else copy

    def doubt(self, entry: Entry) -> None:
        """Take a record that Kafka has not acknowledged in time, though the client has it.

        It stands in the log before all that this process writes later. So until it is read, or ten minutes are over,
        what looks like it is its repeat.
        """
        if self._doubts is None:
            self._doubts = Repeats()
        self._doubts.learn(entry, entry.at).is_in_doubt = True

    def _first_copy(self, identity: Identity, at: int) -> Copy | None:
        account = self._accounts.get(identity.account)
        copy = None if account is None else account.copies.get(identity[1:])
        if account is None or copy is None:
            return None
        return None if at - copy.last_at > (SAME_NUMBER_MS if account.does_not_count else REPEAT_MS) else copy

    def learn(self, entry: Entry, now: int) -> Copy:
        """Take a record of `signals`, each in the order of its partition; the first copy that it is of.

        The record's clock may be ahead of ``now``, this machine's: then nothing is forgotten before its time, and the
        copy ages from when it was read, or a new alarm would be taken for its repeat, and lost.
        """
        identity, seen = entry.identity, min(entry.at, now)
        if self._doubts is not None:
            self._doubts.hear(entry, now)
            if not self._doubts:
                self._doubts = None
        copy = self._first_copy(identity, seen)
        if copy is None:
            self._forget(seen - REMEMBERED_MS)
            account = self._accounts.get(identity.account)
            if account is None:
                account = self._accounts[identity.account] = _Account()
            if not entry.is_repeat:  # of a first copy that nobody remembers, it ends no others
                account.begin(int(identity.sequence) % _NUMBERS, identity.digest)
            copy = Copy(entry.site_id, entry.raised_at, seen)
            account.put(identity[1:], copy)
            account.forget(seen - REPEAT_MS)
        copy.events.setdefault(entry.number, entry.event)
        copy.last_at = max(copy.last_at, seen)
        account = self._accounts[identity.account]
        account.last_at = max(account.last_at, seen)
        self._accounts.move_to_end(identity.account)
        return copy

    def hear(self, entry: Entry, now: int) -> None:
        """Take a record of the log where only doubts are held: its own doubt is over, and so are those that it ends."""
        self._forget(min(entry.at, now) - REMEMBERED_MS)
        account = self._accounts.get(entry.identity.account)
        if account is None:
            return
        if entry.identity[1:] in account.copies:
            account.drop(entry.identity[1:])
        elif not entry.is_repeat:
            account.begin(int(entry.identity.sequence) % _NUMBERS, entry.identity.digest)
        if not account.copies:
            del self._accounts[entry.identity.account]

    def _forget(self, oldest: int) -> None:
        while self._accounts:
            name, account = next(iter(self._accounts.items()))
            if account.last_at >= oldest:
                return
            del self._accounts[name]
