"""Asking the broker about itself, without waiting where that is of no use, and saying what is wrong.

librdkafka tries on after any error, and a wrong password looks like a broker that is away. What it tells beside is
heard here, so that the caller learns within seconds what to correct.
"""

from __future__ import annotations

import concurrent.futures
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from confluent_kafka import KafkaError
    from confluent_kafka.admin import AdminClient

    from streams.settings import Settings

ANSWER_SECONDS: Final = 8.0  # after which a broker counts as not reachable
_GRACE_SECONDS: Final = 2.0  # after which a client that has not kept to its time never will
# After a refusal, another broker of the cluster may still let us in; not later than this.
_REFUSED_SECONDS: Final = 1.0
_SHOW_SECONDS: Final = 8.0  # until what was made is shown
_LOOK_SECONDS: Final = 0.05

AWAY: Final = frozenset({"_TRANSPORT", "_TIMED_OUT", "_TIMED_OUT_QUEUE", "_ALL_BROKERS_DOWN"})
_FINAL: Final = frozenset({"_AUTHENTICATION", "_SSL"})  # no attempt will end otherwise

T = TypeVar("T")


class BrokerError(Exception):
    """The broker cannot be reached, or refuses; the message says which and what to do."""


class BrokerAwayError(BrokerError):
    """Nobody answers: that may pass by itself."""


def remedy(role: str | None) -> str:
    """The remedy for missing rights; None: those of an administrator."""
    if role is None:
        return "this takes an administrator of the broker"
    return (
        f"its administrator gives this principal what it needs by `ronde topics acl --role {role} "
        "--principal User:NAME --apply`"
    )


