"""Signed webhooks of bulletins, and the dead man's switch."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import httpx
import orjson
from standardwebhooks import Webhook

from edges.watchdog.bulletins import Bulletin
from edges.watchdog.metrics import WatchdogMetrics
from edges.watchdog.settings import WatchdogSettings
from service.logs import logger

_log: Final = logger(__name__)

_ANSWER_SECONDS: Final = 10.0
_PAUSES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)  # then every 30 s
_GIVEN_UP_SECONDS: Final = 3600.0
_MOST_WAITING: Final = 1000


class Webhooks:
    """Posts bulletins one after the other, each until it is taken, for an hour; pings while all is well."""

    def __init__(self, settings: WatchdogSettings, metrics: WatchdogMetrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._client = httpx.AsyncClient(timeout=_ANSWER_SECONDS, follow_redirects=False)
        self._waiting: deque[tuple[float, Bulletin]] = deque(maxlen=_MOST_WAITING)
        self._has_more = asyncio.Event()

    def send(self, bulletin: Bulletin) -> None:
        """Post a bulletin soon."""
        if self._settings.webhook_url is not None:
            self._waiting.append((time.monotonic(), bulletin))
            self._has_more.set()

    async def post(self) -> None:
        """Post what waits, until cancelled."""
        while True:
            await self._has_more.wait()
            self._has_more.clear()
            while self._waiting:
                since, bulletin = self._waiting[0]
                for attempt in range(1_000_000):
                    if await self._attempt(bulletin) or time.monotonic() - since > _GIVEN_UP_SECONDS:
                        break
                    await asyncio.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
                if self._waiting and self._waiting[0][1] is bulletin:
                    self._waiting.popleft()

    async def ping(self, is_well: Callable[[], bool]) -> None:
        """Ask the dead man's switch every so often while all is well, until cancelled."""
        url = self._settings.ping_url
        while url is not None:
            if is_well():
                is_taken = await self._request("GET", url)
                self._metrics.pings.labels("taken" if is_taken else "failed").inc()
            await asyncio.sleep(self._settings.ping_seconds)

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    async def _attempt(self, bulletin: Bulletin) -> bool:
        url, secret = self._settings.webhook_url, self._settings.webhook_secret
        assert url is not None
        assert secret is not None
        body = orjson.dumps(bulletin.body)
        at = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": bulletin.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(bulletin.id, at, body.decode()),
        }
        is_taken = await self._request("POST", url, headers, body)
        self._metrics.webhooks.labels("taken" if is_taken else "failed").inc()
        return is_taken

    async def _request(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> bool:
        try:
            async with (
                asyncio.timeout(_ANSWER_SECONDS),
                self._client.stream(method, url, headers=headers, content=body) as response,
            ):
                status = response.status_code
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            _log.warning("webhook not answered", method=method, reason=type(error).__name__)
            return False
        if not 200 <= status < 300:
            _log.warning("webhook not accepted", method=method, status=status)
        return 200 <= status < 300
