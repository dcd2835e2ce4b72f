"""One run of the desk: what it knows since it began to read, and the parts that work on that.

Where the desk begins again, another run takes its place: nothing of the first one is known any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from edges.desk.answers import event_data
from edges.desk.api import DeskApi
from edges.desk.broker_clock import BrokerClock
from edges.desk.calls import Calls
from edges.desk.decisions import Decisions
from edges.desk.dossier import Dossier
from edges.desk.fetchers import Fetchers
from edges.desk.history import History
from edges.desk.holding import Holding
from edges.desk.merged import MergedKinds
from edges.desk.next_calls import NextCalls
from edges.desk.own_records import OwnRecords
from edges.desk.pages import FOLDER, PLACES, DeskPages
from edges.desk.reader import STALE_SECONDS, DeskReader
from edges.desk.records import Records
from edges.desk.reserved import Reserved
from edges.desk.rounds import RoundSizes
from edges.desk.site_index import SiteIndex
from edges.desk.state import TOPICS, DeskState
from edges.desk.viewed import ViewLog
from edges.desk.wallboard import COUNTED_SECONDS, FirstCallCount
from edges.desk.work import WorkList
from edges.desk.writer import Writer
from edges.kafka.errors import KafkaAwayError, UnconfirmedError
from edges.web.events import Channel
from edges.web.problems import UNCONFIRMED
from edges.web.values import write_instant
from edges.web.website import website

if TYPE_CHECKING:
    from edges.database.postgres import Pool
    from edges.desk.leaders import Leaders
    from edges.desk.metrics import DeskMetrics
    from edges.desk.settings import DeskConfiguration
    from edges.desk.spoken_words import Words
    from edges.kafka.framing import Framing
    from edges.kafka.producer import Producer
    from edges.values import Decision
    from edges.web.application import WebApplication
    from edges.web.sign_in import SignIn
    from service.readiness import ProcessReadiness

_TICK_SECONDS: Final = 0.25
_GATHER_SECONDS: Final = 0.04  # events: a write to each browser costs more than an event
_TICKS_A_LOOK: Final = 4
_TICKS_A_COUNT: Final = round(COUNTED_SECONDS / _TICK_SECONDS)
_CLOCK_PAUSE_SECONDS: Final = 30.0
_READ: Final = (*TOPICS, "sites", "alerts")


class DeskRun:
    """From the start of its reader until that is stopped.

    Attributes:
        reader: to be started and stopped by who made the run.
        fetchers: to be stopped by them.
        channel: the events for browsers, to be closed by them.
        state: what is read of the engine and the desks.
        sites: what is read of the sites.

    """

    def __init__(
        self,
        configuration: DeskConfiguration,
        framing: Framing,
        leaders: Leaders,
        metrics: DeskMetrics,
        readiness: ProcessReadiness,
        producer: Producer,
        encoders: dict[str, Callable[[Any], bytes]],
    ) -> None:
        """``producer`` is another's to start and stop; ``encoders``: by topic, of all that the desk writes."""
        connection = configuration.connection
        self._configuration = configuration
        self._settings = configuration.desk
        self._leaders = leaders
        self._metrics = metrics
        self._readiness = readiness
        self._producer = producer
        self.channel = Channel(gather=_GATHER_SECONDS)
        self.state = DeskState(connection.partitions)
        self._work = WorkList(self.state, self._publish)
        self.sites = SiteIndex()
        self.state.callees_at = self.sites.callees_at
        self._clock = BrokerClock()
        self.reader = DeskReader(
            connection,
            framing,
            self.state,
            self.sites,
            self._update,
            self._decided,
            on_live=self._clock.hear,
            left_out=configuration.canary_site,
        )
        self._reserved = Reserved(self.state, self.reader, self._clock)
        writer = Writer(producer, encoders, self._clock.now)
        self._own = OwnRecords(self.state, self.reader, writer, self._clock, self._reserved)
        self._holding = Holding(self.state, self._work, self.reader, self._own, self._reserved)
        self._next_calls = NextCalls(self._own)
        self.fetchers = Fetchers(connection, self.reader.age)
        self._decoders = {topic: framing.reader(topic) for topic in _READ}
        self._records = Records(self.fetchers, self._decoders, self.sites)
        self._sizes = RoundSizes(self.state, self._records)
        self._merged = MergedKinds(self.state, self._records)
        self._first_calls = FirstCallCount(self.state, configuration.objectives)
        self._measuring: asyncio.Task[None] | None = None
        self._counting: asyncio.Task[None] | None = None
        self._is_live = False

    def go_live(self) -> None:
        """Make the list of work, once all is read; from now on the run keeps it up, and publishes what changes."""
        self._list_work()
        self._is_live = True

    def application(self, sign_in: SignIn, words: Words, ledger: Pool | None) -> WebApplication:
        """The desk's API and pages; ``ledger`` is None where no PostgreSQL is set."""
        application = website(
            "desk",
            version("ronde"),
            self._configuration.web,
            folder=FOLDER,
            places=PLACES,
            public_url=self._settings.public_url,
            sign_in=sign_in,
            errors={UnconfirmedError: UNCONFIRMED, KafkaAwayError: UNCONFIRMED},
        )
        holding = self._holding
        api = DeskApi(
            holding,
            Calls(holding, self._own, self._next_calls, self._records, words, self._metrics.words),
            Decisions(holding, self._own, self._merged),
            Dossier(self.state, self._records, self._merged, self.sites, self._decoders, lambda: self.reader.unread),
            History(ledger),
            self.channel,
            ViewLog(self._own),
        )
        application.add_routes(api.routes())
        application.state.unread = lambda: self.reader.unread
        application.state.pages.clock = self._clock.now
        pages = DeskPages(api, application.state.pages, self._settings.centre, self._first_calls)
        application.add_routes(pages.routes())
        return application

    # --- what happens -----------------------------------------------------------------------------

    def _decided(self, decision: Decision) -> None:
        self._next_calls.on_decision(decision)

    def _update(self) -> None:
        """Bring the list of work up to what is read and to the time, and fetch what that lacks."""
        if self._is_live:
            self._list_work()
            self._sizes.catch_up()
            self._merged.catch_up()

    def _list_work(self) -> None:
        self.state.monotonic = time.monotonic()
        self._work.update(self._clock.now())

    def _publish(self, name: str, value: Any) -> None:
        """Tell the browsers."""
        if not self._is_live:
            return  # who comes reads the list
        self.channel.publish(name, event_data(value))

    # --- how it is --------------------------------------------------------------------------------

    async def look(self) -> None:
        """Let time pass: holds end, calls expire; say how old it all is. Raises when a reader has ended.

        Returns once partitions that this desk does without are led again.
        """
        back, tick = asyncio.create_task(self._wait_back()), 0
        while not back.done():
            if self.reader.failure is not None:
                raise self.reader.failure
            self._update()
            ages = self.reader.ages()
            self._reserved.watch_ages(ages)
            self._ask_the_time()
            if tick % _TICKS_A_LOOK == 0:
                behind = [partition for partition, age in enumerate(ages) if age > STALE_SECONDS]
                self._publish_age(ages, behind)
                self._show_readiness(behind)
                self._show_metrics(ages, behind)
            if tick % _TICKS_A_COUNT == 0 and (self._counting is None or self._counting.done()):
                self._counting = asyncio.create_task(self._count_first_calls())
            tick += 1
            await asyncio.sleep(_TICK_SECONDS)
        back.result()

    async def _wait_back(self) -> None:
        if self.reader.unread:
            await self._leaders.wait_back(self.reader.unread, partial(self._readiness.say, "leaders"))
        else:
            await asyncio.Event().wait()

    def _ask_the_time(self) -> None:
        """Have the broker's time measured where ours is in doubt: by a wrong one, calls would seem to be over."""
        if self._work.forgotten:
            self._clock.doubt()
        if self._clock.is_doubted and (self._measuring is None or self._measuring.done()):
            self._measuring = asyncio.create_task(self._measure_clock())

    async def _measure_clock(self) -> None:
        await self._own.measure_clock(self._settings.id)
        if self._clock.is_doubted:  # in vain: each claim that is not taken may be written later
            await asyncio.sleep(_CLOCK_PAUSE_SECONDS)

    def _publish_age(self, ages: list[float], behind: list[int]) -> None:
        self.channel.publish(
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

    def _show_readiness(self, behind: list[int]) -> None:
        self._readiness.say("view", self._why_behind() if behind else None)
        if self._clock.differs_ms:
            self._readiness.remark("clock", f"the clock differs from the broker's by {self._clock.differs_ms} ms")
        else:
            self._readiness.withdraw("clock")

    def _why_behind(self) -> str:
        unread = ", ".join(map(str, sorted(self.reader.unread)))
        if unread:
            return f"nobody led these partitions when the desk started: {unread}"
        return f"what is read is older than {STALE_SECONDS:.0f} s"

    def _show_metrics(self, ages: list[float], behind: list[int]) -> None:
        metrics = self._metrics
        metrics.view_age.set(max(ages))
        metrics.streams.set(self.channel.clients)
        metrics.forgotten.set(len(self._work.forgotten))
        metrics.unconfirmed.set(self._producer.unconfirmed)
        metrics.undecodable.set(self.reader.undecodable)
        metrics.open_incidents.set(sum(1 for _ in self.state.open_incidents()))
        counts = dict.fromkeys(((urgency, held) for urgency in (1, 2, 3, 4) for held in ("yes", "no")), 0)
        oldest = self._clock.now()
        now = oldest
        for item in self._work.items.values():
            counts[item.urgency, "no" if item.holder is None else "yes"] += 1
            if item.holder is not None or item.item == "ATTENTION":
                continue
            if behind and self.state.partition_of(item.subject) in behind:
                continue  # who has taken it may not be read yet: desks that have read it tell
            oldest = min(oldest, item.since)
        for (urgency, held), count in counts.items():
            metrics.work.labels(urgency, held).set(count)
        metrics.oldest.set((now - oldest) / 1000)

    async def _count_first_calls(self) -> None:
        counted = await self._first_calls.rows(self._clock.now())
        self._metrics.count_first_calls({row.kind: (row.calls, row.within) for row in counted})
