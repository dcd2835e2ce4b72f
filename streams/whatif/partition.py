"""One partition under another procedure: records come in, a comparison comes out (`streams.whatif`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from itertools import chain
from typing import Final

from schemas.avro.errors import Undecodable
from streams.escalation.procedures import Procedures
from streams.escalation.values import CallCommand, CallResult, Decision, DispatchCommand, Event, Instant, Site
from streams.formats.topic_values import TopicValues
from streams.formats.validation import DeadLetterCause, key_text
from streams.kafka.reading import LogRecord
from streams.replay.history import named_places
from streams.replay.material import Material
from streams.replay.step import Knowledge, KnownProcedures, RecordedStep, steps
from streams.replay.verdict import NO_PROCEDURE, VerdictBuilder
from streams.runtime.clock import partition_time
from streams.whatif.change import Change, ProceduresOfVersions
from streams.whatif.comparison import Comparison, are_equal, judge
from streams.whatif.play import PlayedIncident, SitePlay
from streams.whatif.reactions import RecordedEvent
from streams.whatif.recorded import Inputs, RecordedSite, SiteVersions, by_site

SET_ASIDE: Final = "its site's state was set aside"
UNREADABLE: Final = "a decision of its site does not decode"
NOT_AGAIN: Final = "this release does not decide it as recorded (`ronde replay`)"
_COMMANDS: Final = frozenset({"calls", "dispatches"})


class PartitionWhatIf:
    """Compares one partition: `take` the records, each topic's oldest first, then `compare`.

    Take decisions, commands, quarantine and dead letters before the inputs; of those, the `places` are enough. Dead
    letters tell from the first on which records of `sites` did not come into force.
    """

    def __init__(
        self,
        number: int,
        partitions: int,
        known: KnownProcedures,
        current: Procedures,
        change: Change,
        recorded: TopicValues,
        begins: Mapping[str, int],
        left_out: str | None = None,
    ) -> None:
        """Compare partition ``number`` of so many; ``known`` are all procedures that incidents may have begun with.

        ``current`` are those where the log names no version. ``begins`` is the first offset that the log of each input
        topic still has. ``left_out`` is a site that nobody lives at: the watchdog's canary.
        """
        self._recorded = recorded
        self._left_out = left_out
        self._knowledge = Knowledge(known, begins)
        self._changed = ProceduresOfVersions(known, current, change)
        self._unchanged = ProceduresOfVersions(known, current, None)
        self._material = Material(number, partitions, recorded, VerdictBuilder(number, recorded))
        self._sites: defaultdict[str, list[tuple[int, Instant, Site | None]]] = defaultdict(list)
        self._commands: dict[str, CallCommand | DispatchCommand] = {}
        self._decisions: list[tuple[LogRecord, Decision]] = []
        self._spoiled: dict[str, str] = {}  # sites that cannot be judged, and why

    def take(self, record: LogRecord) -> None:
        """Take a record of any topic but ``attention``, ``readiness`` and ``state``."""
        topic = record.topic
        if topic == "decisions":
            self._decide(record)
        elif self._left_out is not None and key_text(record.key) == self._left_out:
            pass
        elif topic in _COMMANDS:
            value = self._material.value(record)
            if value is not None:
                self._commands[value[0]] = value
        elif topic == "sites":
            site = self._material.judge(record)
            if not isinstance(site, DeadLetterCause):
                site_id = key_text(record.key) or ""
                self._sites[site_id].append((record.offset, record.timestamp, site))
        else:
            self._material.take(record)

    def places(self) -> dict[str, tuple[int, int]]:
        """Return, by topic, the first and the last offset of the inputs that the records taken so far name."""
        quarantined = (entry.value for entries in self._material.quarantined.values() for entry in entries)
        return named_places(chain((decision for _, decision in self._decisions), quarantined))

    def compare(self) -> Comparison:
        """Decide again what was decided, and compare."""
        comparison = Comparison()
        if not self._decisions:
            return comparison
        comparison.begin, comparison.end = self._decisions[0][1].at, self._decisions[-1][1].at
        for site_id, letters in self._material.set_aside.items():
            if letters[-1].at >= comparison.begin:
                self._spoiled[site_id] = SET_ASIDE
        sites = by_site(steps(self._decisions))
        if self._left_out is not None:
            sites.pop(self._left_out, None)
        self._decisions = []
        for site_id in list(sites):
            self._compare(site_id, sites.pop(site_id), comparison)
        return comparison

    def _decide(self, record: LogRecord) -> None:
        try:
            decision: Decision = self._recorded.value("decisions", record.value or b"")
        except Undecodable:
            self._spoiled[key_text(record.key) or ""] = UNREADABLE
        else:
            self._decisions.append((LogRecord(*record[:5], None, record.headers), decision))

    # --- a site -------------------------------------------------------------------------------------

    def _compare(self, site_id: str, its_steps: list[RecordedStep], comparison: Comparison) -> None:
        assert comparison.end is not None
        quarantined = self._quarantined(site_id)
        versions = self._versions(
            site_id, {*(one.site_offset for one in its_steps), *(one.site_offset for one in quarantined)}
        )
        inputs = Inputs(self._event, self._commands.get, self._knowledge.knows)
        site = RecordedSite(site_id, versions, inputs, quarantined)
        for step in its_steps:
            site.take(step)
            if site.lost_for == NO_PROCEDURE and step.opened_under is not None:
                comparison.unknown_versions.add(step.opened_under)
        site.finish(comparison.end)
        spoiled = self._spoiled.get(site_id)
        if spoiled is not None:
            for incident in site.incidents.values():
                incident.not_judged = spoiled
        played, merged = self._play(site, self._changed, comparison.end)
        differing = [name for name, one in site.incidents.items() if not _is_again(one.decisions, played.get(name))]
        known_before: set[str] = set()
        if differing or played.keys() - site.incidents.keys():
            again, _ = self._play(site, self._unchanged, comparison.end)
            known_before = again.keys() - site.incidents.keys()
            for name in differing:
                incident = site.incidents[name]
                if incident.not_judged is None and not _is_again(incident.decisions, again.get(name)):
                    incident.not_judged = NOT_AGAIN
        for name, incident in site.incidents.items():
            comparison.add(judge(site_id, incident, played.get(name), merged.get(name)), incident.alert_at)
        for name, more in played.items():
            if name not in site.incidents and name not in known_before:
                comparison.add(judge(site_id, None, more, None), None)

    def _versions(self, site_id: str, named: Set[int | None]) -> SiteVersions:
        """Return the records of a site without its dead letters, but for those that the log names as in force."""
        refused = self._material.refused_sites
        return SiteVersions(one for one in self._sites.get(site_id, ()) if one[0] in named or one[0] not in refused)

    def _play(
        self, site: RecordedSite, procedures: ProceduresOfVersions, end: Instant
    ) -> tuple[dict[str, PlayedIncident], dict[str, str]]:
        played: dict[str, PlayedIncident] = {}
        merged: dict[str, str] = {}
        for segment in site.segments:
            play = SitePlay(site, segment, procedures, end)
            play.run()
            played |= play.incidents
            merged |= play.merged
        return played, merged

    def _event(self, step: RecordedStep) -> tuple[Event, Instant] | None:
        """Return the input of a step with the timestamp of its record; None: the log does not have it."""
        record = self._material.inputs.get(step.place) if step.place is not None else None
        if record is None:
            return None
        event = self._material.event(record)
        if isinstance(event, DeadLetterCause):
            return None
        if isinstance(event, CallResult) and step.ahead_ms:
            ended_at = partition_time(event.ended_at, step.at, step.ahead_ms, record.timestamp)
            event = event._replace(ended_at=ended_at)
        return event, record.timestamp

    def _quarantined(self, site_id: str) -> list[RecordedEvent]:
        """Return the quarantined alerts of a site that an incident would have taken, were it open."""
        entries = self._material.quarantined.get(site_id, ())
        return [
            RecordedEvent(0, value.at, value.alert, value.input, (), None, None, value.site_offset)
            for _, value in entries
            if value.reason != "UNSUPPORTED_KIND"
        ]


def _is_again(recorded: list[Decision], played: PlayedIncident | None) -> bool:
    """Whether an incident was decided as in the log, to the last decision."""
    return (
        played is not None
        and played.undetermined is None
        and not played.may_be_another
        and are_equal(recorded, played.decisions)
    )
