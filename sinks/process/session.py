"""One session of the sink: connections to PostgreSQL and to the group; it ends with the first that breaks.

The next session begins with new connections and a new assignment. The chunk under way was undone or committed by then;
the positions in the ledger say which.
"""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from schemas.avro.errors import RegistryUnreachable
from service.hearing import SILENT_SECONDS, Hearing
from service.logs import logger
from service.pooling import refuse_shared_sessions
from sinks import faults
from sinks.database.migrate import migrate
from sinks.database.postgres import Connection, away, connect
from sinks.errors import Away, SinkError
from sinks.forget.erasures import ErasureLog, carry_out, create_topic, parse
from sinks.read.consumer import LedgerConsumer
from sinks.read.framing import Framing
from sinks.read.lag import Lag
from sinks.read.offsets import Offsets
from sinks.rows.chunk import LedgerChunk, RowDecoder
from sinks.write.ledger import Ledger, WriteResult
from sinks.write.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.lost_leader import Standstill
    from service.registry import Registry
    from sinks.observe.metrics import SinkMetrics
    from sinks.observe.readiness import SinkReadiness
    from sinks.settings import Configuration

_log = logger(__name__)

_LOOK_SECONDS: Final = 1.0  # between two looks at erasures, months and positions
_QUIET_SECONDS: Final = 3.0  # without a record, after which none is taken to wait for the registry
_HEARING_SECONDS: Final = 3.0  # for an answer that nothing depends on but whether there is one


class Session:
    """Made and run once. Raises `Away`, `Fenced`, `SinkError`; `close` in any case.

    ``standstill`` judges this session and those before it.
    ``has_written``: whether it has committed a chunk.
    """

    def __init__(
        self,
        configuration: Configuration,
        registry: Registry | None,
        standstill: Standstill,
        readiness: SinkReadiness,
        metrics: SinkMetrics,
    ) -> None:
        self.has_written = False
        self._quiet_since = time.monotonic()
        self._standstill = standstill
        self._readiness = readiness
        self._metrics = metrics
        self._registry = registry
        self._stack = ExitStack()
        readiness.wait("group", "the group has not assigned partitions yet")
        try:
            self._connection = self._open(configuration)
            create_topic(configuration)
            self._erasures = ErasureLog(configuration)
            self._stack.callback(self._erasures.close)
            self._erasures.begin()
            self._erase(self._erasures.rest())
            self._ledger = Ledger(self._connection, configuration.sink.id)
            self._ledger.add_months(_this_month_and_the_next())
            self._writer = Writer(self._write, self._written)
            self._stack.callback(self._writer.close)
            offsets = Offsets(configuration)
            self._stack.callback(offsets.close)
            self._hearings = (self._erasures.hearing, offsets.hearing)
            self._decoder = RowDecoder(configuration.topic, registry, Framing(configuration, offsets).judge)
            self._lag = Lag(offsets, configuration.fed, readiness, metrics)
            self._stack.callback(self._lag.close)
            self._source = LedgerConsumer(
                configuration, self._ledger, self._writer, offsets, self._lag, readiness, metrics
            )
            self._stack.callback(self._source.close)
            self._source.subscribe()
            self._lag.start()
            self._readiness.arrive("kafka")
        except BaseException:
            self.close()
            raise

    def run(self, stopping: threading.Event) -> None:
        """Write until ``stopping`` is set."""
        looked = time.monotonic()
        while not stopping.is_set():
            self._turn()
            if time.monotonic() - looked > _LOOK_SECONDS:
                looked = time.monotonic()
                self._writer.settle()
                self._erase(self._erasures.news())
                self._ledger.add_months(_this_month_and_the_next())
                self._source.note_positions()
                self._lag.reach(self._erasures.positions())
                self._refuse_standstill()
                self._source.look_for_topics()
                self._erasures.listen(_HEARING_SECONDS)
                self._source.listen(_HEARING_SECONDS)
                _refuse_silence(self._source.hearing, *self._hearings)
        self._writer.settle()

    def close(self) -> None:
        """Leave the group and PostgreSQL."""
        self._stack.close()

    def _open(self, configuration: Configuration) -> Connection:
        connection = connect(configuration.postgres, f"ronde sink {configuration.sink.id}")
        self._stack.callback(connection.close)
        with away():
            refuse_shared_sessions(connection, configuration.postgres, "sink", SinkError)
        for migration in migrate(connection):
            _log.info("the ledger was migrated", number=migration.number, name=migration.name)
        self._readiness.arrive("start", "postgres")
        return connection

    def _turn(self) -> None:
        messages = self._source.poll()
        if messages or "group" in self._readiness.reasons:
            self._quiet_since = time.monotonic()
        if not messages:
            self._writer.settle()
            if time.monotonic() - self._quiet_since > _QUIET_SECONDS:
                self._readiness.arrive("registry")  # what waited for it is another sink's now, or gone
            return
        faults.at("after_poll")
        try:
            chunk = self._decoder.decode(messages)
        except RegistryUnreachable as error:
            raise Away("registry", str(error)) from None
        finally:
            self._log_registry()
        self._readiness.arrive("registry")
        chunk.prepare()
        self._writer.settle()
        faults.at("after_decode")
        self._writer.write(chunk)

    def _refuse_standstill(self) -> None:
        """Raise `Away` where a client has lost sight of a leader: the next session has others."""
        log = self._standstill.look(self._source.stuck_logs.look)
        if log is not None:
            raise Away("kafka", f"{log[0]}, partition {log[1]}: its leader answers, and the client reads no further")

    def _log_registry(self) -> None:
        if self._registry is not None:
            for warning in self._registry.take_warnings():
                _log.warning("schema registry", reason=warning)

    def _write(self, chunk: LedgerChunk) -> WriteResult:
        """Write a chunk; in the thread of the writer."""
        self._readiness.write()
        try:
            with self._metrics.transaction_seconds.time():
                return self._ledger.write(chunk)
        finally:
            self._readiness.written()

    def _written(self, chunk: LedgerChunk, written: WriteResult) -> None:
        self.has_written = True
        self._source.written(chunk.next_offsets, chunk.newest)
        self._metrics.count(written)
        for record in written.refused:
            _log.warning(
                "record refused",
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                reason=record.reason.partition(" ")[0],
            )

    def _erase(self, values: Iterable[bytes]) -> None:
        for value in values:
            try:
                erasure = parse(value)
            except ValueError:
                _log.error("a record of the erasures is none; nothing was erased for it")
                continue
            records = carry_out(self._connection, erasure)
            faults.at("after_erasure")
            if records is not None:
                self._metrics.erasures.inc()
                _log.info("personal data was erased", site=erasure.site_id, contact=erasure.contact_id, records=records)


def _refuse_silence(*hearings: Hearing) -> None:
    """Raise `Away` where a client has had no answer for so long that it may never have one (`service.hearing`).

    The next session has new clients; where Kafka is away, it waits for it as this one would.
    """
    seconds = max(hearing.seconds for hearing in hearings)
    if seconds >= SILENT_SECONDS:
        raise Away("kafka", f"Kafka does not answer: a client has had no answer for {seconds:.0f} s")


def _this_month_and_the_next() -> set[date]:
    this = datetime.now(UTC).date().replace(day=1)
    return {this, (this + timedelta(days=31)).replace(day=1)}
