"""The receiver from its start to its end.

It listens once all transmitters and 15 minutes of signals are read. It needs Kafka alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from edges.kafka.producer import Producer
from edges.kafka.view import Entry, FromTime, Reading, View
from edges.process import EdgeProcess
from edges.receiver.addresses import Addresses
from edges.receiver.http import HttpIntake, application
from edges.receiver.intake import Intake
from edges.receiver.judging import Judge
from edges.receiver.listening import Listener, port_error
from edges.receiver.metrics import ReceiverMetrics
from edges.receiver.panel_clocks import PanelClocks
from edges.receiver.partition_capacity import PartitionCapacity
from edges.receiver.publishing import SILENT_SECONDS, TOPICS, OwnSignals, Publisher
from edges.receiver.repeats import REMEMBERED_MS, Repeats
from edges.receiver.settings import ReceiverConfiguration, ReceiverSettings, wrapping_key_of
from edges.receiver.signal_log import SignalLog
from edges.receiver.transmitters import Transmitters, checked
from edges.receiver.wrapping import Wrapping
from edges.web.server import WebServer
from edges.web.tokens import TokenFile
from service import gc_control
from service.clock import now_ms
from service.logs import logger

_log = logger(__name__)

FRESH_SECONDS: Final = 5.0
STOP_SECONDS: Final = 5.0
_FRAMES_SECONDS: Final = 3.5  # of these, for frames in work; the rest is for what they wrote
_LOOK_SECONDS: Final = 1.0
_CHECKED_AT_ONCE: Final = 200
_WARN_SECONDS: Final = 60.0
# While `signals` is not read, no alarm of its partition gets an ACK. Two readers write nothing twice, so the next one
# has to wait for no longer than a reader takes to find the next leader by itself.
_ANSWERED_SECONDS: Final = 10.0


class ReceiverProcess(EdgeProcess[ReceiverSettings, ReceiverMetrics]):
    """The process of a receiver; it is run once."""

    name = id_key = "receiver"

    def __init__(self, configuration: ReceiverConfiguration) -> None:
        settings, connection = configuration.receiver, configuration.connection
        super().__init__(
            settings,
            connection,
            ReceiverMetrics(),
            start="the receiver starts",
            kafka="Kafka has acknowledged nothing yet",
        )
        self._configuration = configuration
        self._log = SignalLog(repeats := Repeats())
        self._repeats = repeats
        self._addresses = Addresses(settings.sockets_per_address)
        self._producer = Producer(connection, TOPICS, pulse_topic="signals")
        key = settings.wrapping_key
        decode = self._framing.reader("transmitters")
        self._transmitters = Transmitters(
            decode, Wrapping(None if key is None else wrapping_key_of(key)), self._is_fresh
        )
        has_registry = connection.registry.url is not None
        self._transmitter_view = View(
            connection,
            {"transmitters": Reading(decode=checked(decode) if has_registry else None)},
            self._take_transmitters,
        )
        signals_since = FromTime(now_ms() - REMEMBERED_MS)
        self._own = OwnSignals(settings.id, self._framing.reader("signals"))
        self._signal_view = View(
            connection,
            {"signals": Reading(signals_since, self._own.decode)},
            self._take_signals,
            answered_seconds=_ANSWERED_SECONDS,
        )
        self._is_whole = False

    async def _serve(self) -> None:
        began = time.monotonic()
        async with contextlib.AsyncExitStack() as stack:
            self._transmitter_view.start()
            self._signal_view.start()
            stack.push_async_callback(self._stop_kafka)
            gc_control.collect_seldom()
            await self._producer.start()
            signal, alert = await self._framing.writers(TOPICS, partial(self._readiness.say, "registry"))
            publisher = Publisher(self._producer, signal, alert, self._own)
            capacity = PartitionCapacity(self._settings.room_per_partition)
            for thing, view in (("transmitters", self._transmitter_view), ("signals", self._signal_view)):
                self._readiness.wait(thing, f"{thing} are being read")
                await view.wait_read()
                self._readiness.arrive(thing)
            self._is_whole = True
            gc_control.collect_and_freeze()
            intake = self._intake(publisher, capacity)
            listener = Listener(self._settings, intake, self._addresses, self._metrics)
            web = WebServer(self._application(publisher, capacity), self._settings.host, self._settings.http_port)
            stack.push_async_callback(_close, listener, web)
            ports = await listener.open()
            try:
                await web.start()
            except OSError as error:
                raise port_error("http_port", self._settings.host, self._settings.http_port, error) from error
            self._readiness.arrive("start")
            _log.info(
                "receiver listens",
                http=web.address,
                seconds=round(time.monotonic() - began, 1),
                transmitters=len(self._transmitters),
                **{transport.value: port for transport, port in ports.items()},
            )
            checking = asyncio.create_task(self._check_keys())
            stack.callback(checking.cancel)
            await self._look(intake.panel_clocks, listener)

    # --- its parts --------------------------------------------------------------------------------

    def _intake(self, publisher: Publisher, capacity: PartitionCapacity) -> Intake:
        settings = self._settings
        judge = Judge(settings.id, self._transmitters, self._repeats, gas_as_fire=settings.gas_as_fire)
        since_behind = self._signal_view.since_behind
        return Intake(judge, self._log, publisher, capacity, self._addresses, self._metrics, since_behind)

    def _application(self, publisher: Publisher, capacity: PartitionCapacity) -> Any:
        intake = HttpIntake(self._settings.id, publisher, capacity, self._metrics)
        return application(intake, TokenFile(self._configuration.tokens_file))

    async def _stop_kafka(self) -> None:
        await asyncio.gather(
            self._producer.stop(STOP_SECONDS - _FRAMES_SECONDS),
            self._transmitter_view.stop(),
            self._signal_view.stop(),
        )

    # --- what is read -----------------------------------------------------------------------------

    def _take_transmitters(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._transmitters.put(entry.key, entry.value)
            if self._is_whole:
                self._transmitters.check(entry.key)

    def _take_signals(self, entries: Sequence[Entry]) -> None:
        self._log.take([entry.value for entry in entries if entry.value is not None])

    def _is_fresh(self, account: str) -> bool:
        return self._transmitter_view.age_of_key(account) <= FRESH_SECONDS

    async def _check_keys(self) -> None:
        """Open every key once: one that does not open is seen before its panel calls."""
        for number, account in enumerate(self._transmitters.names()):
            self._transmitters.check(account)
            if number % _CHECKED_AT_ONCE == 0:
                await asyncio.sleep(0)

    # --- how it is --------------------------------------------------------------------------------

    async def _look(self, panel_clocks: PanelClocks, listener: Listener) -> None:
        """Keep gauges and readiness true. Raises when a reader has ended."""
        views = {"transmitters": self._transmitter_view, "signals": self._signal_view}
        foreign, warned_at = 0, float("-inf")
        differed = 0
        while True:
            for thing, view in views.items():
                if view.failure is not None:
                    raise view.failure
                age = view.worst_age
                self._metrics.view_age[thing].set(age)
                self._say(thing, age > FRESH_SECONDS, f"what is read of {thing} is older than {FRESH_SECONDS:.0f} s")
            silent = self._producer.silent_seconds > SILENT_SECONDS
            self._say("kafka", silent, f"Kafka has acknowledged nothing for {SILENT_SECONDS:.0f} s")
            keys, records = len(self._transmitters.unreadable_keys), len(self._transmitters.unreadable_records)
            self._say("keys", keys > 0, f"keys of {keys} transmitters do not open under receiver.wrapping_key")
            differed = self._say_clock(differed, panel_clocks.differ_ms)
            self._say_certificate(listener.certificate_fault)
            self._metrics.transmitters.set(len(self._transmitters))
            self._metrics.sealed_keys.set(keys)
            self._metrics.unreadable.set(records + self._transmitter_view.undecodable + self._signal_view.undecodable)
            if self._own.foreign > foreign:
                self._metrics.foreign.inc(self._own.foreign - foreign)
                foreign = self._own.foreign
                if time.monotonic() - warned_at > _WARN_SECONDS:
                    warned_at = time.monotonic()
                    _log.error("another receiver has the same receiver.id", receiver=self._settings.id)
            await asyncio.sleep(_LOOK_SECONDS)

    def _say_clock(self, before: int, now: int) -> int:
        """Say that panels' clocks differ from ours, or no longer do; ``now``."""
        if now:
            self._readiness.remark("clock", f"panels' clocks differ from this machine's by {now} ms")
        else:
            self._readiness.withdraw("clock")
        if now and not before:
            _log.error("panels' clocks differ from this machine's", seconds=round(now / 1000))
        if before and not now:
            _log.info("panels' clocks no longer differ from this machine's")
        return now

    def _say_certificate(self, fault: str | None) -> None:
        """Say that the panels' certificate is an older one than the files have, or no longer is."""
        if fault is None:
            self._readiness.withdraw("certificate")
        else:
            self._readiness.remark("certificate", f"the panels' certificate cannot be loaded again: {fault}")

    def _say(self, thing: str, is_missing: bool, reason: str) -> None:
        self._readiness.say(thing, reason if is_missing else None)


async def _close(listener: Listener, web: WebServer) -> None:
    """Take nothing new, and answer what was taken, as far as that is done in time."""
    await asyncio.gather(
        listener.close(_FRAMES_SECONDS), asyncio.wait({asyncio.ensure_future(web.stop())}, timeout=_FRAMES_SECONDS)
    )
