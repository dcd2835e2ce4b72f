"""The worker's web pages, served by Faust: `/health`, `/ready`, `/metrics`."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any

import faust
from faust.web import Request, Response, View
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from service.readiness import ProcessReadiness, Stalls
from streams.observe.metrics import Metrics


def declare(app: faust.App, readiness: ProcessReadiness, stalls: Stalls, metrics: Metrics) -> None:
    """Add the pages to an app."""

    @app.page("/health", name="health")
    async def health(view: View, _request: Request) -> Response:
        """503 when work stands still: the process should be restarted. JSON: healthy, standing (seconds)."""
        standing = {work: round(seconds, 1) for work, seconds in stalls.standing(time.monotonic()).items()}
        return _json(view, {"healthy": not standing, "standing": standing}, ok=not standing)

    @app.page("/ready", name="ready")
    async def ready(view: View, _request: Request) -> Response:
        """503 while something must come first, as a restore. JSON: ready, reasons, remarks if any."""
        shown = readiness.as_json()
        return _json(view, shown, ok=shown["ready"])

    @app.page("/metrics", name="metrics")
    async def show_metrics(view: View, _request: Request) -> Response:
        """Everything of `streams.observe.metrics`, as Prometheus reads it."""
        return view.bytes(generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _json(view: View, value: dict[str, Any], *, ok: bool) -> Response:
    response: Response = view.json(value, status=HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE)
    return response
