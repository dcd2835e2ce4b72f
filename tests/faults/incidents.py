"""The life of each incident as its decisions tell it: versions, deadlines, rounds, the close."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.faults.evidence import Evidence, Told, Violation
from tests.faults.records import Value


class Uptime(NamedTuple):
    """When deadlines had to be kept: spans (ms) in which workers held all partitions, restored and caught up.

    ``now`` is when the topics were read; ``margin_ms`` what a deadline may be late within a span.
    """

    spans: Sequence[tuple[int, int]]
    now: int
    margin_ms: int

    def neglected_ms(self, deadline: int, fired: int) -> int:
        """The longest stretch within a span for which a deadline was due and did not fire."""
        return max((min(fired, to) - max(deadline, since) for since, to in self.spans), default=0)


def incidents(evidence: Evidence, uptime: Uptime) -> Iterator[Violation]:
    """Everything that is wrong with the incidents, one by one."""
    latest: dict[int, int] = {}
    by_incident: defaultdict[str, list[Told]] = defaultdict(list)
    for told in evidence.decisions:
        at, partition = told.value["at"], told.raw.partition
        if at < latest.get(partition, 0):
            yield Violation(
                "TIME_BACK", told.value["decision_id"], f"the decision before it was at {latest[partition]}"
            )
        latest[partition] = at
        if told.value["incident_id"] is not None:
            by_incident[told.value["incident_id"]].append(told)
    aside = evidence.set_aside()
    for incident_id, tolds in by_incident.items():
        yield from _life([told.value for told in tolds], uptime)
        yield from _second_round(incident_id, tolds, evidence)
        raw = tolds[-1].raw
        put_away = any(dead.raw.timestamp >= raw.timestamp for dead in aside.get((raw.partition, raw.key), ()))
        if not put_away:
            yield from _last(tolds[-1].value, uptime)


def _life(decisions: list[Value], uptime: Uptime) -> Iterator[Violation]:
    before: Value | None = None
    for version, decision in enumerate(decisions, start=1):
        name = decision["decision_id"]
        if decision["version"] != version:
            yield Violation("VERSION_GAP", name, f"expected version {version}")
            return
        if before is not None:
            if before["phase_to"] == "CLOSED":
                yield Violation("AFTER_CLOSE", name, f"{before['decision_id']} closed the incident")
                return
            yield from _deadline(before, decision, uptime)
        if (decision["deadline"] is None) != (decision["phase_to"] == "CLOSED"):
            yield Violation("NO_DEADLINE", name, f"{decision['phase_to']} with the deadline {decision['deadline']}")
        elif decision["deadline"] is not None and _is_behind(before, decision):
            yield Violation("NO_DEADLINE", name, "its deadline is not ahead")
        before = decision


def _is_behind(before: Value | None, decision: Value) -> bool:
    """Whether a deadline is past that was not due before: one that is late anyway may wait for its turn."""
    deadline: int = decision["deadline"]
    return deadline < decision["at"] and (before is None or deadline < before["deadline"])


def _deadline(before: Value, decision: Value, uptime: Uptime) -> Iterator[Violation]:
    deadline, at = before["deadline"], decision["at"]
    if deadline is None:
        return  # told as NO_DEADLINE already
    if decision["input"]["kind"] == "DEADLINE" and at < deadline:
        yield Violation("EARLY_DEADLINE", decision["decision_id"], f"fired {deadline - at} ms before its time")
    neglected = uptime.neglected_ms(deadline, at)
    if neglected > uptime.margin_ms:
        yield Violation("LATE_DEADLINE", decision["decision_id"], f"due for {neglected} ms while workers ran")


def _second_round(incident_id: str, tolds: list[Told], evidence: Evidence) -> Iterator[Violation]:
    """Round 2 begins when the wait is over, or an alert cuts it short; not otherwise."""
    waiting: Value | None = None
    has_begun = False
    for _, decision in tolds:
        calls = [
            told.value
            for name in decision["outputs"]
            for told in evidence.outputs.get(name, ())
            if told.raw.topic == "calls"
        ]
        if not has_begun and any(call["round"] > 1 for call in calls):
            has_begun = True
            rule = decision["rule"]
            if waiting is None or rule not in {"WAIT_ENDED", "WAIT_CUT_SHORT"}:
                yield Violation("EARLY_ROUND_2", incident_id, f"begun by {rule}, without a wait")
            elif rule == "WAIT_ENDED" and any(call["issued_at"] < waiting["deadline"] for call in calls):
                yield Violation("EARLY_ROUND_2", incident_id, f"before the wait was over at {waiting['deadline']}")
            elif rule == "WAIT_CUT_SHORT" and decision["input"]["kind"] != "ALERT":
                yield Violation("EARLY_ROUND_2", incident_id, "cut short, and not by an alert")
        waiting = decision if decision["phase_to"] == "WAITING" else None


def _last(decision: Value, uptime: Uptime) -> Iterator[Violation]:
    if decision["deadline"] is None:
        return
    neglected = uptime.neglected_ms(decision["deadline"], uptime.now)
    if neglected > uptime.margin_ms:
        yield Violation(
            "OVERDUE", decision["decision_id"], f"its deadline is due for {neglected} ms, and a worker runs"
        )
