"""Sign-in of people: `POST /v1/session`, `DELETE /v1/session`, and by OpenID Connect where a provider is set."""

from __future__ import annotations

import math
import time
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, StringConstraints

from edges.web.accounts import LONGEST_NAME, LONGEST_PASSWORD, Person, Role
from edges.web.back_off import BackOff
from edges.web.callers import FOREIGN_ORIGIN, People, person_with
from edges.web.files import FileError
from edges.web.problems import UNCONFIRMED, UNREADABLE, ProblemKind, documented
from edges.web.routes import Route
from edges.web.values import Body, Instant
from service import logs

_log: Final = logs.logger(__name__)

SIGN_IN_FAILED: Final = ProblemKind(
    401, "SIGN_IN_FAILED", "Name or password is wrong.", {"WWW-Authenticate": 'Session realm="ronde"'}
)
TOO_MANY_ATTEMPTS: Final = ProblemKind(429, "TOO_MANY_ATTEMPTS", "Too many attempts failed. Wait, then try again.")


class Credentials(Body):
    """The body of `POST /v1/session`."""

    name: Annotated[str, StringConstraints(max_length=LONGEST_NAME)]
    password: Annotated[str, StringConstraints(max_length=LONGEST_PASSWORD)]


class SignedIn(BaseModel):
    """Who is signed in, and until when."""

    name: str
    role: Role
    sites: list[str]
    expires_at: Instant


class SignIn:
    """The attempts of one process.

    Attributes:
        people: who may sign in, and who has.

    """

    def __init__(self, known: People) -> None:
        self.people = known
        self._back_off = BackOff()

    async def attempt(self, request: Request, name: str, password: str) -> Person:
        """Return who it is. Raises SIGN_IN_FAILED, TOO_MANY_ATTEMPTS, UNREADABLE."""
        name = name[: LONGEST_NAME + 1]  # a page may send more; nobody has such a name, and no more of it is kept
        address = request.client.host if request.client else ""
        wait = self._back_off.begin(name, address, time.monotonic())
        if wait:
            raise TOO_MANY_ATTEMPTS.error(headers={"Retry-After": str(math.ceil(wait))})
        try:
            person = await self.people.directory.check(name, password)
        except FileError as error:
            self._back_off.succeeded(name, address, time.monotonic())  # it was not theirs
            _log.error("accounts cannot be read", reason=str(error))
            raise UNREADABLE.error() from None
        if person is None:
            self._back_off.failed(name, address, time.monotonic())
            raise SIGN_IN_FAILED.error()
        self._back_off.succeeded(name, address, time.monotonic())
        return person


def session_routes(known: People, sign_in: SignIn) -> APIRouter:
    """The routes of `/v1/session`."""
    router = APIRouter(route_class=Route, tags=["session"])

    @router.post("/v1/session", responses=documented(SIGN_IN_FAILED, FOREIGN_ORIGIN, TOO_MANY_ATTEMPTS, UNREADABLE))
    async def sign_in_with_password(request: Request, response: Response, body: Credentials) -> SignedIn:
        """Sign in; the answer sets the session's cookie."""
        known.check_origin(request)
        person = await sign_in.attempt(request, body.name, body.password)
        return _signed_in(person, known.sessions.begin(request, response, person.name, person.stamp))

    @router.get("/v1/session", responses=documented(UNCONFIRMED))  # where a database knows people, too
    async def who_am_i(request: Request, caller: Annotated[Person, person_with()]) -> SignedIn:
        """Who is signed in."""
        session = known.sessions.read(request)
        assert session is not None, "the caller has none"
        return _signed_in(caller, session.ends_at)

    @router.delete("/v1/session", status_code=204, responses=documented(FOREIGN_ORIGIN))
    async def sign_out(request: Request, response: Response) -> None:
        """Sign out; without a session nothing happens."""
        known.check_origin(request)
        known.sessions.end(request, response)

    return router


def _signed_in(person: Person, ends_at: int) -> SignedIn:
    return SignedIn(name=person.name, role=person.role, sites=sorted(person.sites), expires_at=ends_at * 1000)
