"""The quarantined alerts of a site in a replay: find each a place among the steps where the core quarantines it.

A quarantined alert changes nothing, and its record is on another topic than the decisions, so only its time and the
offsets of the alerts around it determine its place (`streams.replay`, Order).
"""

from __future__ import annotations

from collections.abc import Iterable

from streams.escalation.state import SiteState
from streams.escalation.values import Alert, Instant, Quarantined
from streams.formats.validation import DeadLetterCause
from streams.replay.comparison import Mismatch
from streams.replay.material import Entry, Material
from streams.replay.step import Knowledge, RecordedStep, quarantine_again
from streams.replay.verdict import NO_INPUT, NO_SITE, VerdictBuilder


class QuarantineReplay:
    """The alerts of one site without a place yet, in the order of their offsets."""

    def __init__(self, site_id: str, material: Material, report: VerdictBuilder, knowledge: Knowledge) -> None:
        self._site_id = site_id
        self._material = material
        self._report = report
        self._knowledge = knowledge
        self._entries = material.quarantined.get(site_id)
        self._versions = material.versions[site_id]

    def before(self, decided: RecordedStep, state: SiteState | str) -> None:
        """Try the alerts that may precede a step, in the ``state`` there, or why it is not known."""
        alert = decided.place[1] if decided.place is not None and decided.place[0] == "alerts" else None
        while self._entries and self._entries[0].value.at <= decided.at:
            entry = self._entries[0]
            is_same_time = entry.value.at == decided.at
            offset = entry.value.input.offset
            if is_same_time and alert is not None and alert < offset:
                return  # the alert of the step goes first
            is_last = not is_same_time or alert is not None
            if not self._place(entry, state, is_last=is_last):
                return
            self._entries.popleft()

    def until(self, instant: Instant | None, state: SiteState | str) -> None:
        """Place the remaining alerts up to an instant (None: all) here, or report them."""
        while self._entries and (instant is None or self._entries[0].value.at <= instant):
            self._place(self._entries.popleft(), state, is_last=True)

    def _place(self, entry: Entry, state: SiteState | str, *, is_last: bool) -> bool:
        """Whether a record is settled: it fits here, or nowhere."""
        value = entry.value
        place = ("alerts", value.input.offset)
        record = self._material.inputs.get(place)
        if record is None and self._knowledge.is_gone(*place):
            return self._pass_by(NO_INPUT)
        if record is None or value.input != (record.topic, record.partition, record.offset):
            return self._settle(entry, [Mismatch("NO_INPUT")])
        if place in self._material.handled:
            return self._settle(entry, [Mismatch("TWICE")])
        alert = self._material.event(record)
        if isinstance(alert, DeadLetterCause):
            return self._settle(entry, [Mismatch("REFUSED", "reason", None, alert.reason)])
        if isinstance(state, str):
            return self._pass_by(state)
        assert isinstance(alert, Alert)
        explanations = self._versions.explanations(value.site_offset)
        if explanations == "GONE":
            return self._pass_by(NO_SITE)
        if isinstance(explanations, str):
            return self._settle(entry, [Mismatch("REPLACED" if explanations == "REPLACED" else "NO_SITE_RECORD")])
        replayed = [quarantine_again(state, in_force, alert, value.input, value.at) for in_force in explanations]
        fitting = value if value in replayed else replayed[0]
        if fitting is not value and not is_last:
            return False
        if isinstance(fitting, Quarantined):
            return self._settle(
                entry, self._report.comparison.mismatches(entry.record, "quarantine", fitting, value.at)
            )
        return self._settle(entry, [Mismatch("UNEXPECTED", "rule", None, fitting)])

    def _settle(self, entry: Entry, mismatches: Iterable[Mismatch]) -> bool:
        self._report.verdict.quarantined += 1
        for mismatch in mismatches:
            self._report.differ(self._site_id, None, entry.record, entry.value.alert_id, mismatch)
        self._material.handled.add(("alerts", entry.value.input.offset))
        return True

    def _pass_by(self, reason: str) -> bool:
        self._report.unchecked(self._site_id, None, reason)
        return True
