"""`ronde watchdog` from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, Final

from edges.errors import EdgeError
from edges.kafka.producer import Producer
from edges.process import EdgeProcess
from edges.watchdog.bulletins import Bulletins
from edges.watchdog.canary_player import WRITTEN, CanaryPlayer
from edges.watchdog.findings import Kind, Report, summary
from edges.watchdog.judge import CURRENT_SECONDS, Judge, Limits, Place, present
from edges.watchdog.metrics import WatchdogMetrics
from edges.watchdog.reading import EngineReader
from edges.watchdog.settings import WatchdogConfiguration, WatchdogSettings
from edges.watchdog.webhooks import Webhooks
from service.clock import now_ms
from service.logs import logger

_log: Final = logger(__name__)

_LOOK_SECONDS: Final = 1.0
_EVENTS: Final = {"began": "a finding began", "changed": "a finding changed", "ended": "a finding ended"}
_PRODUCER_SECONDS: Final = 1.0


class WatchdogProcess(EdgeProcess[WatchdogSettings, WatchdogMetrics]):
    """The process of `ronde watchdog`; it runs once."""

    name = "watchdog"

    def __init__(self, configuration: WatchdogConfiguration) -> None:
        settings, connection = configuration.watchdog, configuration.connection
        super().__init__(settings, connection, WatchdogMetrics(), kafka="the topics have not been read yet")
        self._configuration = configuration
        self._judge = Judge(
            connection.partitions,
            limits_of(settings, configuration.catch_up_seconds),
            round(time.monotonic() * 1000),
            configuration.canary_site,
        )
        self._bulletins = Bulletins(settings.id)
        self._report: Report = {}
        self._player: CanaryPlayer | None = None
        self._age = float("inf")  # of what was read, in seconds

    async def run(self) -> None:
        """Watch until SIGTERM or SIGINT. Raises `EdgeError`."""
        if self._settings.canary_account is not None and self._configuration.canary_site is None:
            raise EdgeError("watchdog.canary_account is set, and canary.site is not: set both, or neither")
        try:
            await super().run()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None

    async def _serve(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            webhooks = Webhooks(self._settings, self._metrics)
            stack.push_async_callback(webhooks.close)
            reader = EngineReader(
                self._connection,
                self._framing,
                self._judge,
                lookback_ms=self._configuration.lookback_ms,
                also=self._also,
            )
            stack.push_async_callback(reader.stop)
            async with asyncio.TaskGroup() as group:
                for part in (reader.run(), webhooks.post(), webhooks.ping(self._is_well), self._look(reader, webhooks)):
                    group.create_task(part)
                if self._settings.canary_account is not None:
                    self._player = self._make_player(stack)
                    group.create_task(self._player.run())

    def _make_player(self, stack: contextlib.AsyncExitStack) -> CanaryPlayer:
        site_id = self._configuration.canary_site
        assert site_id is not None
        producer = Producer(self._connection, WRITTEN)
        stack.push_async_callback(producer.stop, _PRODUCER_SECONDS)
        return CanaryPlayer(
            self._settings, site_id, producer, self._framing, self._metrics, self._is_current, self._is_fresh
        )

    def _also(self, place: Place, value: Any) -> None:
        """Take a record for the canary."""
        if self._player is not None:
            self._player.take(place, value, self._judge.calls[place.partition].holder)

    def _is_current(self) -> bool:
        """Whether Kafka is read to its end."""
        return self._judge.has_begun and not self._readiness.reasons and Kind.KAFKA not in self._report

    def _is_fresh(self) -> bool:
        return self._age <= CURRENT_SECONDS

    def _is_well(self) -> bool:
        return not self._report and not self._readiness.reasons

    async def _look(self, reader: EngineReader, webhooks: Webhooks) -> None:
        """Judge each second, and report what changes."""
        while True:
            now = now_ms()
            ages = reader.ages()
            self._age = max(ages.values())
            report = dict(self._judge.judge(now, round(time.monotonic() * 1000), ages))
            if self._player is not None:
                found = {
                    Kind.RECEIVER: self._player.receiver(),
                    Kind.CANARY: self._player.judge(now, self._judge.has_jumped),
                }
                report |= present({kind: summary([finding] if finding else []) for kind, finding in found.items()})
            self._report = report
            for event, kind, bulletin in self._bulletins.update(report, now):
                _log.warning(_EVENTS[event], **bulletin.log_values)
                if event == "began":
                    self._metrics.began.labels(kind.value).inc()
                webhooks.send(bulletin)
            self._show(reader, self._age)
            await asyncio.sleep(_LOOK_SECONDS)

    def _show(self, reader: EngineReader, age: float) -> None:
        """Keep gauges and readiness true."""
        metrics, report = self._metrics, self._report
        for kind in Kind:
            metrics.findings.labels(kind.value).set(report[kind].count if kind in report else 0)
        metrics.incidents.set(sum(part.count for part in self._judge.incidents))
        metrics.kept.set(self._judge.kept)
        metrics.age.set(age)
        metrics.undecodable.set(reader.undecodable)
        if Kind.KAFKA in report:
            self._readiness.wait("kafka", "Kafka does not answer, or is not read to its end")
        elif self._judge.has_begun:
            self._readiness.arrive("kafka")


def _first(errors: BaseException) -> BaseException:
    """The first error of a group, and of the groups in it: one part's end ends the others."""
    while isinstance(errors, BaseExceptionGroup):
        errors = errors.exceptions[0]
    return errors


def limits_of(settings: WatchdogSettings, catch_up_seconds: int) -> Limits:
    """The judge's limits by the settings."""
    return Limits(
        deadline=1000 * (catch_up_seconds + settings.deadline_seconds),
        input=1000 * settings.input_seconds,
        call=1000 * settings.call_seconds,
        blocked=1000 * settings.blocked_seconds,
        kafka=1000 * settings.kafka_seconds,
        is_desk_used=settings.desk,
    )
