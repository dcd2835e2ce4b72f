"""A storm: everybody's alerts at once, and some panels that have run away; whether the quiet sites feel those.

The same storm twice, without the runaways and with them: one site at 50 alerts a second, and 50 panels at one a
second each. Latency is from an alert to its decision at a reader of committed records.
"""

from __future__ import annotations

from typing import Any, Final

from benchmarks.arrivals import Arrivals, waits
from benchmarks.contenders import Ronde
from benchmarks.figures import milliseconds
from benchmarks.latency import PROBES, WARM_SECONDS, at_pace, decisions_of, wait_ready
from benchmarks.logs import Logs
from benchmarks.pace import Stream
from benchmarks.run import run
from benchmarks.wires import RONDE

ALL: Final = 3_333  # alerts a second
RUNAWAYS: Final = (Stream("loud", 50, 1), Stream("panel", 50, 50))
QUIET_RATE: Final = ALL - sum(stream.rate for stream in RUNAWAYS)


def storm(logs: Logs, shipped: Ronde, seconds: int, *, runaways: bool) -> dict[str, Any]:
    """One run; its figures, those of the quiet sites and of the runaways."""
    warm, quiet = Stream("warm", QUIET_RATE), Stream("quiet", QUIET_RATE)
    streams = [quiet, *RUNAWAYS] if runaways else [quiet]
    site_ids = PROBES.site_ids(1) + warm.site_ids(WARM_SECONDS)
    for stream in streams:
        site_ids += stream.site_ids(seconds)
    with run(logs, shipped, site_ids) as made:
        made.start()
        arrivals = Arrivals(logs.address, made.topics.decisions)
        try:
            wait_ready(made, arrivals)
            at_pace(made, arrivals, [warm], WARM_SECONDS)
            cpu = made.cpu_seconds()
            at_pace(made, arrivals, streams, seconds)
            cpu = made.cpu_seconds() - cpu
            figures: dict[str, Any] = {}
            missing = doubled = 0
            for stream in streams:
                sent, decided, again = decisions_of(arrivals, made.topics.decisions, RONDE, stream.tag)
                missing += stream.rate * seconds - len(decided)
                doubled += again
                figures[stream.tag] = milliseconds(waits(sent, decided))
        finally:
            arrivals.close()
        return {
            "counts": not missing and not doubled,
            "missing": missing,
            "doubled": doubled,
            "streams": figures,
            "cores": round(cpu / seconds, 3),
            "peak_mib": round(made.peak_mib),
        }
