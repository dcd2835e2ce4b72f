"""Quix Streams, exactly once, with its keyed State (RocksDB and a changelog, values as JSON: its defaults)."""

from __future__ import annotations

from quixstreams import Application, State

from benchmarks.peers.kernel import ALERT, CALL, DECISION, arguments, decode, encode, now_ms, step

given = arguments(commit_interval=5.0, commit_every=0)
app = Application(
    broker_address=given.bootstrap, consumer_group=given.group, auto_offset_reset="earliest", state_dir=given.dir,
    processing_guarantee="exactly-once", commit_interval=given.commit_interval, commit_every=given.commit_every,
    loglevel="WARNING", consumer_extra_config={"session.timeout.ms": 6000},
)  # fmt: skip
alerts = app.topic(given.alerts, value_deserializer="bytes", key_deserializer="str")
calls = app.topic(given.calls, value_serializer="bytes", key_serializer="str")
decisions = app.topic(given.decisions, value_serializer="bytes", key_serializer="str")


def merge(value: bytes, state: State) -> list[tuple[str, bytes]]:
    """What to write, by topic."""
    incident, call, decision = step(state.get("incident"), decode(ALERT, value), now_ms())
    if incident is None or decision is None:
        return []
    state.set("incident", incident)
    written = [(calls.name, encode(CALL, call))] if call else []
    return [*written, (decisions.name, encode(DECISION, decision))]


written_to = app.dataframe(alerts).apply(merge, stateful=True, expand=True)
for topic in (calls, decisions):
    written_to.filter(lambda pair, name=topic.name: pair[0] == name).apply(lambda pair: pair[1]).to_topic(topic)
app.run()
