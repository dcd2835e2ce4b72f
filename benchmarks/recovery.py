"""``kill -9`` in the middle of a backlog, and a start at once: what is lost or doubled, and how long nothing comes.

All of it is killed a moment after so many decisions are visible. It is back when more are visible than lay in the
log when it was killed, seen or not.
"""

from __future__ import annotations

import time
from typing import Any, Final

from benchmarks.contenders import Contender
from benchmarks.drain import Load, figures, finish
from benchmarks.logs import PARTITIONS, Logs
from benchmarks.run import run

AFTER_SECONDS: Final = 0.15  # in the middle of something
START_SECONDS: Final = 90.0
MARKERS: Final = 2 * PARTITIONS  # the end of the dead transaction, and of the first of the new life, a partition


def recovery(logs: Logs, contender: Contender, whole: Load, share: float, patience: float) -> dict[str, Any]:
    """One run, killed when ``share`` of the decisions are visible; its figures."""
    load = whole.part(contender.share)
    with run(logs, contender, load.site_ids()) as made:
        logs.write(made.topics.alerts, load.records(contender.wire))
        started = made.start()
        made.follow(lambda count, _: count >= load.alerts * share, START_SECONDS, START_SECONDS)
        time.sleep(AFTER_SECONDS)
        made.kill()
        killed = time.time()
        visible = sum(logs.ends(made.topics.decisions))
        appended = sum(logs.ends(made.topics.decisions, committed=False))
        made.start()
        is_back = made.follow(lambda count, _: count > appended + MARKERS, patience, patience)
        back = made.looks[-1].at - killed if is_back else None
        found = finish(made, load, patience, 3 * patience)
        row = figures(made, load, started, found)
        return {
            **{name: row[name] for name in ("verdict", "counts", "is_alive", "peak_mib")},
            "load": load._asdict(),
            "visible_at_kill": visible,
            "appended_at_kill": appended,
            "back_seconds": back,
        }
