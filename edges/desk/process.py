"""The desk from its start to its end. It needs Kafka alone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Set
from functools import cached_property, partial
from typing import Any, Final
from urllib.parse import urlsplit

from edges.database.postgres import opened, pool
from edges.desk.leaders import Leaders
from edges.desk.metrics import DeskMetrics
from edges.desk.reader import LeaderLostError
from edges.desk.run import DeskRun
from edges.desk.settings import DeskConfiguration, DeskSettings
from edges.desk.spoken_words import Words
from edges.desk.state import TOPICS
from edges.desk.writer import WRITTEN
from edges.kafka.producer import Producer
from edges.process import EdgeProcess, serving
from edges.web.sign_in import SignIn
from edges.web.website import signing_in
from service import gc_control
from service.logs import logger

_log = logger(__name__)

_WRITE_SECONDS: Final = 1.0  # of these, for what is written when the web server has stopped


class DeskProcess(EdgeProcess[DeskSettings, DeskMetrics]):
    """Run once. Where it works without partitions that nobody led, it begins again once somebody does."""

    name = id_key = "desk"

    def __init__(self, configuration: DeskConfiguration) -> None:
        connection = configuration.connection
        super().__init__(configuration.desk, connection, DeskMetrics(configuration.objectives), start="the desk starts")
        self._configuration = configuration
        self._leaders = Leaders(connection, (*TOPICS, "sites"))

    async def _serve(self) -> None:
        gc_control.collect_seldom()
        try:
            while True:
                others = asyncio.all_tasks()
                await self._work_once()
                await _end(asyncio.all_tasks() - others)  # claims, fetches
                gc_control.unfreeze_and_collect()
        finally:
            await asyncio.to_thread(self._leaders.close)

    async def _work_once(self) -> None:
        """Read and serve; return where there would be more to read, or less, at another start."""
        began = time.monotonic()
        async with contextlib.AsyncExitStack() as last, contextlib.AsyncExitStack() as stack:
            producer = Producer(self._connection, WRITTEN, pulse_topic="claims")
            stack.push_async_callback(producer.stop, _WRITE_SECONDS)
            await producer.start()
            encoders = await self._framing.writers(WRITTEN, partial(self._readiness.say, "registry"))
            run = self._new_run(producer, dict(zip(WRITTEN, encoders, strict=True)))
            last.push_async_callback(run.reader.stop)
            stack.push_async_callback(run.fetchers.stop)
            self._readiness.wait("topics", "the topics are being read")
            try:
                await run.reader.start(self._configuration.lookback_ms, self._leaders)
            except LeaderLostError:
                self._say_again("nobody leads a partition that was being read", self._leaders.given_up)
                return
            self._readiness.arrive("topics")
            gc_control.collect_and_freeze()
            run.go_live()
            words = Words()
            stack.callback(words.close)
            ledger = None
            if self._configuration.postgres is not None:
                ledger = await stack.enter_async_context(opened(pool(self._configuration.postgres, "ronde desk")))
            app = run.application(self._sign_in, words, ledger)
            web = await serving("the desk", app, self._settings, self._configuration.web)
            stack.push_async_callback(web.stop)
            stack.callback(run.channel.close)
            self._readiness.arrive("start")
            _log.info(
                "desk listens",
                address=web.address,
                seconds=round(time.monotonic() - began, 1),
                sites=len(run.sites),
                incidents=sum(1 for _ in run.state.open_incidents()),
                unread=sorted(run.reader.unread),
            )
            await run.look()
            self._settings = self._settings.model_copy(update={"port": urlsplit(web.address).port})
            self._say_again("somebody leads partitions that nobody led", run.reader.unread)

    def _new_run(self, producer: Producer, encoders: dict[str, Callable[[Any], bytes]]) -> DeskRun:
        """A run that knows nothing yet."""
        return DeskRun(
            self._configuration, self._framing, self._leaders, self._metrics, self._readiness, producer, encoders
        )

    @cached_property
    def _sign_in(self) -> SignIn:
        """Who has signed in and out stays so where the desk begins again: sessions end with the process."""
        return signing_in("desk", self._configuration.web, self._settings.public_url)

    def _say_again(self, reason: str, partitions: Iterable[int]) -> None:
        _log.warning("the desk starts again", reason=reason, partitions=sorted(partitions))
        self._readiness.wait("start", f"the desk starts again: {reason}")
        self._readiness.arrive("topics", "view")


async def _end(tasks: Set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
