"""The portal's API of transmitters, which support keeps (docs/portal.md)."""

from __future__ import annotations

from fastapi import APIRouter, Response

from edges.portal.api import Revision, WhoAsks, answers
from edges.portal.bodies import TransmitterBody
from edges.portal.problems import NO_WRAPPING_KEY, REVISION_REQUIRED, REVISION_STALE
from edges.portal.states import TransmitterState, transmitter_state
from edges.portal.transmitters import StoredTransmitter, Transmitters
from edges.web.problems import UNCONFIRMED, documented
from edges.web.routes import Route
from edges.web.values import PathId
from service.clock import now_ms


def transmitter_routes(transmitters: Transmitters) -> APIRouter:
    """Transmitters by their account."""
    router = APIRouter(route_class=Route, tags=["transmitters"], prefix="/v1/transmitters")

    @router.get("/{account}", responses=answers())
    async def get_transmitter(account: PathId, caller: WhoAsks, response: Response) -> TransmitterState:
        """A transmitter; of its key only whether there is one. For support."""
        return _state(response, await transmitters.look(caller, account))

    @router.put("/{account}", responses=answers(REVISION_REQUIRED, REVISION_STALE, NO_WRAPPING_KEY))
    async def put_transmitter(
        account: PathId, body: TransmitterBody, caller: WhoAsks, revision: Revision, response: Response
    ) -> TransmitterState:
        """Make a transmitter, or replace one: that needs `If-Match`. Its key is encrypted at once. For support."""
        return _state(response, await transmitters.put(caller, account, body, revision, now_ms()))

    @router.delete("/{account}", status_code=204, responses=documented(UNCONFIRMED, REVISION_REQUIRED, REVISION_STALE))
    async def delete_transmitter(account: PathId, caller: WhoAsks, revision: Revision) -> None:
        """Delete a transmitter: its record becomes a tombstone. For support."""
        await transmitters.delete(caller, account, revision, now_ms())

    return router


def _state(response: Response, stored: StoredTransmitter) -> TransmitterState:
    response.headers["ETag"] = f'"{stored.revision}"'
    assert stored.value is not None
    return transmitter_state(stored.value, stored.revision)
