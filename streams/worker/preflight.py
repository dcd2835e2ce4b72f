"""What must hold before a worker begins: the broker answers, allows what is needed, and has the contract's topics.

A mistake ends the worker at once, with its message. A broker that is away is no mistake: it is waited for.
"""

from __future__ import annotations

import asyncio
import gc
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from schemas.contract.roles import ROLES
from schemas.contract.topics import ENGINE_TOPICS
from service.logs import logger
from service.pauses import KAFKA_START_SECONDS
from streams.kafka.access import require
from streams.kafka.acl import grants
from streams.kafka.admin import BrokerAwayError, BrokerError
from streams.kafka.topics import TopicDifference, differences, find
from streams.runtime.errors import WorkerError
from streams.runtime.own_thread import in_own_thread

if TYPE_CHECKING:
    from service.readiness import ProcessReadiness
    from streams.settings import Settings

_log = logger(__name__)

_LOG_SECONDS: Final = 60.0  # that the broker is away is logged at first, and then as seldom


class TopicsDifferError(WorkerError):
    """The topics on the broker are not those of the contract; the message names each difference."""

    def __init__(self, differing: list[TopicDifference]) -> None:
        super().__init__(
            "the worker does not start on topics that differ from the contract:\n"
            + "".join(f"  {difference}\n" for difference in differing)
            + "Make the missing with `ronde topics create`; `ronde topics check` says what to do about the others."
        )


def check(settings: Settings) -> str | None:
    """Ask the broker. Return why it must be waited for, or None: it answers, and all is well.

    Raises:
        BrokerError: it refuses, or does not allow all that a worker does.
        TopicsDifferError: its topics are not the contract's.

    """
    try:
        _require_all(settings)
    except BrokerAwayError as away:
        return str(away)  # not the error itself: it holds the frames, and they hold the clients that asked
    finally:
        # The clients that asked: one must not be collected while others work, in any thread, and one that lives on
        # may end the worker when the broker comes back (librdkafka #4605).
        gc.collect()
    return None


def _require_all(settings: Settings) -> None:
    require(settings, "worker", grants(ROLES["worker"], settings.prefix, settings.worker.group))
    differing = differences(find(settings, ENGINE_TOPICS), settings, ENGINE_TOPICS)
    for difference in differing:
        if not difference.stops_workers:
            _log.warning("a topic differs from the contract: see `ronde topics check`", difference=str(difference))
    stops = [difference for difference in differing if difference.stops_workers]
    if stops:
        raise TopicsDifferError(stops)


async def wait(settings: Settings, readiness: ProcessReadiness, away: str) -> None:
    """Check again until the broker answers; ``away``: the last reason to wait. Raises what `check` raises."""
    begun, logged = time.monotonic(), -_LOG_SECONDS
    reason: str | None = away
    while reason is not None:
        readiness.wait("kafka", reason)
        if time.monotonic() - logged >= _LOG_SECONDS:
            logged = time.monotonic()
            _log.warning("the broker is waited for", reason=reason, seconds=round(logged - begun))
        await asyncio.sleep(KAFKA_START_SECONDS)
        try:
            reason = await in_own_thread(partial(check, settings), "preflight")
        except (BrokerError, WorkerError) as error:
            _log.error("the worker ends", reason=str(error))
            raise
    _log.info("the broker answers", seconds=round(time.monotonic() - begun))
