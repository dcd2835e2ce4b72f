"""The desk from its start to its end. It needs Kafka alone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Set
from functools import cached_property, partial
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from edges.database.postgres import Pool, opened, pool
from edges.desk.answers import event_data
from edges.desk.api import DeskApi
from edges.desk.broker_clock import BrokerClock
from edges.desk.calls import Calls
from edges.desk.decisions import Decisions
from edges.desk.dossier import Dossier
from edges.desk.fetchers import Fetchers
from edges.desk.history import History
from edges.desk.holding import Holding
from edges.desk.leaders import Leaders
from edges.desk.merged import MergedKinds
from edges.desk.metrics import DeskMetrics
from edges.desk.pages import FOLDER, PLACES, DeskPages
from edges.desk.reader import STALE_SECONDS, DeskReader, LeaderLostError
from edges.desk.records import Records
from edges.desk.rounds import RoundSizes
from edges.desk.settings import DeskConfiguration, DeskSettings
from edges.desk.site_index import SiteIndex
from edges.desk.spoken_words import Words
from edges.desk.state import TOPICS, DeskState
from edges.desk.viewed import ViewLog
from edges.desk.wallboard import COUNTED_SECONDS, FirstCallCount
from edges.desk.work import WorkList
from edges.desk.writer import WRITTEN, Writer
from edges.kafka.errors import KafkaAwayError, UnconfirmedError
from edges.kafka.producer import Producer
from edges.process import EdgeProcess, serving
from edges.values import Decision
from edges.web.application import WebApplication
from edges.web.events import Channel
from edges.web.problems import UNCONFIRMED
from edges.web.sign_in import SignIn
from edges.web.values import write_instant
from edges.web.website import signing_in, website
from service import gc_control
from service.logs import logger

_log = logger(__name__)

_TICK_SECONDS: Final = 0.25
_GATHER_SECONDS: Final = 0.04  # events: a write to each browser costs more than an event
_TICKS_A_LOOK: Final = 4
_TICKS_A_COUNT: Final = round(COUNTED_SECONDS / _TICK_SECONDS)
_CLOCK_PAUSE_SECONDS: Final = 30.0
_WRITE_SECONDS: Final = 1.0  # of these, for what is written when the web server has stopped
_READ: Final = (*TOPICS, "sites", "alerts")


class DeskProcess(EdgeProcess[DeskSettings, DeskMetrics]):
    """Run once. Where it works without partitions that nobody led, it begins again once somebody does."""

    name = id_key = "desk"

    def __init__(self, configuration: DeskConfiguration) -> None:
        connection = configuration.connection
        super().__init__(configuration.desk, connection, DeskMetrics(configuration.objectives), start="the desk starts")
        self._configuration = configuration
        self._leaders = Leaders(connection, (*TOPICS, "sites"))
        self._renew()

    def _renew(self) -> None:
        """Know nothing, as at first, but who has signed in."""
        configuration, connection = self._configuration, self._connection
        self._channel = Channel(gather=_GATHER_SECONDS)
        self._state = DeskState(connection.partitions)
        self._work = WorkList(self._state, self._publish)
        self._sites = SiteIndex()
        self._state.callees_at = self._sites.callees_at
        self._clock = BrokerClock()
        self._producer = Producer(connection, WRITTEN, pulse_topic="claims")
        self._reader = DeskReader(
            connection,
            self._framing,
            self._state,
            self._sites,
            self._update,
            self._decided,
            on_live=self._clock.hear,
            left_out=configuration.canary_site,
        )
        self._holding: Holding | None = None
        self._sizes: RoundSizes | None = None
        self._merged: MergedKinds | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._first_calls = FirstCallCount(self._state, configuration.objectives)
        self._counting: asyncio.Task[None] | None = None
        self._is_whole = False
        self._is_live = False

    async def _serve(self) -> None:
        gc_control.seldom()
        try:
            while True:
                others = asyncio.all_tasks()
                await self._work_once()
                await _end(asyncio.all_tasks() - others)  # claims, fetches
                self._renew()
                gc_control.let_go()
        finally:
            await asyncio.to_thread(self._leaders.close)

    async def _work_once(self) -> None:
        """Read and serve; return where there would be more to read, or less, at another start."""
        began = time.monotonic()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self._reader.stop)
            stack.push_async_callback(self._producer.stop, _WRITE_SECONDS)
            await self._producer.start()
            encoders = await self._framing.writers(WRITTEN, partial(self._readiness.say, "registry"))
            writer = Writer(self._producer, dict(zip(WRITTEN, encoders, strict=True)), self._clock.now)
            self._readiness.wait("topics", "the topics are being read")
            try:
                await self._reader.start(self._configuration.lookback_ms, self._leaders)
            except LeaderLostError:
                self._say_again("nobody leads a partition that was being read", self._leaders.given_up)
                return
            self._readiness.arrive("topics")
            gc_control.collect_and_keep()
            self._holding = Holding(self._state, self._work, self._reader, writer, self._clock)
            self._is_whole = True
            self._update()
            self._is_live = True
            fetchers = Fetchers(self._connection, self._reader.age)
            stack.push_async_callback(fetchers.stop)
            words = Words()
            stack.callback(words.close)
            ledger = None
            if self._configuration.postgres is not None:
                ledger = await stack.enter_async_context(opened(pool(self._configuration.postgres, "ronde desk")))
            app = self._application(self._holding, fetchers, words, ledger)
            web = await serving("the desk", app, self._settings, self._configuration.web)
            stack.push_async_callback(web.stop)
            stack.callback(self._channel.close)
            self._readiness.arrive("start")
            _log.info(
                "desk listens",
                address=web.address,
                seconds=round(time.monotonic() - began, 1),
                sites=len(self._sites),
                incidents=sum(1 for _ in self._state.open_incidents()),
                unread=sorted(self._reader.unread),
            )
            await self._look()
            self._settings = self._settings.model_copy(update={"port": urlsplit(web.address).port})
            self._say_again("somebody leads partitions that nobody led", self._reader.unread)

    def _say_again(self, reason: str, partitions: Iterable[int]) -> None:
        _log.warning("the desk starts again", reason=reason, partitions=sorted(partitions))
        self._readiness.wait("start", f"the desk starts again: {reason}")
        self._readiness.arrive("topics", "view")

    # --- its parts --------------------------------------------------------------------------------

    @cached_property
    def _sign_in(self) -> SignIn:
        """Who has signed in and out stays so where the desk begins again: sessions end with the process."""
        return signing_in("desk", self._configuration.web, self._settings.public_url)

    def _application(self, holding: Holding, fetchers: Fetchers, words: Words, ledger: Pool | None) -> WebApplication:
        web, settings = self._configuration.web, self._settings
        decoders = {topic: self._framing.reader(topic) for topic in _READ}
        records = Records(fetchers, decoders, self._sites)
        self._sizes = RoundSizes(self._state, records)
        self._merged = MergedKinds(self._state, records)
        application = website(
            "desk",
            version("ronde"),
            web,
            folder=FOLDER,
            places=PLACES,
            public_url=settings.public_url,
            sign_in=self._sign_in,
            errors={UnconfirmedError: UNCONFIRMED, KafkaAwayError: UNCONFIRMED},
        )
        api = DeskApi(
            holding,
            Calls(holding, records, words, self._metrics.words),
            Decisions(holding, self._merged),
            Dossier(self._state, records, self._merged, self._sites, decoders, lambda: self._reader.unread),
            History(ledger),
            self._channel,
            ViewLog(holding),
        )
        application.add_routes(api.routes())
        application.state.unread = lambda: self._reader.unread
        application.state.pages.clock = self._clock.now
        pages = DeskPages(api, application.state.pages, settings.centre, self._first_calls)
        application.add_routes(pages.routes())
        return application

    # --- what happens -----------------------------------------------------------------------------

    def _decided(self, decision: Decision) -> None:
        if self._holding is not None:
            self._holding.on_decision(decision)

    def _update(self) -> None:
        """Bring the list of work up to what is read and to the time."""
        if self._is_whole:
            self._state.monotonic = time.monotonic()
            self._work.update(self._clock.now())
            for fetched in (self._sizes, self._merged):
                if fetched is not None:
                    fetched.catch_up()

    def _publish(self, name: str, value: Any) -> None:
        """Tell the browsers."""
        if not self._is_live:
            return  # who comes reads the list
        self._channel.publish(name, event_data(value))

    # --- how it is --------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Let time pass: holds end, calls expire; say how old it all is. Raises when a reader has ended.

        Returns once partitions that this desk does without are led again.
        """
        back, tick = asyncio.create_task(self._wait_back()), 0
        while not back.done():
            if self._reader.failure is not None:
                raise self._reader.failure
            self._update()
            ages = self._reader.ages()
            assert self._holding is not None
            self._holding.reserved.watch_ages(ages)
            self._ask_the_time(self._holding)
            if tick % _TICKS_A_LOOK == 0:
                self._say_how_it_is(ages)
            if tick % _TICKS_A_COUNT == 0 and (self._counting is None or self._counting.done()):
                self._counting = asyncio.create_task(self._count_first_calls())
            tick += 1
            await asyncio.sleep(_TICK_SECONDS)
        back.result()

    async def _wait_back(self) -> None:
        if self._reader.unread:
            await self._leaders.wait_back(self._reader.unread, partial(self._readiness.say, "leaders"))
        else:
            await asyncio.Event().wait()

    def _ask_the_time(self, holding: Holding) -> None:
        """Have the broker's time measured where ours is in doubt: by a wrong one, calls would seem to be over."""
        if self._work.forgotten:
            self._clock.doubt()
        if self._clock.is_doubted and (self._measuring is None or self._measuring.done()):
            self._measuring = asyncio.create_task(self._measure_clock(holding))

    async def _measure_clock(self, holding: Holding) -> None:
        await holding.measure_clock(self._settings.id)
        if self._clock.is_doubted:  # in vain: each claim that is not taken may be written later
            await asyncio.sleep(_CLOCK_PAUSE_SECONDS)

    def _say_how_it_is(self, ages: list[float]) -> None:
        behind = [partition for partition, age in enumerate(ages) if age > STALE_SECONDS]
        self._channel.publish(
            "age",
            {
                "seconds": round(max(ages), 1),
                "partitions": behind,
                "now": write_instant(self._clock.now()),
                "clock_ms": self._clock.differs_ms,
                "forgotten": len(self._work.forgotten),
            },
            is_kept=False,
        )
        self._readiness.say("view", self._why_behind() if behind else None)
        if self._clock.differs_ms:
            self._readiness.remark("clock", f"the clock differs from the broker's by {self._clock.differs_ms} ms")
        else:
            self._readiness.withdraw("clock")
        metrics = self._metrics
        metrics.view_age.set(max(ages))
        metrics.streams.set(self._channel.clients)
        metrics.forgotten.set(len(self._work.forgotten))
        metrics.unconfirmed.set(self._producer.unconfirmed)
        metrics.undecodable.set(self._reader.undecodable)
        metrics.open_incidents.set(sum(1 for _ in self._state.open_incidents()))
        counts = dict.fromkeys(((urgency, held) for urgency in (1, 2, 3, 4) for held in ("yes", "no")), 0)
        oldest = self._clock.now()
        now = oldest
        for item in self._work.items.values():
            counts[item.urgency, "no" if item.holder is None else "yes"] += 1
            if item.holder is not None or item.item == "ATTENTION":
                continue
            if behind and self._state.partition_of(item.subject) in behind:
                continue  # who has taken it may not be read yet: desks that have read it tell
            oldest = min(oldest, item.since)
        for (urgency, held), count in counts.items():
            metrics.work.labels(urgency, held).set(count)
        metrics.oldest.set((now - oldest) / 1000)

    def _why_behind(self) -> str:
        unread = ", ".join(map(str, sorted(self._reader.unread)))
        if unread:
            return f"nobody led these partitions when the desk started: {unread}"
        return f"what is read is older than {STALE_SECONDS:.0f} s"

    async def _count_first_calls(self) -> None:
        counted = await self._first_calls.rows(self._clock.now())
        self._metrics.count_first_calls({row.kind: (row.calls, row.within) for row in counted})


async def _end(tasks: Set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
