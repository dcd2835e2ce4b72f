"""How long a process pauses before it asks again what is away: Kafka, the schema registry, PostgreSQL.

A worker, a sink and an edge ask for as long as it takes; a command, for which a person waits, says itself when it gives
up. A job that has times of its own, as deleting what is old, keeps its pauses beside them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException

from schemas.avro.errors import RegistryUnreachable

if TYPE_CHECKING:
    from service.readiness import ProcessReadiness

KAFKA_SECONDS: Final = 0.1  # between two attempts of one question
KAFKA_START_SECONDS: Final = 0.5  # between two checks of all that must hold at the start
REGISTRY_SECONDS: Final = 1.0
EDGE_SECONDS: Final = 0.5  # an edge at work, between two attempts at any of the three
EDGE_START_SECONDS: Final = 1.0  # an edge at its start, which asks Kafka where to begin reading
# PostgreSQL: this at first, twice as long after each failure, up to the setting sink.longest_pause_seconds.
_POSTGRES_SECONDS: Final = 0.5
_MOST_DOUBLINGS: Final = 20

R = TypeVar("R")


class _Counter(Protocol):
    def inc(self) -> None: ...


def kafka_answer(ask: Callable[[], R], is_asked_again: Callable[[KafkaError], bool]) -> R:
    """Ask until the broker answers. Raises `KafkaException` of an error that is not asked again for."""
    while True:
        try:
            return ask()
        except KafkaException as raised:
            if not is_asked_again(raised.args[0]):
                raise
            time.sleep(KAFKA_SECONDS)


def retriable_for(seconds: float) -> Callable[[KafkaError], bool]:
    """Whether to ask again, from now on for so long: where Kafka calls the error one that may pass."""
    give_up = time.monotonic() + seconds
    return lambda error: error.retriable() and time.monotonic() <= give_up


async def registry_answer(ask: Callable[[], R], readiness: ProcessReadiness, failures: _Counter) -> R:
    """Ask, in a thread, until the schema registry answers; meanwhile the process is not ready."""
    while True:
        try:
            answer = await asyncio.to_thread(ask)
        except RegistryUnreachable as error:
            failures.inc()
            readiness.wait("registry", str(error))
            await asyncio.sleep(REGISTRY_SECONDS)
        else:
            readiness.arrive("registry")
            return answer


def postgres_pause(failures: int, longest_seconds: float) -> float:
    """Seconds to pause after so many failures in a row (from 1)."""
    return min(_POSTGRES_SECONDS * 2.0 ** min(failures - 1, _MOST_DOUBLINGS), longest_seconds)
