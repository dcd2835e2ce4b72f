"""The dependency of routes for machines: who comes, by a bearer token with a scope of the right kind."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from edges.web.files import FileError
from edges.web.problems import FORBIDDEN, UNAUTHENTICATED, UNREADABLE
from edges.web.routes import problems_of
from edges.web.tokens import Machine
from service import logs

_log: Final = logs.logger(__name__)

ScopeKind: TypeAlias = Literal["alerts", "desk", "portal", "partner"]
SCHEME: Final = HTTPBearer(auto_error=False, scheme_name="token", description="`ronde tokens add NAME --scope S`")
_Credentials: TypeAlias = Annotated[HTTPAuthorizationCredentials | None, Depends(SCHEME)]


def find_machine(request: Request, token: str) -> Machine:
    """Who has this token. Raises UNAUTHENTICATED, UNREADABLE."""
    try:
        machine: Machine | None = request.app.state.tokens.find(token)
    except FileError as error:
        _log.error("tokens cannot be read", reason=str(error))
        raise UNREADABLE.error() from None
    if machine is None:
        raise UNAUTHENTICATED.error()
    return machine


def machine_with(kind: ScopeKind) -> Any:
    """Return the dependency: 401 without a token, 403 without a scope of the kind.

    ``caller: Annotated[Machine, machine_with("alerts")]``. Whether a scope covers a certain site or partner is for the
    handler: ``caller.may("portal", site_id)``, and NOT_FOUND where it does not.
    """

    @problems_of(UNAUTHENTICATED, FORBIDDEN, UNREADABLE)
    async def machine(request: Request, credentials: _Credentials) -> Machine:
        if credentials is None:
            raise UNAUTHENTICATED.error()
        caller = find_machine(request, credentials.credentials)
        if not caller.has(kind):
            raise FORBIDDEN.error()
        return caller

    return Depends(machine)