class Admin:
    """An admin client. ``role`` is that of `schemas.contract.roles` whose rights it needs; None: an administrator's."""

    def __init__(self, settings: Settings, role: str | None = None) -> None:
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - heavy

        self.servers = settings.kafka["bootstrap.servers"]
        self._protocol = settings.kafka.get("security.protocol", "plaintext").upper()
        self.role = role
        self._heard = ""
        self._refused: tuple[str, float] | None = None  # the kind of error, and when it came
        hearing = logging.Logger("streams.kafka.admin", level=logging.INFO)
        hearing.addHandler(_Hearing(self))
        properties: dict[str, Any] = {**settings.client("admin"), "error_cb": self._hear}
        self.client: AdminClient = AdminClient(properties, logger=hearing)

    def topics(self, names: Iterable[str]) -> dict[str, int]:
        """Those of these topics (by name on the broker) that are there, with their number of partitions.

        Raises `BrokerError`: the broker cannot be reached, or does not let us see one of them.
        """
        from confluent_kafka import KafkaError  # noqa: PLC0415 - heavy

        answers = {}
        for name, outcome in self.outcomes(self.describe_topics(names)).items():
            if not isinstance(outcome, KafkaError):
                answers[name] = len(outcome.partitions)
            elif outcome.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise self.error(f"topic {name}", outcome)
        return answers

    def describe_topics(self, names: Iterable[str]) -> Mapping[str, Future[Any]]:
        """Ask for topics by name on the broker, and for what we may do with each."""
        from confluent_kafka import TopicCollection  # noqa: PLC0415 - heavy

        requests: Mapping[str, Future[Any]] = self.client.describe_topics(
            TopicCollection(list(names)), include_authorized_operations=True, request_timeout=ANSWER_SECONDS
        )
        return requests

    def describe_groups(self, names: Iterable[str]) -> Mapping[str, Future[Any]]:
        """Ask for groups, and for what we may do with each."""
        requests: Mapping[str, Future[Any]] = self.client.describe_consumer_groups(
            list(names), include_authorized_operations=True, request_timeout=ANSWER_SECONDS
        )
        return requests

    def outcomes(self, requests: Mapping[Any, Future[T]], seconds: float = ANSWER_SECONDS) -> dict[Any, T | KafkaError]:
        """Return the answer to each request, or the broker's error. ``seconds``: the time-out of the requests.

        Raises `BrokerError` as soon as it is plain that none will come.
        """
        from confluent_kafka import KafkaException  # noqa: PLC0415 - heavy

        give_up = time.monotonic() + seconds + _GRACE_SECONDS
        waiting = set(requests.values())
        while waiting:
            _, waiting = concurrent.futures.wait(waiting, _LOOK_SECONDS)
            self.client.poll(0)
            if self._refused is not None and time.monotonic() - self._refused[1] > _REFUSED_SECONDS:
                raise self._refusal(self._refused[0])
            if waiting and time.monotonic() > give_up:  # the client itself may forget a request (librdkafka #3663)
                asked_for = next(getattr(name, "name", name) for name, asked in requests.items() if asked in waiting)
                raise BrokerAwayError(
                    f"the broker at {self.servers} did not answer what it was asked of {asked_for} within "
                    f"{seconds:.0f} s. Try again"
                )
        answers: dict[Any, T | KafkaError] = {}
        for name, answer in requests.items():
            try:
                answers[name] = answer.result()
            except KafkaException as raised:
                error: KafkaError = raised.args[0]
                if error.name() in AWAY:
                    raise self.error(str(name), error) from None
                answers[name] = error
        return answers

    def wait_until(self, is_shown: Callable[[], bool], took: str) -> None:
        """Wait until the broker shows to its clients what it ``took``, as "made the topics": it takes a moment.

        Raises `BrokerError`: it does not show it.
        """
        give_up = time.monotonic() + _SHOW_SECONDS
        while not is_shown():
            if time.monotonic() > give_up:
                raise BrokerError(f"the broker at {self.servers} {took} but does not show them: try again")
            time.sleep(_LOOK_SECONDS)

    def error(self, asked_for: str, error: KafkaError) -> BrokerError:
        """The error to raise when the broker did not give what it was asked for."""
        if self._refused is not None:
            return self._refusal(self._refused[0])
        if error.name() in AWAY:
            return self._away()
        if error.name().endswith("_AUTHORIZATION_FAILED"):
            return BrokerError(f"the broker at {self.servers} does not let us use {asked_for}: {remedy(self.role)}")
        return BrokerError(f"the broker at {self.servers} refuses {asked_for}: {error.str()}")

    def _refusal(self, kind: str) -> BrokerError:
        if kind == "_AUTHENTICATION":
            return BrokerError(
                f"the broker at {self.servers} does not accept our credentials: {self._heard}. "
                "Correct kafka.sasl.username, kafka.sasl.password and kafka.sasl.mechanism"
            )
        return BrokerError(
            f"the broker at {self.servers} cannot be trusted: {self._heard}. Name the authority that signed its "
            "certificate in kafka.ssl.ca.location, and the broker as its certificate does in kafka.bootstrap.servers"
        )

    def _away(self) -> BrokerAwayError:
        words = (
            f"no Kafka can be reached at {self.servers} (kafka.bootstrap.servers) within {ANSWER_SECONDS:.0f} s: "
            f"{self._heard or 'nothing answered'}. "
        )
        if "Disconnected" in self._heard:
            return BrokerAwayError(
                f"{words}It closes the connection: see whether that listener speaks {self._protocol} "
                "(kafka.security.protocol)"
            )
        return BrokerAwayError(f"{words}Start it (here: `ronde local up`) or correct the setting")

    def _hear(self, error: KafkaError) -> None:
        if error.name() == "_ALL_BROKERS_DOWN":  # says less than what came before it
            return
        if self._refused is None:
            self.note(error.str())
            if error.name() in _FINAL:
                self._refused = (error.name(), time.monotonic())

    def note(self, words: str) -> None:
        """Remember why a connection failed."""
        self._heard = re.sub(r" \(after \d+ms in state .*", "", words)


class _Hearing(logging.Handler):
    """Hears what the client only logs: that the broker closed the connection. The line holds addresses, no secret."""

    def __init__(self, admin: Admin) -> None:
        super().__init__()
        self._admin = admin

    def emit(self, record: logging.LogRecord) -> None:
        """Take the reason out of ``FAIL [client] [thread]: address: reason``."""
        kind, _, words = record.getMessage().partition("]: ")
        if kind.startswith("FAIL") and "Disconnected" in words:
            self._admin.note(words)
