"""What a chunk makes of a partition, until its transaction is committed.

The partition itself stays as it is, but for the heaps: deadlines that were due and memories that ended have
been taken from them. If the transaction fails, the partition is restored from the log, which arms them again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from schemas.errors import Undecodable
from schemas.topics import STATE_VALUE_BYTES
from streams.admission import Refused
from streams.codec import Codec
from streams.decode import Decoder
from streams.escalation.state import EMPTY, MEMORY_MS, SiteState
from streams.escalation.step import is_forgettable
from streams.escalation.values import Instant, Site, SiteInForce, SiteRecord
from streams.store import Armed, Partition, SiteBytes


class StateUnusableError(Exception):
    """The state of a site cannot be decoded, or fails even where it is handed over: it must be set aside."""

    def __init__(self, site_id: str, reason: str, error: str) -> None:
        super().__init__(site_id, reason)
        self.site_id = site_id
        self.reason = reason
        self.error = error


class StateTooLargeError(Exception):
    """What a site has become does not fit into its topic."""

    def __init__(self, site_id: str, size: int) -> None:
        super().__init__(f"the state of the site would take {size:,} bytes, and may have {STATE_VALUE_BYTES:,}")
        self.site_id = site_id


class StateRecord(NamedTuple):
    """What is written for a site whose state changed; ``value`` None: a tombstone."""

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


class Draft:
    """A partition as the chunk under way sees it, at one instant for all of the chunk."""

    def __init__(self, partition: Partition, codec: Codec, decoder: Decoder, now: Instant) -> None:
        self.partition = partition
        self.now = now
        self._codec = codec
        self._decoder = decoder
        self._before: dict[str, SiteState] = {}
        self._after: dict[str, SiteState] = {}
        self._sites: dict[str, SiteInForce | None] = {}
        self._new_sites: dict[str, SiteBytes | None] = {}
        self._records: list[StateRecord] = []

    def state(self, site_id: str) -> SiteState:
        """The state of a site. Raises `StateUnusableError`."""
        state = self._after.get(site_id)
        if state is None:
            encoded = self.partition.states.get(site_id)
            try:
                state = EMPTY if encoded is None else self._codec.decode_state(encoded)
            except Undecodable as error:
                raise StateUnusableError(site_id, "UNDECODABLE", str(error)) from None
            self._before[site_id] = self._after[site_id] = state
        return state

    def become(self, site_id: str, state: SiteState) -> None:
        """A site's next state; `state` must have been read before."""
        self._after[site_id] = state

    def measure(self, site_id: str, state: SiteState) -> None:
        """See whether a state can be written. Raises `StateTooLargeError`."""
        self._encode(site_id, state)

    def is_armed(self, armed: Armed) -> bool:
        """Whether a deadline still counts; its state is not decoded for that alone. Raises `StateUnusableError`."""
        state = self._after.get(armed.site_id)
        if state is not None:
            return armed.deadline in state.deadlines()
        encoded = self.partition.states.get(armed.site_id)
        try:
            return encoded is not None and armed.deadline in self._codec.peek_deadlines(encoded)
        except Undecodable as error:
            raise StateUnusableError(armed.site_id, "UNDECODABLE", str(error)) from None

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

    def _held_site(self, site_id: str) -> SiteInForce | None:
        sites = self.partition.sites
        held = sites.get(site_id)
        if held is None:
            return None
        if held.checked:
            return HeldSite(held, self._codec.decode_site)
        site = self._decoder.site(site_id.encode(), held.value, self.partition.number)
        if site is None or isinstance(site, Refused):
            self.partition.put_site(site_id, None)
            return None
        sites[site_id] = held._replace(checked=True)
        return SiteRecord(held.offset, site)

    def forget(self, site_id: str) -> None:
        """Look at a site whose memory has ended; `seal` writes a tombstone if nothing is left of it."""
        self.state(site_id)

    def seal(self) -> list[StateRecord]:
        """One record for each site whose state changed, or which can be forgotten. Raises `StateTooLargeError`."""
        encode, now = self._encode, self.now
        for site_id, state in self._after.items():
            known = site_id in self.partition.states
            if is_forgettable(state, now):
                if known:
                    self._records.append(StateRecord(site_id, None))
            elif state is not self._before[site_id] and state != self._before[site_id]:
                self._records.append(StateRecord(site_id, encode(site_id, state)))
        return self._records

    def _encode(self, site_id: str, state: SiteState) -> bytes:
        value = self._codec.encode_state(state)
        if len(value) > STATE_VALUE_BYTES:
            raise StateTooLargeError(site_id, len(value))
        return value

    def commit(self) -> None:
        """The transaction is committed: make it the partition's present."""
        partition = self.partition
        partition.set_aside.clear()
        for site_id, site in self._new_sites.items():
            partition.put_site(site_id, site)
        phases = partition.phases
        for site_id, value in self._records:
            for incident in self._before[site_id].incidents:
                phases[incident.phase] -= 1
            for incident in self._after[site_id].incidents:
                phases[incident.phase] += 1
            partition.put_state(site_id, value)
            if value is not None:
                self._arm(site_id)

    def _arm(self, site_id: str) -> None:
        state, before = self._after[site_id], self._before[site_id]
        known = before.deadlines()
        partition = self.partition
        partition.arm(Armed(*deadline, site_id) for deadline in state.deadlines() if deadline not in known)
        if not state.incidents and state.remembered:
            partition.remember(site_id, state.remembered[-1].accepted_at + MEMORY_MS)
