"""The core's outputs as records of Kafka, counted: one partition's part of a chunk.

All outputs go to the partition that their input lies in, also where that is not their key's: the site's state is
where it is handled, and no reader looks for a site anywhere else (contracts.md, Topics).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from schemas.avro.errors import Undecodable
from schemas.contract.topics import OUTPUT_VALUE_BYTES, OWN_BYTES
from service.headers import headers_of
from streams.escalation.state import SiteState
from streams.escalation.step import set_aside_attention
from streams.escalation.values import (
    Attention,
    CallCommand,
    Decision,
    DispatchCommand,
    Instant,
    Output,
    Quarantined,
    Source,
)
from streams.formats.dead_letter_size import dead_letter
from streams.formats.validation import ID_BYTES, site_named
from streams.observe.chunk_metrics import Tally
from streams.pipeline.batch import Record
from streams.runtime.clock import AHEAD_HEADER

if TYPE_CHECKING:
    from schemas.contract.dead_letter_reasons import DeadLetterReason
    from streams.formats.codec import Codec
    from streams.formats.message import Headers, Message
    from streams.state.overlay import StateRecord
    from streams.state.partition import SetAside

# The version of the procedure where a decision has no incident.
_NO_PROCEDURE: Final = "none"
# The longest key of a tombstone; the rest is the record's frame, and that of its batch.
_KEY_BYTES: Final = OWN_BYTES - 100


class OutputTooLargeError(Exception):
    """A record would not fit into its topic."""

    def __init__(self, topic: str, size: int) -> None:
        super().__init__(f"a record of {topic} would take {size:,} bytes, and may have {OUTPUT_VALUE_BYTES:,}")


class RecordBuilder:
    """Records in the order they are written, all at the instant ``now``.

    ``ahead_ms``: how far that is ahead of the wall clock (below 0: behind it), where results were judged with it;
    decisions state it.
    """

    def __init__(self, codec: Codec, topics: Mapping[str, str], number: int, now: Instant, ahead_ms: int = 0) -> None:
        self.records: list[Record] = []
        self.tally = Tally()
        self._codec = codec
        self._number = number
        self._now = now
        self.ahead_ms = ahead_ms
        self._clock_headers: Headers = [(AHEAD_HEADER, str(ahead_ms))] if ahead_ms else []
        self._topics = topics  # on the broker, by their name without prefix

    def encode(self, outputs: Iterable[Output], key: bytes) -> list[Record]:
        """Outputs as records; nothing is written or counted yet.

        Raises `OutputTooLargeError`, and what the codec raises.
        """
        records: list[Record] = []
        names, encoders = self._topics, self._codec.encoders
        for topic, value in outputs:
            encoded = None if value is None else encoders[topic](value)
            if encoded is not None and len(encoded) > OUTPUT_VALUE_BYTES:
                raise OutputTooLargeError(topic, len(encoded))
            if self._clock_headers and topic == "decisions":
                records.append((names[topic], encoded, key, self._number, None, None, self._now, self._clock_headers))
            else:
                records.append((names[topic], encoded, key, self._number, None, None, self._now))
        return records

    def write(self, outputs: Iterable[Output], records: list[Record]) -> None:
        """Write and count outputs that were encoded."""
        self.records += records
        tally = self.tally
        for _, value in outputs:
            if isinstance(value, Decision):
                tally.decisions[value.rule, value.procedure_version or _NO_PROCEDURE] += 1
            elif isinstance(value, CallCommand):
                tally.calls[value.action] += 1
            elif isinstance(value, DispatchCommand):
                tally.dispatches[value.partner_id, value.action] += 1
            elif isinstance(value, Attention):
                tally.attentions[value.reason, "again" if value.repeat else "first"] += 1
                self._log_attention(value)
            elif isinstance(value, Quarantined):
                tally.quarantines[value.reason] += 1

    def dead_letter(self, message: Message, topic: str, reason: DeadLetterReason, error: str) -> None:
        """Write an input as a dead letter, as it came; ``topic`` without prefix."""
        self._add_dead_letter(
            message.key(), message.value(), headers_of(message), topic, message.offset(), reason, error
        )
        self.tally.dead_lettered[topic, self._number, reason] += 1
        self.tally.log(
            "error", "a record is a dead letter",
            topic=topic, partition=self._number, offset=message.offset(), reason=reason,
        )  # fmt: skip

    def set_aside(self, state: SetAside) -> None:
        """Set a state record aside: a dead letter, an attention, and a tombstone in its place (procedure.md §7).

        Its key may be a stranger's. No broker would take a tombstone with one that came compressed and is larger than
        its topic takes; such a record stays, and every restore sets it aside.
        """
        self._add_dead_letter(state.key, state.value, state.headers, "state", state.offset, state.reason, state.error)
        attention = set_aside_attention(
            site_named(state.key),
            self._decoded(state.value),
            Source("state", self._number, state.offset),
            self._now,
        )
        outputs = [Output("attention", attention)]
        key = state.key if len(state.key) <= ID_BYTES else attention.site_id.encode()
        self.write(outputs, self.encode(outputs, key))
        if len(state.key) <= _KEY_BYTES:
            self.records.append((self._topics["state"], None, state.key, self._number, None, None, self._now))
        self.tally.set_aside += 1
        self.tally.log(
            "error", "a state is set aside",
            site=attention.site_id, partition=self._number, offset=state.offset, reason=state.reason,
        )  # fmt: skip

    def states(self, changed: Iterable[StateRecord]) -> None:
        """Write the sites' new states."""
        topic = self._topics["state"]
        for site_id, value in changed:
            self.records.append((topic, value, site_id.encode(), self._number, None, None, self._now))

    def _add_dead_letter(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        topic: str,
        offset: int,
        reason: str,
        error: str,
    ) -> None:
        letter_headers: Headers = [
            ("dlq.topic", topic),
            ("dlq.partition", str(self._number)),
            ("dlq.offset", str(offset)),
            ("dlq.reason", reason),
        ]
        letter = dead_letter(key, value, headers, letter_headers, error)
        name = self._topics["dead-letters"]
        self.records.append((name, letter.value, letter.key, self._number, None, None, self._now, letter.headers))

    def _log_attention(self, attention: Attention) -> None:
        self.tally.log(
            "warning" if attention.repeat else "info", "an attention is raised",
            site=attention.site_id, incident=attention.incident_id, partition=self._number,
            reason=attention.reason, repeat=attention.repeat,
        )  # fmt: skip

    def _decoded(self, state: bytes) -> SiteState | None:
        try:
            return self._codec.decode_state(state)
        except Undecodable:
            return None
