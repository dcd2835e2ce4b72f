"""Logs as a worker leaves them, made in virtual time: chunks of inputs go in, every topic's records come out.

One partition, which is all there is. Within a chunk: states set aside, site records, inputs that waited for a worker,
deadlines due, inputs, all at one instant, as the worker does it. Shared by the tests of replays and of conservation.
"""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from schemas.avro.framing import single_object
from schemas.avro.generated import writer
from schemas.avro.loader import load
from schemas.contract.topics import INPUT_TOPICS, TOPICS
from streams.escalation import step as core
from streams.escalation.procedures import DEFAULTS, Procedures
from streams.escalation.state import EMPTY, Deadline, SiteState
from streams.escalation.values import (
    Address,
    Alert,
    Attention,
    CallResult,
    Contact,
    Decision,
    DispatchReport,
    Event,
    Instant,
    Intervention,
    OperatorAction,
    Output,
    Site,
    SiteRecord,
    Source,
)
from streams.formats.message import Headers
from streams.formats.topic_values import TopicValues, shipped
from streams.kafka.reading import LogRecord
from streams.replay.partition import PartitionReplay
from streams.replay.verdict import Verdict
from tests.support.times import START

TOPIC_OF: Final = {
    Alert: "alerts",
    CallResult: "call-results",
    DispatchReport: "dispatch-reports",
    OperatorAction: "operator-actions",
    Site: "sites",
}
RECORDED: Final = TopicValues()
Input: TypeAlias = Site | Event | str | LogRecord  # a str deletes that site; a record is sent as it is


def seconds(number: float) -> Instant:
    """An instant after the start."""
    return START + round(number * 1000)


def site(site_id: str = "S1", **fields: Any) -> Site:
    """A site that is ready: two contacts, an address, one partner."""
    contacts = tuple(
        Contact(name, "OWNER", name.title(), None, f"+3361234560{place}", f"hash-{name}")
        for place, name in enumerate(("ann", "bob"))
    )
    address = Address("1 rue des Lilas", None, "74300", "Cluses", "FR")
    return Site(site_id, True, contacts, address, None, Intervention(True, ("P1", "P2")), None, START)._replace(
        **fields
    )


def alert(alert_id: str = "A1", kind: Any = "INTRUSION", site_id: str = "S1", raised: float = 0) -> Alert:
    """An alert."""
    return Alert(alert_id, site_id, kind, seconds(raised))


def callback(result_id: str, *said: Any, site_id: str = "S1", incident: str | None = None) -> CallResult:
    """The customer calls: outcome, situation."""
    outcome, situation = said
    return CallResult(
        result_id, site_id, incident, None, None, "INBOUND", outcome, situation, False, None, None, seconds(10**6)
    )


def no_answer(result_id: str, command_id: str, site_id: str = "S1") -> CallResult:
    """Nobody answered a call."""
    return CallResult(
        result_id, site_id, None, command_id, None, "OUTBOUND", "NO_ANSWER", "UNKNOWN", False, None, None, START
    )


def encode(value: Site | Event) -> bytes:
    """An input as its producer sends it."""
    encoded: bytes = _writer(type(value).__name__)(value)
    return encoded


@cache
def _writer(name: str) -> Any:
    schema = load(name)
    return writer(schema, single_object(schema))


