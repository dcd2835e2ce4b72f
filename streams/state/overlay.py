"""What a chunk makes of a partition, until its transaction is committed.

States, site records that come into force, deadlines and counts wait here for `commit`. This is applied to the partition
at once:

* deadlines that were due, and memories that ended, are taken from its heaps: so the next one is found;
* site records that a restore has put in force before they passed. One is checked when it is first looked at, and
  dropped if it could not have passed; one on which the core failed gives way to the one that it replaced, which is
  noted as it passes. These correct what the restore found, and later inputs of the chunk must see it.

None of it is undone: if the transaction fails, the partition is restored from the log, which has all of it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from schemas.avro.errors import Undecodable
from schemas.contract.topics import STATE_VALUE_BYTES
from streams.escalation.names import Phase
from streams.escalation.state import EMPTY, MEMORY_MS, SiteState
from streams.escalation.step import is_forgettable
from streams.escalation.values import Instant, Site, SiteInForce, SiteRecord
from streams.formats.codec import Codec
from streams.formats.site_records import SiteRecords
from streams.formats.validation import DeadLetterCause
from streams.kafka.offset_notes import MOST_FAILED
from streams.state.partition import ArmedDeadline, Partition, SiteBytes, Unusable


class StateUnusableError(Exception):
    """The state of a site cannot be decoded, or fails even where it is handed over: it must be set aside."""


class StateTooLargeError(Exception):
    """A site's new state does not fit into its topic."""

    def __init__(self, site_id: str, size: int) -> None:
        super().__init__(f"the state of the site would take {size:,} bytes, and may have {STATE_VALUE_BYTES:,}")
        self.site_id = site_id


class StateRecord(NamedTuple):
    """The record of a site whose state changed; ``value`` None: a tombstone."""

    site_id: str
    value: bytes | None


class HeldSite:
    """A site's record in force, decoded when it is looked into: most decisions name its offset alone."""

    __slots__ = ("_decode", "_site", "_value", "offset")

    def __init__(self, held: SiteBytes, decode: Callable[[bytes], Site]) -> None:
        self.offset = held.offset
        self._value = held.value
        self._decode = decode
        self._site: Site | None = None

    @property
    def site(self) -> Site:
        """The site as it is configured."""
        if self._site is None:
            self._site = self._decode(self._value)
        return self._site


