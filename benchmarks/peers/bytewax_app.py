"""Bytewax with its Kafka connectors and its recovery store; at least once, as it has no transactions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from benchmarks.peers.kernel import ALERT, CALL, DECISION, arguments, decode, encode, now_ms, step

given = arguments(epoch=10.0, batch=1000)
flow = Dataflow("merge")
alerts = kop.input(
    "alerts", flow, brokers=[given.bootstrap], topics=[given.alerts], tail=True, batch_size=given.batch,
    add_config={"queued.min.messages": "200000"},
)  # fmt: skip


def merge(incident: Any, message: Any) -> tuple[Any, tuple[bytes, Any, Any]]:
    """The next state, and the key with what to write."""
    made = step(incident, decode(ALERT, message.value), now_ms())
    return made.incident or incident, (message.key, made.call, made.decision)


keyed = op.key_on("key", alerts.oks, lambda message: message.key.decode())
merged = op.stateful_map("merge", keyed, merge)
decided = op.filter_map("decided", merged, lambda pair: pair[1] if pair[1][2] else None)
call = op.filter_map(
    "call", decided, lambda made: KafkaSinkMessage(made[0], encode(CALL, made[1])) if made[1] else None
)
decision = op.map("decision", decided, lambda made: KafkaSinkMessage(made[0], encode(DECISION, made[2])))
kop.output("calls", call, brokers=[given.bootstrap], topic=given.calls)
kop.output("decisions", decision, brokers=[given.bootstrap], topic=given.decisions)

if __name__ == "__main__":
    store = Path(given.dir)
    store.mkdir(parents=True, exist_ok=True)
    if not list(store.glob("part-*")):
        init_db_dir(store, 1)
    cli_main(flow, epoch_interval=timedelta(seconds=given.epoch), recovery_config=RecoveryConfig(str(store)))
