"""The independent judge of a run: the raw topics and the generator's journal, nothing of the worker's own.

It knows contracts.md and procedure.md §7; the procedure itself it takes from the core, by replaying every input
at its recorded time (`tests.faults.replay`). Each broken promise is a `Violation` with a name:

- ends: `ACK_LOST` `INPUT_LOST` `INPUT_TWICE` `END_UNKNOWN` `END_DIFFERS` `READINESS_LOST`
- identity: `ID_TWICE` `OUTPUT_UNNAMED` `OUTPUT_MISSING` `OUTPUT_NAMED_TWICE` `PLACE_DIFFERS`
- incidents: `VERSION_GAP` `AFTER_CLOSE` `EARLY_DEADLINE` `LATE_DEADLINE` `EARLY_ROUND_2` `NO_DEADLINE` `OVERDUE`
  `TIME_BACK`
- bytes: `UNDECODABLE_OUTPUT` `TIME_DIFFERS` `KEY_DIFFERS` `REPLAY_DIFFERS` `STATE_DIFFERS`
- frames of panels, where a run has any: `tests.faults.frames`
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from schemas.contract.topics import INPUT_TOPICS
from streams.escalation.procedures import Procedures
from tests.faults.evidence import Evidence, Violation, gather, place_of
from tests.faults.frames import SentFrame, check_frames
from tests.faults.incidents import Uptime, incidents
from tests.faults.records import EVENT_TOPICS, Place, Raw, Sent, Topics, decode, id_of
from tests.faults.replay import replay


def check(
    topics: Topics, sent: Sequence[Sent], procedures: Procedures, uptime: Uptime, frames: Sequence[SentFrame] = ()
) -> list[Violation]:
    """Everything that is wrong with a run; ``procedures`` are those that its incidents began with."""
    evidence = gather(topics)
    return [
        *evidence.violations,
        *_acknowledged(topics, sent),
        *_ends(evidence),
        *_dead_letters(evidence, sent),
        *_readiness(evidence),
        *_identity(evidence),
        *_names(evidence),
        *_places(evidence),
        *incidents(evidence, uptime),
        *replay(evidence, procedures),
        *(check_frames(topics, frames) if frames else ()),
    ]


def _acknowledged(topics: Topics, sent: Iterable[Sent]) -> Iterator[Violation]:
    """What the broker has acknowledged is there."""
    there = {raw.place: raw for raws in topics.records.values() for raw in raws}
    for place, name, end in sent:
        raw = there.get(place)
        if raw is None:
            yield Violation("ACK_LOST", _at(place), f"{name} was acknowledged and is not there")
        elif (
            end is None
            and raw.topic in INPUT_TOPICS
            and raw.value is not None
            and id_of(raw.topic, decode(raw.topic, raw.value)) != name
        ):
            yield Violation("ACK_LOST", _at(place), f"{name} was acknowledged, and another record is there")


def _ends(evidence: Evidence) -> Iterator[Violation]:
    """Every input ends in exactly one of decided, quarantined, dead-lettered."""
    decided = evidence.by_place()
    quarantined = Counter(
        (told.value["input"]["topic"], told.value["input"]["partition"], told.value["input"]["offset"])
        for told in evidence.quarantined
    )
    dead = Counter(dead.place for dead in evidence.dead if dead.place[0] in EVENT_TOPICS)
    inputs = {raw.place: raw for raw in evidence.topics.inputs()}
    for place in inputs:
        ends = [f"{len(decided[place])} decisions"] if place in decided else []
        ends += ["quarantine"] * quarantined[place] + ["a dead letter"] * dead[place]
        if not ends:
            yield Violation("INPUT_LOST", _at(place), "it has no end")
        elif len(ends) > 1:
            yield Violation("INPUT_TWICE", _at(place), f"it ends in {', '.join(ends)}")
        concerned = [told.value["incident_id"] for told in decided.get(place, ())]
        if len(concerned) != len(set(concerned)) or (None in concerned and len(concerned) > 1):
            yield Violation("INPUT_TWICE", _at(place), f"it is decided twice: {concerned}")
    for place in {*decided, *quarantined, *dead} - inputs.keys():
        yield Violation("END_UNKNOWN", _at(place), "an end names it, and there is no such input")
    for place, tolds in decided.items():
        raw = inputs.get(place)
        name = tolds[0].value["input"]["id"]
        if raw is not None and (raw.value is None or id_of(raw.topic, decode(raw.topic, raw.value)) != name):
            yield Violation("END_DIFFERS", _at(place), f"a decision calls it {name}")


def _dead_letters(evidence: Evidence, sent: Sequence[Sent]) -> Iterator[Violation]:
    """A dead letter is the record as it came; a record made for one ends there, for the reason it was made for."""
    wanted = {place: end for place, _, end in sent if end is not None}
    there = {raw.place: raw for topic in ("sites", *EVENT_TOPICS) for raw in evidence.topics.of(topic)}
    for raw, place, reason, headers in evidence.dead:
        if place[0] == "state":
            continue  # a compacted log may have dropped what it was
        came = there.get(place)
        if came is None:
            yield Violation("END_UNKNOWN", _at(place), "a dead letter names it, and there is no such record")
        elif (came.key, came.value, came.headers) != (raw.key, raw.value, headers):
            yield Violation("END_DIFFERS", _at(place), "its dead letter is not the record as it came")
        if reason != wanted.pop(place, reason):
            yield Violation("END_DIFFERS", _at(place), f"it is a dead letter for {reason}")
    for place, end in wanted.items():
        yield Violation("END_DIFFERS", _at(place), f"it was made to be a dead letter {end} and is none")


def _readiness(evidence: Evidence) -> Iterator[Violation]:
    """Every site record ends in one readiness record or dead letter."""
    dead = {dead.place for dead in evidence.dead}

    def counted(records: Iterable[Raw]) -> Counter[tuple[int, bytes | None]]:
        return Counter((raw.partition, raw.key) for raw in records)

    came = counted(raw for raw in evidence.topics.of("sites") if raw.place not in dead)
    told = counted(evidence.readiness)
    for where in came | told:
        if came[where] != told[where]:
            yield Violation(
                "READINESS_LOST",
                f"partition {where[0]}, {where[1]!r}",
                f"{came[where]} site records gave {told[where]} readiness records",
            )


def _identity(evidence: Evidence) -> Iterator[Violation]:
    """No id is there twice, and no dispatch is requested twice by the same attempt."""
    for decision, times in Counter(told.value["decision_id"] for told in evidence.decisions).items():
        if times > 1:
            yield Violation("ID_TWICE", f"decision {decision}", f"there are {times} of it")
    requests: Counter[tuple[str, int]] = Counter()
    for name, tolds in evidence.outputs.items():
        raw, value = tolds[0]
        if len(tolds) > 1:
            yield Violation("ID_TWICE", f"{raw.topic} {name}", f"there are {len(tolds)} of it")
        if raw.topic == "dispatches" and value["action"] == "REQUEST":
            requests[value["dispatch_id"], value["attempt"]] += 1
    for (dispatch, attempt), times in requests.items():
        if times > 1:
            yield Violation("ID_TWICE", f"dispatch {dispatch}", f"its request {attempt} is there {times} times")


def _names(evidence: Evidence) -> Iterator[Violation]:
    """Every output is named by exactly one decision, and every name is an output's."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    for _, decision in evidence.decisions:
        for output in decision["outputs"]:
            named[output].append(decision["decision_id"])
    # A site set aside has an attention and no decision.
    put_away = {f"state-{dead.place[1]}-{dead.place[2]}-t1" for dead in evidence.dead if dead.place[0] == "state"}
    for name, tolds in evidence.outputs.items():
        topic = tolds[0].raw.topic
        if name in put_away and name in named:
            yield Violation("OUTPUT_NAMED_TWICE", f"{topic} {name}", "a decision names it, and it has none")
        elif name not in put_away and name not in named:
            yield Violation("OUTPUT_UNNAMED", f"{topic} {name}", "no decision names it")
    for name, decisions in named.items():
        if len(decisions) > 1:
            yield Violation("OUTPUT_NAMED_TWICE", name, f"named by {', '.join(decisions)}")
        if name not in evidence.outputs:
            yield Violation("OUTPUT_MISSING", name, f"{decisions[0]} names it, and it is not there")
    for name in put_away - evidence.outputs.keys():
        yield Violation("OUTPUT_MISSING", name, "a state was set aside without an attention")


def _places(evidence: Evidence) -> Iterator[Violation]:
    """A decision lies in its input's partition, and its outputs with it; all say its time."""
    for raw, decision in evidence.decisions:
        place = place_of(decision)
        if place is not None and place[1] != raw.partition:
            yield Violation("PLACE_DIFFERS", decision["decision_id"], f"it is not in its input's partition {place[1]}")
        for name in decision["outputs"]:
            for output in evidence.outputs.get(name, ()):
                if output.raw.partition != raw.partition or output.raw.key != raw.key:
                    yield Violation("PLACE_DIFFERS", name, "it is not where its decision is")
                if output.raw.timestamp != decision["at"]:
                    yield Violation("TIME_DIFFERS", name, f"its time is not its decision's ({decision['at']})")


def _at(place: Place) -> str:
    topic, partition, offset = place
    return f"{topic} {partition}/{offset}"
