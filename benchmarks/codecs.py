"""Our readers and writers beside fastavro's, on the same bytes (docs/adr/0008).

``python -m benchmarks.codecs``, and ``python -m streams.runtime.native_form benchmarks.codecs`` for the compiled form.
fastavro is asked for the least: it reads into dicts and writes from dicts that are there already, while ours read and
write the core's own values. Microseconds of CPU a value, the least of the rounds, both taking turns in one process.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import fastavro

from benchmarks.stages import NOW, alert_value, site_value
from schemas import encode
from schemas.avro.canonical import without_logical_types
from schemas.avro.framing import SINGLE_OBJECT_SIZE
from schemas.avro.loader import load
from streams.escalation.procedures import DEFAULTS
from streams.escalation.state import EMPTY
from streams.escalation.step import on_event
from streams.escalation.values import Alert, Site, SiteRecord, Source
from streams.formats.codec import Codec
from streams.runtime import native_form

ROUNDS: Final = 15
CALLS: Final = 2000


def least(functions: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Microseconds a call of each, the least of the rounds, taking turns."""
    best = dict.fromkeys(functions, float("inf"))
    for _ in range(ROUNDS):
        for name, function in functions.items():
            begun = time.process_time()
            for _ in range(CALLS):
                function()
            best[name] = min(best[name], (time.process_time() - begun) / CALLS * 1e6)
    return best


class FastAvro:
    """fastavro's reader and writer of one schema."""

    def __init__(self, name: str) -> None:
        self._schema = fastavro.parse_schema(without_logical_types(load(name)))

    def read(self, data: bytes) -> Any:
        """Read the value behind our header."""
        stream = io.BytesIO(data)
        stream.seek(SINGLE_OBJECT_SIZE)
        return fastavro.schemaless_reader(stream, self._schema, None)

    def write(self, value: Any) -> bytes:
        """Write a value without a header."""
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, self._schema, value)
        return stream.getvalue()


def cases() -> dict[str, dict[str, Callable[[], object]]]:
    """What a worker reads and writes for an alert that opens an incident."""
    codec = Codec()
    site_bytes, alert_bytes = encode("Site", site_value(1)), encode("Alert", alert_value(1, 0))
    site, alert = codec.decode_site(site_bytes), codec.decoders["alerts"](alert_bytes)
    assert isinstance(site, Site)
    assert isinstance(alert, Alert)
    step = on_event(EMPTY, SiteRecord(1, site), alert, Source("alerts", 0, 1), NOW, DEFAULTS)
    state, call, decision = step.state, step.outputs[0].value, step.outputs[-1].value
    assert call is not None
    assert decision is not None
    write_call, write_decision = codec.encoders["calls"], codec.encoders["decisions"]
    read_alert = codec.decoders["alerts"]
    state_bytes = codec.encode_state(state)
    theirs = {name: FastAvro(name) for name in ("Alert", "Site", "State", "CallCommand", "Decision")}
    dicts = {
        "State": theirs["State"].read(state_bytes),
        "CallCommand": theirs["CallCommand"].read(write_call(call)),
        "Decision": theirs["Decision"].read(write_decision(decision)),
    }
    assert theirs["State"].write(dicts["State"]) == state_bytes[SINGLE_OBJECT_SIZE:], "the same bytes"
    return {
        "Alert, read": {"ours": lambda: read_alert(alert_bytes), "fastavro": lambda: theirs["Alert"].read(alert_bytes)},
        "Site, read": {
            "ours": lambda: codec.decode_site(site_bytes),
            "fastavro": lambda: theirs["Site"].read(site_bytes),
        },
        "State, read": {
            "ours": lambda: codec.decode_state(state_bytes),
            "fastavro": lambda: theirs["State"].read(state_bytes),
        },
        "CallCommand, write": {
            "ours": lambda: write_call(call),
            "fastavro": lambda: theirs["CallCommand"].write(dicts["CallCommand"]),
        },
        "Decision, write": {
            "ours": lambda: write_decision(decision),
            "fastavro": lambda: theirs["Decision"].write(dicts["Decision"]),
        },
        "State, write": {
            "ours": lambda: codec.encode_state(state),
            "fastavro": lambda: theirs["State"].write(dicts["State"]),
        },
    }


def main() -> None:
    """Measure and print the table."""
    sys.stdout.write(f"{native_form.form()}, µs of CPU a value\n{'':22}{'ours':>8}{'fastavro':>10}{'ratio':>8}\n")
    for name, functions in cases().items():
        best = least(functions)
        ours, theirs = best["ours"], best["fastavro"]
        sys.stdout.write(f"{name:22}{ours:8.2f}{theirs:10.2f}{theirs / ours:8.1f}\n")


if __name__ == "__main__":
    main()
