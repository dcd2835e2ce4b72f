"""Ends a worker one of whose clients is answered by no broker any more though Kafka answers others.

Such a client never finds back by itself (`service.hearing`), and a new process is the way out. While Kafka is away it
is waited for, however long that takes; when it is back, the clients have `FOUND_SECONDS` to find it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from service.hearing import SILENT_SECONDS
from streams.kafka import clients as kafka
from streams.worker import standstill

if TYPE_CHECKING:
    from streams.settings import Settings

# A client tries every 10 s at the least to reach a broker that was away (`reconnect.backoff.max.ms`). And what is known
# of one whose thread is held up is forgotten within that time.
FOUND_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 10.0


async def guard(
    seconds: Callable[[], float],
    settings: Settings,
    end: Callable[[float], None],
    steady: Callable[[], float] = time.monotonic,
) -> None:
    """Call ``end`` with the seconds that a client was silent, once that is known to be the client's fault."""
    await standstill.guard(
        seconds,
        partial(kafka.answers_as_quickly, settings),
        SILENT_SECONDS,
        end,
        steady,
        look_seconds=_LOOK_SECONDS,
        answering_seconds=FOUND_SECONDS,
    )
