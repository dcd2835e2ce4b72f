"""The canary's life: link tests and frames to the receiver, claims and answers to Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from edges.kafka.errors import UnconfirmedError
from edges.kafka.producer import Producer, Record
from edges.panel.dialler import Dialler, Way
from edges.panel.messages import TEST, Panel, Said
from edges.values import CallCommand, CallResult, Claim
from edges.watchdog.canary import Canary
from edges.watchdog.findings import Finding
from edges.watchdog.judge import Place
from edges.watchdog.metrics import WatchdogMetrics
from edges.watchdog.settings import WatchdogSettings
from schemas.contract.content_ids import result_id
from service.clock import now_ms
from service.hosts import host_and_port
from service.logs import logger

if TYPE_CHECKING:
    from edges.kafka.framing import Framing

_log: Final = logger(__name__)

_ALARM: Final = Said("130", "1")  # Contact ID: a burglary
_HOLD_SECONDS: Final = 30
_READ_SECONDS: Final = 5.0  # until our own claim is read back
_LOOK_SECONDS: Final = 1.0
_WAIT_SECONDS: Final = 3.0  # of a panel, until it sends a frame again
_BLIND_ROUNDS: Final = 5
WRITTEN: Final = ("claims", "call-results")


class CanaryPlayer:
    """Plays the canary's panel and its operator.

    ``is_current``: whether the watchdog reads Kafka to its end; without that no round can be judged. ``is_fresh``:
    whether what it has read is of this moment, which an outage shows first.
    """

    def __init__(
        self,
        settings: WatchdogSettings,
        site_id: str,
        producer: Producer,
        framing: Framing,
        metrics: WatchdogMetrics,
        is_current: Callable[[], bool],
        is_fresh: Callable[[], bool],
    ) -> None:
        assert settings.canary_account is not None
        assert settings.canary_receiver is not None
        self._settings = settings
        self._site_id = site_id
        self._producer = producer
        self._framing = framing
        self._metrics = metrics
        self._is_current = is_current
        self._is_fresh = is_fresh
        self._way = Way(*host_and_port(settings.canary_receiver))
        key = None if settings.canary_key is None else bytes.fromhex(settings.canary_key)
        self._panel = Panel(settings.canary_account, key=key)
        self._by = f"watchdog:{settings.id}"
        self._canary = Canary(
            site_id,
            settings.canary_account,
            1000 * settings.canary_every_seconds,
            1000 * settings.canary_within_seconds,
        )
        self._called = asyncio.Event()
        self._claimed: dict[str, asyncio.Future[str | None]] = {}
        self._current_since: int | None = None
        self._old_at = 0  # when what was read was last old
        self._judged_at: int | None = None  # when a round was last judged, or none could be
        self._silent_since: int | None = None
        self._is_silent = False

    def take(self, place: Place, value: Any, holder: Callable[[str], str | None]) -> None:
        """Take a record; ``holder`` says who holds a subject."""
        if isinstance(value, Claim):
            future = self._claimed.pop(value.claim_id, None)
            if future is not None and not future.done():
                future.set_result(holder(value.subject))
            return
        self._canary.take(place, value)
        if isinstance(value, CallCommand) and value.site_id == self._site_id:
            self._called.set()

    def receiver(self) -> Finding | None:
        """What is wrong with the receiver."""
        if not self._is_silent or self._silent_since is None:
            return None
        return Finding(
            self._settings.canary_receiver or "", self._silent_since, detail="link tests are not acknowledged"
        )

    def judge(self, now: int, has_jumped: bool = False) -> Finding | None:
        """What is wrong with the canary; called each second. ``has_jumped``: the clock, since the call before."""
        if has_jumped or not self._is_fresh():
            self._old_at = now
            self._canary.disturb()
        if has_jumped or not self._is_current():
            self._current_since = self._judged_at = None
            if self._canary.drop():
                self._metrics.rounds.labels("void").inc()
            return self._canary.finding
        self._current_since = now if self._current_since is None else self._current_since
        self._judged_at = now if self._judged_at is None else self._judged_at
        seconds = self._canary.seconds
        outcome = self._canary.judge(now)
        if outcome is not None:
            self._metrics.rounds.labels(outcome).inc()
            if outcome != "void":
                self._judged_at = now
            if outcome == "resolved" and seconds is not None:
                self._metrics.canary.observe(seconds)
        return self._canary.finding or self._blind(now, self._judged_at)

    def _blind(self, now: int, since: int) -> Finding | None:
        """Find that no round could be judged for long: silence must not look like health."""
        if now - since <= 1000 * _BLIND_ROUNDS * self._settings.canary_every_seconds:
            return None
        return Finding(self._site_id, since, site_id=self._site_id, detail="no round could be judged since then")

    def _is_settled(self, now: int) -> bool:
        """Whether Kafka has been back for the time of a round: receiver and engine need it after an outage."""
        since = self._current_since
        return since is not None and now - since >= 1000 * self._settings.canary_within_seconds

    async def run(self) -> None:
        """Play until cancelled. Raises `EdgeError`."""
        await self._producer.start()
        claim, result = await self._framing.writers(WRITTEN, self._count_failure)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._test_the_link())
            group.create_task(self._raise_alarms())
            group.create_task(self._answer_calls(claim, result))

    def _count_failure(self, reason: str | None) -> None:
        if reason is not None:
            self._metrics.failures.inc()

    async def _test_the_link(self) -> None:
        """Send link tests, which leave no record, so that a receiver that is off shows before the next alarm."""
        dialler = Dialler(self._panel, self._way, wait_seconds=_WAIT_SECONDS)
        try:
            while True:
                began, timer = now_ms(), time.monotonic()
                is_judged = self._is_settled(began)
                if await self._is_acknowledged(dialler):
                    self._silent_since, self._is_silent = None, False
                elif is_judged and self._is_current() and self._old_at < began:
                    self._silent_since = began if self._silent_since is None else self._silent_since
                    self._is_silent = True
                await asyncio.sleep(max(0.0, self._settings.link_seconds - (time.monotonic() - timer)))
        finally:
            dialler.close()

    async def _is_acknowledged(self, dialler: Dialler) -> bool:
        try:
            async with asyncio.timeout(self._settings.link_seconds):
                return await self._send(dialler, Said(TEST))
        except TimeoutError:
            dialler.close()
            return False

    async def _send(self, dialler: Dialler, said: Said) -> bool:
        """Send a frame until it is answered, and count it if it was acknowledged: receivers count it as a panel's."""
        is_acknowledged = (await dialler.send(said)).is_acknowledged
        if is_acknowledged:
            self._metrics.frames.inc()
        return is_acknowledged

    async def _raise_alarms(self) -> None:
        """Send one frame in each interval: another would have its number, and be taken for a repeat."""
        every, within = 1000 * self._settings.canary_every_seconds, self._settings.canary_within_seconds
        used = counted = now_ms() // every  # perhaps by the process before this one
        while True:
            now = now_ms()
            if 0 <= used - now // every <= 1:  # a timer may end early, and a clock be put back
                await asyncio.sleep((every - now % every) / 1000)
                continue
            if not self._is_settled(now):
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            used = now // every
            counted = max(counted + 1, used)  # where the clock was put back, numbers do not come again
            number = self._canary.number(every * counted)
            self._canary.begin(now, number)
            dialler = Dialler(self._panel, self._way, sequence=number, wait_seconds=_WAIT_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within):
                    if await self._send(dialler, _ALARM):
                        self._canary.acknowledge()
            dialler.close()

    async def _answer_calls(self, claim: Callable[[Any], bytes], result: Callable[[Any], bytes]) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._called.wait()
            self._called.clear()
            if not self._is_current():
                continue  # what is read may be answered already
            for command in list(self._canary.calls(now_ms())):
                try:
                    await self._answer(command, claim, result)
                except UnconfirmedError as error:
                    _log.warning("the canary's call is not answered", reason=str(error))

    async def _answer(
        self, command: CallCommand, write_claim: Callable[[Any], bytes], write_result: Callable[[Any], bytes]
    ) -> None:
        """Claim a call before anybody and, once the log says that it is ours, answer that all is well."""
        at = now_ms()
        claim = Claim(
            f"{command.command_id}-{self._by}-{at}",
            command.site_id,
            command.incident_id,
            command.command_id,
            self._by,
            "ROBOT",
            "TAKE",
            _HOLD_SECONDS,
        )
        read = self._claimed[claim.claim_id] = asyncio.get_running_loop().create_future()
        try:
            await self._producer.send(Record("claims", command.site_id, write_claim(claim)))
            async with asyncio.timeout(_READ_SECONDS):
                holder = await read
        except TimeoutError:
            return  # it is tried again
        finally:
            self._claimed.pop(claim.claim_id, None)
        if holder != self._by:
            self._canary.lose(command.command_id, holder)
            return
        answer = _all_is_well(command, self._by)
        await self._producer.send(Record("call-results", command.site_id, write_result(answer)))
        self._canary.answer(command.command_id)


def _all_is_well(command: CallCommand, by: str) -> CallResult:
    return CallResult(
        result_id=result_id(command.command_id, "IDENTIFIED", "NORMAL", None, message_left=False),
        site_id=command.site_id,
        incident_id=command.incident_id,
        command_id=command.command_id,
        contact_id=command.contact_id,
        direction="OUTBOUND",
        outcome="IDENTIFIED",
        situation="NORMAL",
        message_left=False,
        detail=None,
        operator=by,
        ended_at=now_ms(),
    )
