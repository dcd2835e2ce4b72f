"""Alerts by HTTP, for what is no panel: an app, a camera, another system (docs/receiver.md)."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Request
from pydantic import BaseModel

from edges.kafka.errors import UnconfirmedError
from edges.receiver import faults
from edges.receiver.distinct_times import DistinctTimes
from edges.receiver.intake import ANSWER_SECONDS
from edges.receiver.metrics import RequestOutcome
from edges.values import Alert, Signal
from edges.web.application import WebApplication
from edges.web.bearer import machine_with
from edges.web.problems import UNCONFIRMED, documented
from edges.web.tokens import Machine, TokenFile
from edges.web.values import Body, Id, Instant, PathId, Text
from schemas.contract.alert_kinds import AlertKind

if TYPE_CHECKING:
    from edges.receiver.intake import Publisher
    from edges.receiver.metrics import ReceiverMetrics
    from edges.receiver.partition_capacity import PartitionCapacity

_REMEMBERED: Final = 10_000  # alerts that were acknowledged: the same again is REPEATED


class AlertBody(Body):
    """An alert of a site."""

    alert_id: Id
    kind: AlertKind
    raised_at: Instant
    zone: Text | None = None
    detail: Text | None = None


class AlertTaken(BaseModel):
    """The alert is in Kafka."""

    alert_id: str


class HttpIntake:
    """Takes alerts as the intake of frames does: first the signal, then the alert, then the answer."""

    def __init__(
        self, receiver: str, publisher: Publisher, capacity: PartitionCapacity, metrics: ReceiverMetrics
    ) -> None:
        self._receiver = receiver
        self._publisher = publisher
        self._capacity = capacity
        self._metrics = metrics
        self._acknowledged: OrderedDict[Alert, None] = OrderedDict()
        self._times = DistinctTimes(_REMEMBERED)  # by digest of a body

    async def take(self, alert: Alert, raw: bytes) -> None:
        """Have signal and alert acknowledged. Raises `UnconfirmedError`."""
        until = asyncio.get_running_loop().time() + ANSWER_SECONDS
        is_repeat = alert in self._acknowledged
        partition = self._publisher.partition_of(alert.site_id)
        try:
            async with asyncio.timeout_at(until):
                await self._capacity.acquire(partition, 1, until, None)
                try:
                    await self._publisher.signals([self._signal(alert, raw, is_repeat=is_repeat)])
                    faults.at("after_signals")
                    await self._publisher.alerts([alert])
                    faults.at("after_alerts")
                finally:
                    self._capacity.release(partition, 1)
        except (TimeoutError, UnconfirmedError):
            self._metrics.requests[RequestOutcome.UNCONFIRMED].inc()
            raise UnconfirmedError("not acknowledged in time") from None
        self._metrics.requests[RequestOutcome.REPEATED if is_repeat else RequestOutcome.ALERT].inc()
        self._acknowledged[alert] = None
        if len(self._acknowledged) > _REMEMBERED:
            self._acknowledged.popitem(last=False)

    @property
    def source(self) -> str:
        """What its alerts have as their source."""
        return f"http:{self._receiver}"

    def _signal(self, alert: Alert, raw: bytes, *, is_repeat: bool) -> Signal:
        digest = hashlib.sha256(raw).digest()[:4].hex()
        at = self._times.at(digest, time.time_ns() // 1_000_000)
        return Signal(
            signal_id=f"--{digest}-{at}-{self._receiver}-1",
            site_id=alert.site_id,
            account="",
            protocol="HTTP",
            sequence=None,
            code=None,
            qualifier="NEW",
            partition=None,
            zone=alert.zone,
            user=None,
            meaning=alert.kind,
            kind=alert.kind,
            alert_id=alert.alert_id,
            outcome="REPEATED" if is_repeat else "ALERT",
            reason=None,
            occurred_at=alert.raised_at,
            raised_at=alert.raised_at,
            received_at=at,
            receiver=self._receiver,
            authenticated=True,
            text=alert.detail,
            raw=raw,
        )


def application(intake: HttpIntake, tokens: TokenFile) -> WebApplication:
    """The app of the receiver's HTTP port."""
    app = WebApplication("ronde receiver", version("ronde"), tokens=tokens, errors={UnconfirmedError: UNCONFIRMED})

    @app.post("/v1/sites/{site_id}/alerts", status_code=202, responses=documented(UNCONFIRMED))
    async def send_alert(
        site_id: PathId, body: AlertBody, request: Request, _machine: Annotated[Machine, machine_with("alerts")]
    ) -> AlertTaken:
        """Take an alert; it is in Kafka when this answers 202. The same again is the same alert."""
        alert = Alert(body.alert_id, site_id, body.kind, body.raised_at, body.zone, body.detail, intake.source)
        await intake.take(alert, await request.body())
        return AlertTaken(alert_id=body.alert_id)

    return app
