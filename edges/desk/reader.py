"""What a desk reads: all of `sites` into the index, the engine's topics and the desks' own into the state."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException

from edges.desk.deadline import left
from edges.desk.leaders import GIVEN_UP_SECONDS, LOOK_SECONDS, Leaders
from edges.desk.progress import SAID, Place
from edges.desk.read_back import ReadBacks
from edges.desk.site_index import SiteIndex
from edges.desk.state import TOPICS, DeskState
from edges.kafka import clients, lookback
from edges.kafka.errors import TopicsDifferError
from edges.kafka.framing import Framing, origin
from edges.kafka.layout import offsets
from edges.kafka.renewal import RenewedReader
from edges.kafka.view import Entry, FromOffsets, FromTime, Reading, View
from edges.values import Decision
from schemas.avro.errors import RegistryUnreachable
from schemas.contract.topics import Log
from service.logs import logger
from service.pauses import EDGE_START_SECONDS

if TYPE_CHECKING:
    from edges.settings import Connection

_log = logger(__name__)

STALE_SECONDS: Final = 5.0  # what is read is older than this: nothing is taken, closed or dispatched by it
LATE_SECONDS: Final = 3.0  # whose leaders have not answered for so long are asked apart from all others
OWN: Final = ("claims", "desk-log")
ANSWERS: Final = "call-results"
DEAD_LETTERS: Final = "dead-letters"
ENGINE: Final = tuple(topic for topic in TOPICS if topic not in OWN)
OWN_MS: Final = 7 * 24 * 3600 * 1000
_ASK_SECONDS: Final = 2.0
_DEAD_SECONDS: Final = 10.0  # answers that have ended are given to no incident that opened later
_LOOK_SECONDS: Final = 0.002
_ASKERS: Final = 16


class NotReadError(Exception):
    """A partition could not be read to its end in time."""


class LeaderLostError(Exception):
    """Nobody leads a partition any more that is being read for the first time: all begins again, without it."""


class DeskReader:
    """The views of a desk, and what they are read into.

    Attributes:
        own: who waits for a record of their own.
        unread: the partitions that this reader does without; at first all.

    """

    def __init__(
        self,
        connection: Connection,
        framing: Framing,
        state: DeskState,
        sites: SiteIndex,
        on_change: Callable[[], None],
        on_decision: Callable[[Decision], None],
        *,
        on_live: Callable[[int], None] = lambda _timestamp: None,
        left_out: str | None = None,
    ) -> None:
        """All are called in the loop: ``on_change`` after each batch, ``on_decision`` for each that is read.

        ``on_live``: with the timestamp of what comes once all that was there is read.
        ``left_out``: a site of which nothing is taken: the watchdog's canary.
        """
        self._on_live = on_live
        self._left_out = left_out
        self._connection = connection
        self._state = state
        self._sites = sites
        self._on_change = on_change
        self._on_decision = on_decision
        self._decoders = {topic: framing.reader(topic) for topic in (*TOPICS, "sites")}
        self.own = ReadBacks(state)
        self.unread = frozenset(range(connection.partitions))
        self._unled_at = time.monotonic() - GIVEN_UP_SECONDS  # that long, at least, nobody has led what is unread
        self._views: list[View] = []
        self._engine: View | None = None
        self._own: View | None = None
        self._dead: View | None = None
        self._without_dead: asyncio.Task[None] | None = None
        # A leader that does not answer keeps a thread for as long as it may, and those alone wait who ask for its logs.
        self._asking: defaultdict[tuple[Log, ...], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._askers = ThreadPoolExecutor(_ASKERS, "kafka-ends")
        # A client that asks who leads a partition knows of no leader of that topic until it is answered: late ones have
        # another than those that are not.
        self._ends = {
            is_late: RenewedReader(partial(clients.reader, connection), partial(self._give_up, is_late))
            for is_late in (False, True)
        }
        self._given_up: dict[bool, Consumer] = {}  # a question under way may still use it

    async def start(self, lookback_ms: int, leaders: Leaders) -> None:
        """Read all that there is of the partitions that somebody leads, and go on; the others stay unread.

        Raises `TopicsDifferError`, and `LeaderLostError` where nobody has led one of them for long before all is read.
        While Kafka is away it waits.
        """
        led = await leaders.wait()
        reading = asyncio.create_task(self._read(sorted(led), lookback_ms))
        try:
            while not (await asyncio.wait((reading,), timeout=LOOK_SECONDS))[0]:
                with suppress(TopicsDifferError):  # a broker that comes back; else who reads says so
                    await leaders.look()
                if leaders.given_up & led:
                    raise LeaderLostError
            reading.result()
        finally:
            reading.cancel()
        self.unread -= led
        with suppress(KafkaException):
            await asyncio.get_running_loop().run_in_executor(self._askers, self._learn_leaders)
        if self.unread:
            _log.warning("partitions are not read, as nobody leads them", partitions=sorted(self.unread))

    async def _read(self, partitions: Sequence[int], lookback_ms: int) -> None:
        def view(take: Callable[[Sequence[Entry]], None], readings: Mapping[str, Reading], **more: bool) -> View:
            return View(self._connection, readings, take, partitions=partitions, **more)

        await self._begin(view(self._take_sites, {"sites": Reading(decode=self._decoders["sites"])}, in_loop=False))
        since = FromTime(time.time_ns() // 1_000_000 - OWN_MS)
        starts = await self._starts(partitions, lookback_ms, since.ms)

        def folded(*topics: str) -> View:
            begins = {topic: FromOffsets(starts[topic]) if topic in starts else since for topic in topics}
            return view(self._take, {topic: Reading(begins[topic], self._with_bytes(topic)) for topic in topics})

        # Closes alone wait for these: where they are not read all else goes on, so they are none of the desk's views.
        self._dead = view(self._take_dead, {DEAD_LETTERS: Reading(decode_message=origin)})
        self._dead.start()
        self._without_dead = asyncio.create_task(self._say_without_dead(self._dead))
        # By what is decided the rest is kept or left out: of millions of records, those of what ended long ago.
        await self._begin(folded("decisions"))
        with suppress(Exception):  # of any kind: the desk goes on
            await asyncio.wait_for(self._dead.wait_read(), _DEAD_SECONDS)
        self._engine = folded(*(topic for topic in ENGINE if topic != "decisions"))
        await self._begin(self._engine)
        self._own = folded(*OWN)
        await self._begin(self._own)

    def _learn_leaders(self) -> None:
        """Have a client know who leads, before one who hangs is asked for it."""
        read = [number for number in range(self._connection.partitions) if number not in self.unread]
        logs = [(topic, number) for topic in (*OWN, *SAID) for number in read]
        offsets(self._ends[False].client, self._connection, logs, OFFSET_END, _ASK_SECONDS)

    async def stop(self) -> None:
        """End."""
        askers = asyncio.to_thread(self._askers.shutdown, cancel_futures=True)
        if self._without_dead is not None:
            self._without_dead.cancel()
        views = (*self._views, *(() if self._dead is None else (self._dead,)))
        await asyncio.gather(askers, *(view.stop() for view in views))
        for client in (*(reader.client for reader in self._ends.values()), *self._given_up.values()):
            client.close()

    async def _begin(self, view: View) -> None:
        self._views.append(view)
        view.start()
        await view.wait_read()

    async def _starts(self, partitions: Sequence[int], lookback_ms: int, since: int) -> dict[str, dict[int, int]]:
        decode, topics = self._decoders["decisions"], (*ENGINE, "desk-log")
        # What was seen, tried and noted stays so for as long as what it is about is read.
        ask = partial(
            lookback.starts,
            self._connection,
            topics,
            decode,
            lookback_ms,
            at_latest={"desk-log": since},
            partitions=partitions,
        )
        while True:
            try:
                return await asyncio.to_thread(ask)
            except (KafkaException, RegistryUnreachable):
                await asyncio.sleep(EDGE_START_SECONDS)

    # --- how old it is ----------------------------------------------------------------------------

    def age(self, partition: int) -> float:
        """The worst age of a partition, over all topics, in seconds; of one that is unread, for how long it is so."""
        return self.ages()[partition]

    def ages(self) -> list[float]:
        """The worst age of each partition."""
        worst = [0.0] * self._connection.partitions
        for (_, partition), age in self._ages():
            worst[partition] = max(worst[partition], age)
        for partition in self.unread:
            worst[partition] = time.monotonic() - self._unled_at
        return worst

    def _ages(self) -> list[tuple[Log, float]]:
        return [item for view in self._views for item in view.ages().items()]

    @property
    def failure(self) -> Exception | None:
        """Why something is read no more, and never will be."""
        return next((view.failure for view in self._views if view.failure is not None), None)

    @property
    def undecodable(self) -> int:
        """How many records were left out, as they do not decode."""
        return sum(view.undecodable for view in self._views)

    # --- to read what is there now ----------------------------------------------------------------

    async def to_the_end(self, partition: int, seconds: float = _ASK_SECONDS) -> None:
        """Read a partition's `claims` and `desk-log` to where they end now. Raises `NotReadError`."""
        await self._read_to_the_end(self._own, [(topic, partition) for topic in OWN], seconds)

    async def answers_to_the_end(self, partition: int, seconds: float = _ASK_SECONDS) -> None:
        """Read a partition's `call-results` to where they end now. Raises `NotReadError`."""
        await self._read_to_the_end(self._engine, [(ANSWERS, partition)], seconds)

    async def said_to_the_end(self, partition: int, seconds: float = _ASK_SECONDS) -> None:
        """Read what people said of a partition's sites to where it ends now. Raises `NotReadError`."""
        await self._read_to_the_end(self._engine, [(topic, partition) for topic in SAID], seconds)

    async def _read_to_the_end(self, view: View | None, logs: Sequence[Log], seconds: float) -> None:
        if view is None or logs[0][1] in self.unread:
            raise NotReadError
        seconds = left(seconds)
        give_up = time.monotonic() + seconds
        is_late = None
        try:
            async with asyncio.timeout(seconds), self._asking[(*logs,)]:
                is_late = max(view.age(*log) for log in logs) > LATE_SECONDS
                ask = partial(self._ask, self._ends[is_late].client, logs, give_up)
                ends = await asyncio.get_running_loop().run_in_executor(self._askers, ask)
                self._ends[is_late].answered()
        except (KafkaException, TimeoutError):
            if is_late is not None:
                self._ends[is_late].unanswered()
            raise NotReadError from None
        while any(view.position(*log) < end for log, end in ends.items()):
            if time.monotonic() > give_up:
                raise NotReadError
            await asyncio.sleep(_LOOK_SECONDS)

    def _ask(self, client: Consumer, logs: Sequence[Log], give_up: float) -> dict[Log, int]:
        """Where logs end, in a thread that may have come late to it. Raises `KafkaException`."""
        left_seconds = give_up - time.monotonic()
        if left_seconds <= 0:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - librdkafka's own codes begin so
        return offsets(client, self._connection, logs, OFFSET_END, left_seconds)

    def _give_up(self, is_late: bool, client: Consumer) -> None:
        """Keep a client; no question under way uses any more the one given up before it."""
        if (former := self._given_up.get(is_late)) is not None:
            self._askers.submit(former.close)
        self._given_up[is_late] = client

    # --- what is read -----------------------------------------------------------------------------

    def _with_bytes(self, topic: str) -> Callable[[bytes], tuple[Any, bytes]]:
        decode = self._decoders[topic]
        return lambda data: (decode(data), data)

    async def _say_without_dead(self, view: View) -> None:
        try:
            await view.wait_failed()
        except Exception as error:  # noqa: BLE001  # of any kind: the desk goes on
            _log.error("dead letters are not read, so closes wait behind them for longer", reason=str(error))
            await view.stop()

    def _take_dead(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            source = entry.value
            if source is not None and source.partition in range(self._connection.partitions):
                self._state.progress[source.partition].bury(source.topic, source.offset)

    def _take_sites(self, entries: Sequence[Entry]) -> None:
        self._sites.take(
            (entry.key, entry.partition, entry.offset, entry.value) for entry in entries if entry.key != self._left_out
        )

    def _take(self, entries: Sequence[Entry]) -> None:
        read_at = time.monotonic()
        for entry in entries:
            if entry.value is None or entry.key == self._left_out:
                continue
            value, data = entry.value
            place = Place(entry.topic, entry.partition, entry.offset, entry.timestamp, read_at)
            self._state.apply(place, value, data)
            self.own.meet(value, place)
            if isinstance(value, Decision):
                self._on_decision(value)
        if entries[-1].partition not in self.unread:
            self._on_live(entries[-1].timestamp)
        self._on_change()
