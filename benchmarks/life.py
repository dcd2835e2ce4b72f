"""The full life of incidents: every input and deadline of a round of calls, a wait, another round and a guard.

Twelve steps an incident, each in answer to the decision before it, as telephony and partners would: two alerts, two
calls nobody answers, the wait, two more, a caller who cannot be identified, and four reports of the guard. All
incidents are under way at once, so the worker always has a backlog. What counts is what a step costs it: its CPU.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from confluent_kafka import Producer

from benchmarks.arrivals import Arrivals
from benchmarks.contenders import Ronde
from benchmarks.latency import PROBES, wait_ready
from benchmarks.logs import QUIET, Logs
from benchmarks.run import Run, run
from benchmarks.sites import PARTNER
from benchmarks.wires import RONDE
from schemas import load
from schemas.avro.framing import single_object
from schemas.avro.generated import writer
from streams.escalation.names import ReportStatus
from streams.escalation.values import CallResult, Decision, DispatchReport

RULES: Final = (
    "OPENED", "MERGED", "NEXT_CONTACT", "WAIT_STARTED", "WAIT_ENDED", "NEXT_CONTACT", "NOBODY_REACHED",
    "UNIDENTIFIED_CALLBACK", "PARTNER_PROGRESS", "PARTNER_PROGRESS", "PARTNER_PROGRESS", "INTERVENTION_CLOSED",
)  # fmt: skip
# The wait is cut to a second: its deadline is one of the steps, its length is nobody's.
SETTINGS: Final = '[procedures.SECURITY]\nversion = "benchmark/1"\nwait_seconds = 1\n'
PATIENCE: Final = 30.0
STARTED_MS: Final = 1_767_225_600_000

_result = writer(load("CallResult"), single_object(load("CallResult")))
_report = writer(load("DispatchReport"), single_object(load("DispatchReport")))


def _alert(decision: Decision) -> tuple[str, bytes]:
    return "alerts", RONDE.alert(f"{decision.site_id}-again", decision.site_id, STARTED_MS)


def _no_answer(call: Callable[[Decision], str]) -> Callable[[Decision], tuple[str, bytes]]:
    def answer(decision: Decision) -> tuple[str, bytes]:
        command = call(decision)
        result = CallResult(
            f"r-{command}", decision.site_id, decision.incident_id, command, None, "OUTBOUND", "NO_ANSWER", "UNKNOWN",
            message_left=True, detail="voicemail", operator=None, ended_at=decision.at,
        )  # fmt: skip
        return "call-results", _result(result)

    return answer


def _callback(decision: Decision) -> tuple[str, bytes]:
    result = CallResult(
        f"r-{decision.incident_id}", decision.site_id, decision.incident_id, None, None, "INBOUND", "NOT_IDENTIFIED",
        "NORMAL", message_left=False, detail=None, operator="desk-1", ended_at=decision.at,
    )  # fmt: skip
    return "call-results", _result(result)


def _says(status: ReportStatus, disposition: str | None = None) -> Callable[[Decision], tuple[str, bytes]]:
    def report(decision: Decision) -> tuple[str, bytes]:
        assert decision.incident_id is not None
        dispatch = f"{decision.incident_id}-d1"
        value = DispatchReport(
            f"{dispatch}-{status}", decision.site_id, decision.incident_id, dispatch, PARTNER, status, disposition,
            reason=None, reported_at=decision.at,
        )  # fmt: skip
        return "dispatch-reports", _report(value)

    return report


def _last_output(decision: Decision) -> str:
    return decision.outputs[-1]


_called = _no_answer(_last_output)
# By the version of a decision: the input that answers it; a deadline needs none.
ANSWERS: Final[dict[int, Callable[[Decision], tuple[str, bytes]]]] = {
    1: _alert,
    2: _no_answer(lambda decision: f"{decision.incident_id}-c1.1"),
    3: _called,
    5: _called,
    6: _called,
    7: _callback,
    8: _says("ACCEPTED"),
    9: _says("EN_ROUTE"),
    10: _says("ON_SITE"),
    11: _says("CLOSED", "nothing found"),
}


def life(logs: Logs, shipped: Ronde, incidents: int) -> dict[str, Any]:
    """One run of so many incidents; its figures."""
    site_ids = [f"life-{number:06d}" for number in range(incidents)]
    with run(logs, replace(shipped, settings=SETTINGS), [*site_ids, *PROBES.site_ids(1)]) as made:
        made.start()
        probed = Arrivals(logs.address, made.topics.decisions)
        wait_ready(made, probed)
        probed.close()
        cpu, begun = made.cpu_seconds(), time.time()
        logs.write(
            made.topics.alerts,
            ((site.encode(), RONDE.alert(f"{site}-first", site, STARTED_MS)) for site in site_ids),
        )
        found = _play(made, incidents)
        took, cpu = time.time() - begun, made.cpu_seconds() - cpu
        steps = len(RULES) * incidents
        return {
            "counts": found == Counter(dict.fromkeys(enumerate(RULES, start=1), incidents)),
            "incidents": incidents,
            "steps": steps,
            "seconds": took,
            "cpu_seconds": cpu,
            "steps_per_second": steps / took,
            "steps_per_cpu_second": steps / cpu,
            "peak_mib": round(made.peak_mib),
            "is_alive": made.tree.is_alive,
        }


def _play(made: Run, incidents: int) -> Counter[tuple[int, str]]:
    """Answer every decision until all incidents are closed; how often each version had each rule."""
    producer = Producer(
        {
            **QUIET,
            "bootstrap.servers": made.logs.address,
            "linger.ms": 5,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 1_000_000,
            "acks": "all",
        }
    )
    arrivals, topic = Arrivals(made.logs.address, made.topics.decisions), made.topics.decisions
    found: Counter[tuple[int, str]] = Counter()
    seen, last = 0, time.monotonic()
    while found[len(RULES), RULES[-1]] < incidents and time.monotonic() - last < PATIENCE:
        if arrivals.pump(0.01):
            last = time.monotonic()
        for decision, _ in arrivals.since(topic, seen, RONDE.decision):
            seen += 1
            if not decision.site_id.startswith("life-"):
                continue
            found[decision.version, decision.rule] += 1
            if decision.version in ANSWERS:
                name, value = ANSWERS[decision.version](decision)
                producer.produce(f"{made.id}.{name}", value, decision.site_id.encode())
        producer.poll(0)
    arrivals.close()
    return found
