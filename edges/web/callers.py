"""The dependencies of routes for people, or for both people and machines: who asks, and what they may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie
from fastapi.security.http import HTTPAuthorizationCredentials

from edges.web.accounts import Directory, Person, Role
from edges.web.bearer import SCHEME, ScopeKind, find_machine
from edges.web.files import FileError
from edges.web.problems import FORBIDDEN, UNAUTHENTICATED, UNREADABLE, ProblemKind
from edges.web.routes import problems_of
from edges.web.sessions import UNSAFE, Sessions
from edges.web.tokens import Machine
from service import logs

_log: Final = logs.logger(__name__)

FOREIGN_ORIGIN: Final = ProblemKind(403, "FOREIGN_ORIGIN", "The request does not come from a page of this address.")
COOKIE: Final = APIKeyCookie(name="ronde", auto_error=False, scheme_name="session", description="`POST /v1/session`")
_Cookie: TypeAlias = Annotated[str | None, Depends(COOKIE)]
_Token: TypeAlias = Annotated[HTTPAuthorizationCredentials | None, Depends(SCHEME)]


class People:
    """Who signs in to one process, and how their sessions are kept."""

    def __init__(self, directory: Directory, sessions: Sessions) -> None:
        self.directory = directory
        self.sessions = sessions

    async def of(self, request: Request) -> Person | None:
        """Who has the request's session, with the role they have now. Raises UNREADABLE."""
        session = self.sessions.read(request)
        if session is None:
            return None
        try:
            person = await self.directory.find(session.name)
        except FileError as error:
            _log.error("accounts cannot be read", reason=str(error))
            raise UNREADABLE.error() from None
        return person if person is not None and person.stamp == session.stamp else None

    def check_origin(self, request: Request) -> None:
        """Raise FOREIGN_ORIGIN where an unsafe request does not come from our own page."""
        if request.method in UNSAFE and not self.sessions.is_own(request):
            raise FOREIGN_ORIGIN.error()


def people(request: Request) -> People:
    """The people of the request's app."""
    found = request.app.state.people
    assert isinstance(found, People), "the app was made without people"
    return found


def person_now(*roles: Role) -> Callable[[Request], Awaitable[Person]]:
    """What `person_with` asks of a request, to ask it again while an answer goes on."""

    async def look(request: Request) -> Person:
        known = people(request)
        person = await known.of(request)
        if person is None:
            raise UNAUTHENTICATED.error()
        known.check_origin(request)
        if roles and person.role not in roles:
            raise FORBIDDEN.error()
        return person

    return look


def caller_now(*roles: Role, scope: ScopeKind) -> Callable[[Request], Awaitable[Person | Machine]]:
    """What `caller_with` asks of a request, to ask it again while an answer goes on."""
    person = person_now(*roles)

    async def look(request: Request) -> Person | Machine:
        token = await SCHEME(request)
        if token is None:
            return await person(request)
        machine = find_machine(request, token.credentials)
        if not machine.has(scope):
            raise FORBIDDEN.error()
        return machine

    return look


def person_with(*roles: Role) -> Any:
    """Return the dependency of routes for people with one of these roles; without roles, for all.

    ``caller: Annotated[Person, person_with("operator", "supervisor")]``. 401 without a session, 403 with another role,
    or where an unsafe method does not come from our own page.
    """
    look = person_now(*roles)

    @problems_of(UNAUTHENTICATED, FORBIDDEN, FOREIGN_ORIGIN, UNREADABLE)
    async def person(request: Request, _cookie: _Cookie) -> Person:
        return await look(request)

    return Depends(person)


def caller_with(*roles: Role, scope: ScopeKind) -> Any:
    """Return the dependency for both: a machine with a scope of this kind, or a person with one of these roles.

    ``caller: Annotated[Person | Machine, caller_with("operator", scope="desk")]``.
    """
    look = caller_now(*roles, scope=scope)

    @problems_of(UNAUTHENTICATED, FORBIDDEN, FOREIGN_ORIGIN, UNREADABLE)
    async def caller(request: Request, _token: _Token, _cookie: _Cookie) -> Person | Machine:
        return await look(request)

    return Depends(caller)
