"""Replay one partition: records come in, a verdict comes out (`streams.replay`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from schemas.avro.errors import Undecodable
from streams.escalation.values import Decision, Instant
from streams.formats.topic_values import TopicValues
from streams.formats.validation import key_text
from streams.kafka.reading import LogRecord
from streams.replay.comparison import Mismatch
from streams.replay.material import Material
from streams.replay.site import SiteReplay
from streams.replay.step import Knowledge, KnownProcedures, steps
from streams.replay.verdict import DIFFERED, Verdict, VerdictBuilder


class PartitionReplay:
    """Replays one partition of all topics: `take` every record but the decisions, then `replay` those.

    It holds all records that it takes. To replay one site, pass it the records of that site, and of ``sites`` also
    those at the offsets that its decisions and quarantine records name.
    """

    def __init__(
        self,
        number: int,
        partitions: int,
        known: KnownProcedures,
        recorded: TopicValues,
        begins: Mapping[str, int],
        *,
        sites_end: int = 0,
        is_truncated: bool = False,
        is_settled: bool = False,
    ) -> None:
        """Replay partition ``number`` of so many; ``known`` are all procedures that incidents may have begun with.

        ``begins`` is the first offset that the log of each input topic still has, ``sites_end`` where that of ``sites``
        ends, if not all of its records are taken. ``is_truncated``: the decisions do not begin with the first ever
        made. ``is_settled``: nothing was written while the records were read, so a command behind the last decision is
        a difference and not news.
        """
        self._recorded = recorded
        self._knowledge = Knowledge(known, begins)
        self._is_truncated = is_truncated
        self._is_settled = is_settled
        self._report = VerdictBuilder(number, recorded)
        self._material = Material(number, partitions, recorded, self._report, sites_end)
        self._sites: dict[str, SiteReplay] = {}
        self._first_at: Instant | None = None
        self._last_at: Instant = 0

    def take(self, record: LogRecord) -> None:
        """Take a record other than a decision; those of a topic in the order of their offsets."""
        self._material.take(record)

    def replay(self, decisions: Iterable[LogRecord]) -> Verdict:
        """Replay the records of ``decisions``, in the order of their offsets, and return the verdict."""
        for decided in steps(self._decoded(decisions)):
            self._site(decided.decisions[0].site_id).decide(decided)
        for site_id in sorted({*self._material.quarantined, *self._material.set_aside}):
            self._site(site_id).finish()
        since = self._first_at if self._is_truncated else None
        until = None if self._is_settled else self._last_at
        self._report.leftovers(self._material.commands, since, until)
        return self._report.verdict

    def _decoded(self, records: Iterable[LogRecord]) -> Iterator[tuple[LogRecord, Decision]]:
        for record in records:
            try:
                decision: Decision = self._recorded.value("decisions", record.value or b"")
            except Undecodable:
                site_id = key_text(record.key) or ""
                self._report.differ(site_id, None, record, "", Mismatch("UNDECODABLE"))
                self._site(site_id).lose(DIFFERED)
                continue
            if self._first_at is None:
                self._first_at = decision.at
            if decision.at < self._last_at:
                back = Mismatch("BACK_IN_TIME", "at", decision.at, self._last_at)
                self._report.differ(decision.site_id, decision.decision_id, record, decision.decision_id, back)
            self._last_at = max(self._last_at, decision.at)
            yield record, decision

    def _site(self, site_id: str) -> SiteReplay:
        site = self._sites.get(site_id)
        if site is None:
            horizon = self._first_at if self._is_truncated else None
            site = SiteReplay(site_id, self._material, self._report, self._knowledge, horizon)
            self._sites[site_id] = site
        return site