class PartitionOverlay:
    """A partition as the chunk under way sees it, at one instant for all of the chunk."""

    def __init__(self, partition: Partition, codec: Codec, site_records: SiteRecords, now: Instant) -> None:
        self.partition = partition
        self.now = now
        self.unusable: dict[str, Unusable] = {}  # by site, those of which `StateUnusableError` was raised
        self._codec = codec
        self._site_records = site_records
        self._before: dict[str, SiteState] = {}
        self._after: dict[str, SiteState] = {}
        self._uses: dict[str, int] = {}
        self._sites: dict[str, SiteInForce | None] = {}
        self._new_sites: dict[str, SiteBytes | None] = {}
        self._changes: dict[str, bytes | None] = {}
        self._armed: list[ArmedDeadline] = []
        self._memories: list[tuple[str, Instant]] = []
        self._phases: Counter[Phase] = Counter()
        self._handled: Mapping[str, int] = {}

    def handle(self, next_inputs: Mapping[str, int]) -> None:
        """Note the inputs of the chunk: by topic, the offset after the last."""
        self._handled = next_inputs

    def reserve(self, site_ids: Iterable[str]) -> None:
        """Count the uses of sites that will come; `release` ends each. A site may be used otherwise too.

        A site is kept decoded only up to its last one: what is let go at once stays in the processor's caches.
        """
        uses = self._uses
        for site_id in site_ids:
            uses[site_id] = uses.get(site_id, 0) + 1

    def release(self, site_id: str) -> None:
        """End a use that was reserved; encode the site's state if it was the last. Raises `StateTooLargeError`."""
        left = self._uses[site_id] - 1
        if left:
            self._uses[site_id] = left
        else:
            del self._uses[site_id]
            self.encode_if_last(site_id)

    def encode_if_last(self, site_id: str) -> None:
        """Encode a site's state, unless a reserved use is still to come. Raises `StateTooLargeError`."""
        if site_id not in self._uses:
            if site_id in self._after:
                self._encode_change(site_id)
            if site_id not in self._new_sites:
                self._sites.pop(site_id, None)

    def state(self, site_id: str) -> SiteState:
        """The state of a site. Raises `StateUnusableError`."""
        state = self._after.get(site_id)
        if state is None:
            encoded = self._encoded(site_id)
            try:
                state = EMPTY if encoded is None else self._codec.decode_state(encoded)
            except Undecodable as error:
                raise self.unusable_state(site_id, "UNDECODABLE", str(error)) from None
            self._before[site_id] = self._after[site_id] = state
        return state

    def unusable_state(self, site_id: str, reason: str, error: str) -> StateUnusableError:
        """Note that a site's state must be set aside; the error to raise."""
        self.unusable[site_id] = Unusable(reason, error)
        return StateUnusableError(site_id, reason)

    def become(self, site_id: str, state: SiteState) -> None:
        """Change a site's state, which was read before."""
        assert site_id in self._after, "a state is read before it changes"
        self._after[site_id] = state

    def measure(self, site_id: str, state: SiteState) -> None:
        """Raise `StateTooLargeError` if a state cannot be written."""
        self._encode(site_id, state)

    def is_armed(self, armed: ArmedDeadline) -> bool:
        """Whether a deadline still counts; its state is not decoded for that alone. Raises `StateUnusableError`."""
        state = self._after.get(armed.site_id)
        if state is not None:
            return armed.deadline in state.deadlines()
        encoded = self._encoded(armed.site_id)
        try:
            return encoded is not None and armed.deadline in self._codec.peek_deadlines(encoded)
        except Undecodable as error:
            raise self.unusable_state(armed.site_id, "UNDECODABLE", str(error)) from None

    def site(self, site_id: str) -> SiteInForce | None:
        """The site record in force; None: there is none."""
        if site_id in self._sites:
            return self._sites[site_id]
        record = self._sites[site_id] = self._held_site(site_id)
        return record

    def replace_site(self, site_id: str, record: SiteRecord | None, value: bytes | None) -> None:
        """A site record and its encoded value, or a tombstone (both None), come into force."""
        self._sites[site_id] = record
        self._new_sites[site_id] = None if record is None or value is None else SiteBytes(record.offset, value, True)

    def pass_older_site(self, site_id: str, offset: int, value: bytes | None) -> None:
        """A site record passes behind a later one, which a restore has put in force: it is what that one replaces."""
        if value is None:
            self.partition.replaced_sites.pop(site_id, None)
        else:
            self.partition.replaced_sites[site_id] = SiteBytes(offset, value, True)

    def fail_site(self, site_id: str, offset: int) -> None:
        """The core failed on a site record: it is as if it had not come, also where a restore has put it in force."""
        partition = self.partition
        partition.failed_sites = (*partition.failed_sites, offset)[-MOST_FAILED:]
        held = partition.sites.get(site_id)
        if held is not None and held.offset == offset:
            partition.put_site(site_id, partition.replaced_sites.pop(site_id, None))
            self._sites.pop(site_id, None)

    def _held_site(self, site_id: str) -> SiteInForce | None:
        sites = self.partition.sites
        held = sites.get(site_id)
        if held is None:
            return None
        if held.checked:
            return HeldSite(held, self._codec.decode_site)
        site = self._site_records.judge(site_id.encode(), held.value, self.partition.number)
        if site is None or isinstance(site, DeadLetterCause):
            self.partition.put_site(site_id, None)
            return None
        sites[site_id] = held._replace(checked=True)
        return SiteRecord(held.offset, site)

    def load_for_expiry(self, site_id: str) -> None:
        """Load the state of a site whose memory has ended: `encode_changes` drops it if nothing is left of it."""
        self.state(site_id)

    def encode_changes(self) -> list[StateRecord]:
        """One record for each site whose state changed, or which can be forgotten. Raises `StateTooLargeError`."""
        for site_id in list(self._after):
            self._encode_change(site_id)
        return [StateRecord(site_id, value) for site_id, value in self._changes.items()]

    def _encode(self, site_id: str, state: SiteState) -> bytes:
        value = self._codec.encode_state(state)
        if len(value) > STATE_VALUE_BYTES:
            raise StateTooLargeError(site_id, len(value))
        return value

    def commit(self) -> None:
        """The transaction is committed: make it the partition's present."""
        partition = self.partition
        partition.set_aside.clear()
        partition.unusable = {}
        for site_id, site in self._new_sites.items():
            partition.put_site(site_id, site)
            partition.replaced_sites.pop(site_id, None)
            partition.unreadable_sites.discard(site_id)
        for site_id, value in self._changes.items():
            partition.put_state(site_id, value)
        partition.next_inputs.update(self._handled)
        partition.arm(self._armed)
        for site_id, until in self._memories:
            partition.remember(site_id, until)
        for phase, change in self._phases.items():
            partition.phases[phase] += change

    def _encoded(self, site_id: str) -> bytes | None:
        """A site's state as it was when it was last encoded, or before the chunk."""
        if site_id in self._changes:
            return self._changes[site_id]
        return self.partition.states.get(site_id)

    def _encode_change(self, site_id: str) -> None:
        before, state = self._before.pop(site_id), self._after.pop(site_id)
        known = self._encoded(site_id)
        if is_forgettable(state, self.now):
            if known is None:
                return
            self._changes[site_id] = None
        elif state is before:
            return
        else:
            encoded = self._encode(site_id, state)
            if encoded == known:
                return
            self._changes[site_id] = encoded
        for deadline in state.deadlines_since(before):
            self._armed.append(ArmedDeadline(*deadline, site_id))
        if not state.incidents and state.remembered:
            self._memories.append((site_id, state.remembered[-1].accepted_at + MEMORY_MS))
        for incident in before.incidents:
            self._phases[incident.phase] -= 1
        for incident in state.incidents:
            self._phases[incident.phase] += 1
