"""What must hold before a worker begins: the broker answers, allows what is needed, and has the contract's topics.

A mistake ends the worker at once, with its message. A broker that is away is no mistake: it is waited for.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import TYPE_CHECKING, Final

from schemas.contract.roles import ROLES
from schemas.contract.topics import ENGINE_TOPICS
from service.logs import logger
from streams.kafka.access import require
from streams.kafka.acl import grants
from streams.kafka.admin import BrokerAwayError, BrokerError
from streams.kafka.topics import TopicDifference, differences, find
from streams.runtime.errors import WorkerError

if TYPE_CHECKING:
    from service.readiness import ProcessReadiness
    from streams.settings import Settings

_log = logger(__name__)

_AGAIN_SECONDS: Final = 0.5
_TELL_SECONDS: Final = 60.0  # that the broker is away is logged at first, and then as seldom


class TopicsDifferError(WorkerError):
    """The topics on the broker are not those of the contract; the message names each difference."""

    def __init__(self, found: list[TopicDifference]) -> None:
        super().__init__(
            "the worker does not start on topics that differ from the contract:\n"
            + "".join(f"  {difference}\n" for difference in found)
            + "Make the missing with `ronde topics create`; `ronde topics check` says what to do about the others."
        )


def check(settings: Settings) -> None:
    """Ask the broker.

    Raises:
        BrokerAwayError: it does not answer.
        BrokerError: it refuses, or does not allow all that a worker does.
        TopicsDifferError: its topics are not the contract's.

    """
    try:
        require(settings, "worker", grants(ROLES["worker"], settings.prefix, settings.worker.group))
        found = differences(find(settings, ENGINE_TOPICS), settings, ENGINE_TOPICS)
    finally:
        gc.collect()  # the clients that asked: one must not be collected while others work, in any thread
    for difference in found:
        if not difference.stops_workers:
            _log.warning("a topic differs from the contract: see `ronde topics check`", difference=str(difference))
    stops = [difference for difference in found if difference.stops_workers]
    if stops:
        raise TopicsDifferError(stops)


async def wait(settings: Settings, readiness: ProcessReadiness, away: BrokerAwayError) -> None:
    """Check again until the broker answers; raises what `check` raises but for ``away``, its last answer."""
    begun, told = time.monotonic(), -_TELL_SECONDS
    while True:
        readiness.wait("kafka", str(away))
        if time.monotonic() - told >= _TELL_SECONDS:
            told = time.monotonic()
            _log.warning("the broker is waited for", reason=str(away), seconds=round(told - begun))
        await asyncio.sleep(_AGAIN_SECONDS)
        try:
            await _checked(settings)
        except BrokerAwayError as still:
            away = still
        except (BrokerError, WorkerError) as error:
            _log.error("the worker ends", reason=str(error))
            raise
        else:
            _log.info("the broker answers", seconds=round(time.monotonic() - begun))
            return


def _checked(settings: Settings) -> asyncio.Future[None]:
    """Check in a thread that nobody waits for when the worker ends."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        try:
            check(settings)
        except Exception as error:  # noqa: BLE001  # raised where it is awaited
            loop.call_soon_threadsafe(tell, error)
        else:
            loop.call_soon_threadsafe(tell, None)

    threading.Thread(target=run, name="preflight", daemon=True).start()
    return done
