"""Plain Faust (faust-streaming): a topic, a Table in memory or RocksDB, an agent; at least once."""

from __future__ import annotations

import sys
from typing import Any

import faust

from benchmarks.peers.kernel import ALERT, CALL, DECISION, arguments, decode, encode, now_ms, step

given = arguments(store="memory://")
app = faust.App(
    given.group, broker=f"kafka://{given.bootstrap}", store=given.store, datadir=given.dir, web_enabled=False,
    topic_partitions=given.partitions, topic_replication_factor=1, topic_disable_leader=True,
    stream_wait_empty=False, consumer_auto_offset_reset="earliest", broker_session_timeout=6,
    broker_heartbeat_interval=2,
)  # fmt: skip
RAW: dict[str, Any] = {"key_type": str, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
alerts, calls, decisions = (app.topic(topic, **RAW) for topic in (given.alerts, given.calls, given.decisions))
incidents = app.Table("incidents", partitions=given.partitions)


@app.agent(alerts)
async def merge(stream: Any) -> None:
    """One alert after the other."""
    async for key, value in stream.items():
        site = key.decode() if isinstance(key, bytes) else key
        incident, call, decision = step(incidents.get(site), decode(ALERT, value), now_ms())
        if incident is None or decision is None:
            continue
        incidents[site] = incident
        if call:
            await calls.send(key=site, value=encode(CALL, call))
        await decisions.send(key=site, value=encode(DECISION, decision))


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "-l", "warn", "--without-web"]
    app.main()
