"""Who people are: their names and roles, in a file that `ronde users` writes; looked at on each request."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, Protocol, TypeAlias, get_args

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from pydantic import BaseModel, ConfigDict, StringConstraints

from edges.web.files import WatchedFile, changing, read_model, write_model
from edges.web.values import Id

Role: TypeAlias = Literal["operator", "supervisor", "support", "auditor", "customer"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 1024
LONGEST_NAME: Final = 128
PROGRAM: Final = "token:"  # stands before the name of a token where people are named too
_THREADS: Final = 2  # a hash takes 64 MiB and a core


class Person(NamedTuple):
    """Somebody who may sign in. A customer has sites, or partners whose dispatches they see.

    ``stamp`` changes with the password, and where an account is made again; it ends sessions.
    """

    name: str
    role: Role
    sites: frozenset[str] = frozenset()
    stamp: str = ""
    partners: frozenset[str] = frozenset()


class Directory(Protocol):
    """Where people are looked up; `AccountFile` is one, an edge may have others beside it."""

    async def find(self, name: str) -> Person | None:
        """Who has this name now; None: nobody, and their sessions end.

        Raises `FileError`; what else it raises is for the app's ``errors`` to map.
        """

    async def check(self, name: str, password: str) -> Person | None:
        """Who has this name and password."""


class Account(BaseModel):
    """An entry of the file; without a password they sign in by OpenID Connect only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=rf"^[^\s\x00-\x1f\x7f]{{1,{LONGEST_NAME}}}$")]
    role: Role
    sites: tuple[Id, ...] = ()
    partners: tuple[Id, ...] = ()
    password: str | None = None
    created_at: datetime

    @property
    def person(self) -> Person:
        """The account as the rest knows it."""
        # When it was made, too: one without a password that is removed and made again is another account.
        made = f"{self.created_at.isoformat()} {self.password or ''}"
        stamp = hashlib.sha256(made.encode()).hexdigest()[:16]
        return Person(self.name, self.role, frozenset(self.sites), stamp, frozenset(self.partners))


class Accounts(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    users: tuple[Account, ...] = ()


class Passwords:
    """argon2id, in threads: a hash would stop the loop for a tenth of a second."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether the hash is of the password; takes as long where there is no hash."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._fits, kept, password)

    def _fits(self, kept: str | None, password: str) -> bool:
        try:
            return self._hasher.verify(kept or _nobody(), password) and kept is not None
        except (Argon2Error, InvalidHashError):
            return False


@cache
def _nobody() -> str:
    """A hash that costs what another costs."""
    return hashed(secrets.token_hex())


class AccountFile:
    """The people of the file."""

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile(path, Accounts)
        self._passwords = Passwords()

    async def find(self, name: str) -> Person | None:
        """Who has this name now. Raises `FileError`."""
        account = self._account(name)
        return None if account is None else account.person

    async def check(self, name: str, password: str) -> Person | None:
        """Who has this name and password. Raises `FileError`."""
        account = self._account(name)
        fits = await self._passwords.verify(account.password if account else None, password)
        return account.person if account is not None and fits else None

    def _account(self, name: str) -> Account | None:
        return next((account for account in self._file.read().users if account.name == name), None)


def add(
    path: Path, name: str, role: Role, sites: Iterable[str], password: str | None, partners: Iterable[str] = ()
) -> None:
    """Add an account to the file. Raises `FileError`, `ValueError`."""
    if name.startswith(PROGRAM):
        raise ValueError(f"a name does not begin with {PROGRAM}, as programs are named beside people")
    account = Account(
        name=name,
        role=role,
        sites=tuple(sites),
        partners=tuple(partners),
        password=None if password is None else hashed(password),
        created_at=datetime.now(UTC).replace(microsecond=0),
    )
    with changing(path):
        users = read_model(path, Accounts).users
        if any(known.name == name for known in users):
            raise ValueError(f"there is a user {name} already")
        write_model(path, Accounts(users=(*users, account)))


def remove(path: Path, name: str) -> bool:
    """Remove an account; its sessions end. False where there is none of this name. Raises `FileError`."""
    with changing(path):
        users = read_model(path, Accounts).users
        rest = tuple(account for account in users if account.name != name)
        if len(rest) < len(users):
            write_model(path, Accounts(users=rest))
        return len(rest) < len(users)


def set_password(path: Path, name: str, password: str) -> bool:
    """Give an account another password; its sessions end. False as in `remove`. Raises `FileError`, `ValueError`."""
    kept = hashed(password)
    with changing(path):
        users = read_model(path, Accounts).users
        if all(account.name != name for account in users):
            return False
        changed = (one.model_copy(update={"password": kept}) if one.name == name else one for one in users)
        write_model(path, Accounts(users=tuple(changed)))
        return True


def listed(path: Path) -> tuple[Account, ...]:
    """The accounts of the file. Raises `FileError`."""
    return read_model(path, Accounts).users


def hashed(password: str) -> str:
    """The password as argon2id. Raises `ValueError` for one that is too short or too long, or that no request has."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(f"a password has at least {SHORTEST_PASSWORD} characters, and at most {LONGEST_PASSWORD}")
    try:
        is_text = "\0" not in password and bool(password.encode())
    except UnicodeEncodeError:  # standard input had other bytes than UTF-8
        is_text = False
    if not is_text:
        raise ValueError("a password is text in UTF-8, without U+0000: no sign-in takes another")
    return PasswordHasher().hash(password)
