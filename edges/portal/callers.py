"""Who asks, and what they may do with a site."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from fastapi import Depends

from edges.portal.store import Store
from edges.web.accounts import PROGRAM, AccountFile, Person, Role
from edges.web.callers import caller_with
from edges.web.problems import FORBIDDEN, NOT_FOUND
from edges.web.tokens import Machine, subjects_of

_ROLES: Final[tuple[Role, ...]] = ("customer", "support", "auditor")


class Right(IntEnum):
    """What somebody may do with a site; each includes those before it. Support is apart: `Caller.is_support`."""

    NONE = 0
    LOOK = 1
    CONFIGURE = 2


class Caller(NamedTuple):
    """A person or a program.

    Attributes:
        name: as the history has it.
        is_support: may make sites, people, partners and transmitters.
        all_sites: what they may do with every site.
        sites: and with these.
        login: the account by which people of a site are looked up; None for programs.

    """

    name: str
    is_support: bool
    all_sites: Right
    sites: frozenset[str]
    login: str | None

    async def right(self, site_id: str, store: Store) -> Right:
        """What they may do with a site."""
        if self.all_sites is not Right.NONE:
            return self.all_sites
        if site_id in self.sites:
            return Right.CONFIGURE
        role = None if self.login is None else await store.role(site_id, self.login)
        if role is None:
            return Right.NONE
        return Right.CONFIGURE if role == "OWNER" else Right.LOOK

    def check_support(self) -> None:
        """Raise FORBIDDEN where they are not support."""
        if not self.is_support:
            raise FORBIDDEN.error()

    async def check(self, site_id: str, store: Store, right: Right) -> None:
        """Raise NOT_FOUND where they may not even look, FORBIDDEN where that is all they may do."""
        granted = await self.right(site_id, store)
        if granted is Right.NONE:
            raise NOT_FOUND.error()
        if granted < right:
            raise FORBIDDEN.error()


def _of_person(person: Person) -> Caller:
    is_customer = person.role == "customer"
    return Caller(
        name=person.name,
        is_support=person.role == "support",
        all_sites=Right.NONE if is_customer else Right.LOOK,
        sites=person.sites if is_customer else frozenset(),
        login=person.name if is_customer else None,
    )


def _of_machine(machine: Machine) -> Caller:
    has_all = "portal:*" in machine.scopes
    return Caller(
        name=f"{PROGRAM}{machine.name}",
        is_support=has_all,
        all_sites=Right.CONFIGURE if has_all else Right.NONE,
        sites=frozenset(subjects_of("portal", machine.scopes)),
        login=None,
    )


def caller_of(who: Person | Machine) -> Caller:
    """What a person or a machine may do."""
    return _of_machine(who) if isinstance(who, Machine) else _of_person(who)


def portal_caller() -> Any:
    """Return the dependency: customers, support and auditors who are signed in, and tokens of a scope `portal:…`."""
    known = caller_with(*_ROLES, scope="portal")

    async def caller(who: Any = known) -> Caller:
        return caller_of(who)

    return Depends(caller)


class PortalDirectory:
    """The people of the file, and those whom a site names by their account: these sign in by OpenID Connect."""

    def __init__(self, path: Path, store: Store) -> None:
        self._file = AccountFile(path)
        self._store = store

    async def find(self, name: str) -> Person | None:
        """Who has this name now. Raises `FileError`, `DatabaseAwayError`."""
        person = await self._file.find(name)
        if person is not None:
            return person
        return Person(name, "customer") if await self._store.has_sites(name) else None

    async def check(self, name: str, password: str) -> Person | None:
        """Who has this name and password. Raises `FileError`."""
        return await self._file.check(name, password)
