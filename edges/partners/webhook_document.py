"""The webhook as `/openapi.json` describes it: what we post to partners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_type_hints

from fastapi import FastAPI, Header
from pydantic import BaseModel, create_model

from edges.partners.values import INSTANTS
from edges.values import Address, DispatchCommand
from edges.web.values import Instant

_COMMAND: Final = get_type_hints(DispatchCommand)
_TIMES: Final = {name: Instant if _COMMAND[name] is int else Instant | None for name in INSTANTS}


def _required(hints: Mapping[str, Any]) -> dict[str, Any]:
    return {name: (hint, ...) for name, hint in hints.items()}


WebhookAddress: Final = create_model(
    "WebhookAddress", __doc__="Where the guard goes.", **_required(get_type_hints(Address))
)
DispatchWebhook: Final = create_model(
    "DispatchWebhook",
    __doc__="A command for a partner, with the contract's names; times are RFC 3339.",
    **_required(
        {**_COMMAND, **_TIMES, "action": Literal["REQUEST", "AMEND", "CANCEL"], "address": WebhookAddress | None}
    ),
    page_url=(str | None, None),
)


class WebhookAnswer(BaseModel):
    """A REQUEST may be accepted at once."""

    status: Literal["ACCEPTED"] | None = None


def describe(app: FastAPI) -> None:
    """Add the webhook to the app's document."""

    @app.webhooks.post("dispatch", summary="A dispatch command, signed by the rules of Standard Webhooks")
    def dispatch(
        body: DispatchWebhook,  # type: ignore[valid-type]
        webhook_id: Annotated[str, Header(description="the command_id")],
        webhook_timestamp: Annotated[str, Header(description="of this attempt, in Unix seconds")],
        webhook_signature: Annotated[str, Header(description="v1,…; two with a space while a secret is rotated")],
    ) -> WebhookAnswer:
        """Answer 2xx once the command is stored, within 10 s; else it is posted again under the same id."""
        raise NotImplementedError  # partners implement it
