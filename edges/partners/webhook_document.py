"""The webhook as `/openapi.json` describes it: what we post to partners."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import FastAPI, Header
from pydantic import BaseModel

from edges.web.values import Instant


class WebhookAddress(BaseModel):
    """Where the guard goes."""

    line1: str
    line2: str | None
    postal_code: str
    city: str
    country: str


class DispatchWebhook(BaseModel):
    """A command for a partner, with the contract's names; times are RFC 3339."""

    command_id: str
    dispatch_id: str
    action: Literal["REQUEST", "AMEND", "CANCEL"]
    attempt: int
    incident_id: str
    site_id: str
    partner_id: str
    procedure: str
    reason: str
    covert: bool
    alert_kinds: list[str]
    alert_count: int
    first_alert_at: Instant | None
    last_alert_at: Instant | None
    address: WebhookAddress | None
    instructions: str | None
    issued_at: Instant
    respond_by: Instant | None
    cause: str
    page_url: str | None = None


class WebhookAnswer(BaseModel):
    """A REQUEST may be accepted at once."""

    status: Literal["ACCEPTED"] | None = None


def describe(app: FastAPI) -> None:
    """Add the webhook to the app's document."""

    @app.webhooks.post("dispatch", summary="A dispatch command, signed by the rules of Standard Webhooks")
    def dispatch(
        body: DispatchWebhook,
        webhook_id: Annotated[str, Header(description="the command_id")],
        webhook_timestamp: Annotated[str, Header(description="of this attempt, in Unix seconds")],
        webhook_signature: Annotated[str, Header(description="v1,…; two with a space while a secret is rotated")],
    ) -> WebhookAnswer:
        """Answer 2xx once the command is stored, within 10 s; else it is posted again under the same id."""
        raise NotImplementedError  # partners implement it
