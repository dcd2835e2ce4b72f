"""What the log makes of a partition: its records of ``state`` and ``sites``, oldest first, turned into a `Partition`.

No Kafka beyond the messages handed in; `streams.state.restore` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from schemas.avro.errors import Undecodable
from schemas.avro.framing import CONFLUENT, CONFLUENT_SIZE
from service.headers import headers_of
from streams.escalation.state import MEMORY_MS
from streams.formats.message import Headers, Message
from streams.formats.validation import ID_BYTES, DeadLetterCause, key_text
from streams.runtime.clock import Clock
from streams.state.partition import ArmedDeadline, Partition, SetAside, SiteBytes, Unusable

if TYPE_CHECKING:
    from streams.formats.codec import Codec
    from streams.formats.site_records import SiteRecords


class UnreadableSite(NamedTuple):
    """A site's record that the schema registry keeps from being read: its offset on ``sites``, and why."""

    offset: int
    reason: str


class Rebuild:
    """One partition in the making.

    ``sites_from`` is the offset on ``sites`` from which its records also pass as inputs; ``unusable`` are sites
    whose state must be set aside although nothing shows here, by site: the core failed on it twice, or what lies behind
    its first fields does not decode. ``failed_sites`` are offsets on ``sites`` of records on which the core failed:
    they have passed, and changed nothing.

    ``unreadable`` are the sites whose last record that passed cannot be read by the schema registry of today, or
    without one. In its day it was in force, or a dead letter: it does not show which.
    """

    def __init__(
        self,
        number: int,
        codec: Codec,
        site_records: SiteRecords,
        sites_from: int,
        unusable: Mapping[str, Unusable],
        failed_sites: Iterable[int] = (),
    ) -> None:
        self.number = number
        self.records = 0
        self.tombstones = 0  # of states
        self.bytes = 0  # of their keys and values
        self._codec = codec
        self._site_records = site_records
        self._sites_from = sites_from
        self._unusable = unusable
        self._failed_sites = tuple(failed_sites)
        self._passed_over = frozenset(self._failed_sites)
        self._latest = 0  # timestamp
        self.unreadable: dict[str, UnreadableSite] = {}
        self._states: dict[bytes, tuple[int, bytes]] = {}  # offset and value
        self._headers: dict[bytes, Headers] = {}
        self._sites: dict[str, SiteBytes] = {}
        self._replaced_sites: dict[str, SiteBytes] = {}
        self._known_headers = {b""}  # of a registry's framing, those whose schema is known

    def take_state(self, message: Message) -> None:
        """A record of ``state``; a later one of its key, also a tombstone, replaces it."""
        self.records += 1
        self._latest = max(self._latest, message.timestamp()[1])
        key, value = message.key(), message.value()
        assert key is not None, "a compacted topic takes no record without a key"
        self.bytes += len(key) + len(value or b"")
        self._headers.pop(key, None)
        if value is None:
            self._states.pop(key, None)
            self.tombstones += 1
            return
        self._states[key] = (message.offset(), value)
        if headers := headers_of(message):
            self._headers[key] = headers

    def take_site(self, message: Message) -> None:
        """A record of ``sites``.

        A later one replaces it unless it could not pass as an input: then it was, or will be, a dead letter. (That the
        core failed on one does not show in it, but was noted.) A single one is looked at only when its site is touched,
        unless the registry may have to be asked for its schema: nobody waits for the registry then. A tombstone that is
        still to pass as an input is left to it: the open incidents of its site need the record before.

        Raises RegistryUnreachable: take the record again later.
        """
        key, value = message.key(), message.value()
        site_id = key_text(key)
        if site_id is not None and message.offset() not in self._passed_over:
            self._put_site(site_id, key, value, message.offset())
        self.records += 1
        self.bytes += len(key or b"") + len(value or b"")

    def _put_site(self, site_id: str, key: bytes | None, value: bytes | None, offset: int) -> None:
        if value is None:
            if offset < self._sites_from:
                self._sites.pop(site_id, None)
                self.unreadable.pop(site_id, None)
            return
        header = value[:CONFLUENT_SIZE] if value.startswith(CONFLUENT) else b""
        if site_id not in self._sites and site_id not in self.unreadable and header in self._known_headers:
            self._sites[site_id] = SiteBytes(offset, value, checked=False)
        elif not isinstance(self._site_records.judge(key, value, self.number), DeadLetterCause):
            known = self._sites.get(site_id)
            if known is not None and known.offset < self._sites_from <= offset:
                self._replaced_sites[site_id] = known
            self._sites[site_id] = SiteBytes(offset, value, checked=True)
            self._known_headers.add(header)
            self.unreadable.pop(site_id, None)
        elif header and offset < self._sites_from:
            reason = self._site_records.unreadable(key, value, self.number)
            if reason is not None:
                self.unreadable[site_id] = UnreadableSite(offset, reason)

    def partition(
        self, first_inputs: Mapping[str, int], waiting: Mapping[str, int], clock: Clock | None = None
    ) -> Partition:
        """Return the partition; the arguments are as `Partition` and `Order` have them."""
        made = Partition(
            self.number, clock or Clock(self._latest), sites=self._sites, first_inputs=first_inputs, waiting=waiting,
            failed_sites=self._failed_sites, replaced_sites=self._replaced_sites, unusable=self._unusable,
            unreadable_sites=set(self.unreadable),
        )  # fmt: skip
        for key, (_, value) in self._states.items():
            if len(key) > ID_BYTES:  # also if its value decodes: records of such a site may be too large to write
                self._set_aside(made, key, "UNDECODABLE", f"the key takes more than {ID_BYTES} bytes: it is no site's")
                continue
            try:
                site_id = key.decode()
                if site_id in self._unusable:
                    self._set_aside(made, key, *self._unusable[site_id])
                    continue
                incidents = self._codec.peek_headers(value)
                for incident in incidents:
                    made.phases[incident.phase] += 1
                    made.deadlines += [ArmedDeadline(*deadline, site_id) for deadline in incident.deadlines()]
                if not incidents:
                    remembered = self._codec.decode_state(value).remembered
                    made.memories.append((remembered[-1].accepted_at + MEMORY_MS if remembered else 0, site_id))
            except (Undecodable, UnicodeDecodeError) as error:
                self._set_aside(made, key, "UNDECODABLE", str(error))
            else:
                made.put_state(site_id, value)
        made.site_bytes = sum(len(site.value) for site in self._sites.values())
        made.heapify()
        if clock is not None:
            clock.go_on_from(self._latest, is_armed=bool(made.deadlines))
        return made

    def _set_aside(self, made: Partition, key: bytes, reason: str, error: str) -> None:
        offset, value = self._states[key]
        made.set_aside.append(SetAside(key, value, self._headers.get(key, []), offset, reason, error))