class Logbook:
    """All topics of a partition, and the worker that fills them."""

    def __init__(self, procedures: Procedures = DEFAULTS) -> None:
        self.logs: dict[str, list[LogRecord]] = {topic: [] for topic in TOPICS}
        self.states: defaultdict[str, SiteState] = defaultdict(lambda: EMPTY)
        self.fails: set[str] = set()  # ids of inputs, sites and incidents on which the core fails
        self._records: dict[str, SiteRecord] = {}
        self._procedures = procedures
        self._codec = shipped()

    def chunk(
        self,
        at: float,
        *inputs: Input,
        waited: Sequence[Input] = (),
        is_caught_up: bool = True,
        most: int | None = None,
    ) -> None:
        """What the worker makes of inputs that came together, ``at`` seconds after the start.

        ``waited`` are those that waited for a worker; until it has caught up with them, no deadline fires. ``most``
        deadlines fire (None: all that are due), and those of an input's own site.
        """
        now = seconds(at)
        waiting = [(one, self._send(one, now)) for one in waited]
        sent = [(one, self._send(one, now)) for one in inputs]
        for one, record in waiting + sent:
            if record.topic == "sites":
                self._site(one, record, now)
        self._events(waiting, now)
        fired = 0
        while is_caught_up and fired != most and (due := self._due(now)):
            self._fire(*due[0][::-1], now)
            fired += 1
        self._events(sent, now, are_deadlines_first=is_caught_up)

    def set_aside(self, at: float, site_id: str, told_of: str | None = None) -> None:
        """The state of a site cannot be used any more; ``told_of``: what its attention says instead of the id."""
        now, state = seconds(at), self.states.pop(site_id)
        value = self._codec.encode_state(state)
        record = self.append("state", now, site_id.encode(), value)
        self.dead_letter(record, now, "UNDECODABLE")
        told = Attention(
            f"state-0-{record.offset}-t1", None, told_of or site_id, None, "FAILED", 0, "FAILED",
            any(incident.covert for incident in state.incidents), (), 0, None, now,
        )  # fmt: skip
        self.write([Output("attention", told)], told.site_id, now)

    def append(
        self, topic: str, at: Instant, key: bytes | None, value: bytes | None, headers: Headers | None = None
    ) -> LogRecord:
        """One record more."""
        log = self.logs[topic]
        record = LogRecord(topic, 0, log[-1].offset + 1 if log else 0, at, key, value, headers or [])
        log.append(record)
        return record

    def dead_letter(self, record: LogRecord, now: Instant, reason: str) -> None:
        """A record is dead-lettered."""
        told = {
            "topic": record.topic,
            "partition": str(record.partition),
            "offset": str(record.offset),
            "reason": reason,
            "error": "",
        }
        marks: Headers = [(f"dlq.{name}", text.encode()) for name, text in told.items()]
        self.append("dead-letters", now, record.key, record.value, [*record.headers, *marks])

    # --- looking at it ------------------------------------------------------------------------------

    def decisions(self) -> list[Decision]:
        """What was decided, in order."""
        return [RECORDED.value("decisions", record.value or b"") for record in self.logs["decisions"]]

    def last_id(self, topic: str = "calls") -> str:
        """The id of the last command."""
        value: str = RECORDED.value(topic, self.logs[topic][-1].value or b"")[0]
        return value

    def change(self, topic: str, place: int, **fields: Any) -> None:
        """Falsify a record of an output."""
        record = self.logs[topic][place]
        value = RECORDED.value(topic, record.value or b"")._replace(**fields)
        encoded = self._codec.encoders[topic](value)  # type: ignore[index]  # an output's
        self.logs[topic][place] = record._replace(value=encoded)

    def behind(self, milliseconds: int) -> None:
        """The partition was behind the wall clock by so much when the last input, a result, was decided."""
        self.logs["decisions"][-1].headers.append(("clock.ahead_ms", b"-%d" % milliseconds))
        sent = self.logs["call-results"][-1]
        result = RECORDED.value("call-results", sent.value or b"")
        by_the_wall = encode(result._replace(ended_at=result.ended_at + milliseconds))
        self.logs["call-results"][-1] = sent._replace(timestamp=sent.timestamp + milliseconds, value=by_the_wall)

    def replay(self, **how: Any) -> Verdict:
        """Decide it all again."""
        known = {(name, one.version): one for name, one in [*DEFAULTS.items(), *self._procedures.items()]}
        given: dict[str, Any] = {
            "begins": dict.fromkeys(INPUT_TOPICS, 0),
            "is_settled": True,
            "known": known,
            "recorded": RECORDED,
        }
        replay = PartitionReplay(0, 1, **(given | how))
        for topic, log in self.logs.items():
            if topic not in {"state", "readiness", "decisions"}:
                for record in log:
                    replay.take(record)
        return replay.replay(self.logs["decisions"])

    # --- the worker ---------------------------------------------------------------------------------

    def _send(self, one: Input, now: Instant) -> LogRecord:
        if isinstance(one, LogRecord):
            return self.append(one.topic, now, one.key, one.value, one.headers)
        if isinstance(one, str):
            return self.append("sites", now, one.encode(), None)
        return self.append(TOPIC_OF[type(one)], now, one.site_id.encode(), encode(one))

    def _site(self, one: Any, record: LogRecord, now: Instant) -> None:
        given = one if isinstance(one, Site) else None
        site_id = one.site_id if isinstance(one, Site) else one
        if site_id in self.fails:
            self.dead_letter(record, now, "FAILED")
            return
        step = core.on_site(self.states[site_id], self._records.get(site_id), given, now)
        if given is None:
            self._records.pop(site_id, None)
        else:
            self._records[site_id] = SiteRecord(record.offset, given)
        self._take(site_id, step, now)

    def _fire(self, site_id: str, deadline: Deadline, now: Instant) -> None:
        fire = core.on_failed_deadline if deadline.incident_id in self.fails else core.on_deadline
        self._take(site_id, fire(site_id, self.states[site_id], self._records.get(site_id), deadline, now), now)

    def _due(self, now: Instant) -> list[tuple[Deadline, str]]:
        """The deadlines due, each with its site, in their order."""
        return sorted(
            (deadline, site_id)
            for site_id, state in self.states.items()
            for deadline in state.deadlines()
            if deadline.at <= now
        )

    def _events(self, sent: list[tuple[Input, LogRecord]], now: Instant, *, are_deadlines_first: bool = False) -> None:
        for one, record in sent:
            if record.topic != "sites":
                key = (record.key or b"").decode(errors="replace")
                while are_deadlines_first and (due := [each for each in self._due(now) if each[1] == key]):
                    self._fire(*due[0][::-1], now)
                self._event(one, record, now)

    def _event(self, one: Any, record: LogRecord, now: Instant) -> None:
        if isinstance(one, LogRecord):
            self.dead_letter(record, now, "UNDECODABLE")
        elif one[0] in self.fails:
            self.dead_letter(record, now, "FAILED")
        else:
            source = Source(record.topic, 0, record.offset)
            site_id = one.site_id
            state, known = self.states[site_id], self._records.get(site_id)
            self._take(site_id, core.on_event(state, known, one, source, now, self._procedures), now)

    def _take(self, site_id: str, step: core.Step, now: Instant) -> None:
        self.states[site_id] = step.state
        self.write(step.outputs, site_id, now)

    def write(self, outputs: list[Output], site_id: str, now: Instant) -> None:
        """What the core gave goes to its topics."""
        for topic, value in outputs:
            encoded = None if value is None else self._codec.encoders[topic](value)
            self.append(topic, now, site_id.encode(), encoded)
