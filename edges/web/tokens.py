"""Bearer tokens of machines: a file of hashes, looked at on each request, so that a removed token ends at once.

A token has 256 random bits, so SHA-256 is hash enough. Only its first showing has the token itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from edges.web.files import WatchedFile, changing, read_model, write_model
from edges.web.values import ID_BYTES

PREFIX: Final = "ronde_"
_LONGEST_TOKEN: Final = 256
_SCOPE: Final = re.compile(r"alerts|desk|(?:portal|partner):(?P<id>.*\S.*)", re.DOTALL)


class Machine(NamedTuple):
    """Who comes with a token, and what it may do."""

    name: str
    scopes: frozenset[str]

    def has(self, kind: str) -> bool:
        """Whether any scope is of this kind: ``alerts``, ``desk``, ``portal``, ``partner``."""
        return any(scope == kind or scope.startswith(f"{kind}:") for scope in self.scopes)

    def may(self, kind: str, subject: str) -> bool:
        """Whether a scope of this kind covers a site or a partner."""
        return f"{kind}:{subject}" in self.scopes or (kind == "portal" and "portal:*" in self.scopes)


def subjects_of(kind: str, scopes: Iterable[str]) -> list[str]:
    """The partners, or sites (``*``: all), that scopes of this kind name."""
    prefix = f"{kind}:"
    return [scope.removeprefix(prefix) for scope in scopes if scope.startswith(prefix)]


def check_scope(scope: str) -> str:
    """Return the scope. Raises `ValueError` for what is none."""
    match = _SCOPE.fullmatch(scope)
    if match is None:
        raise ValueError("a scope is alerts, desk, portal:SITE, portal:* or partner:PARTNER")
    if len((match["id"] or "").encode()) > ID_BYTES:
        raise ValueError(f"the id in a scope has at most {ID_BYTES} bytes")
    return scope


class Token(BaseModel):
    """A line of the file: its name, its scopes, the SHA-256 of the token in hex."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9._-]{1,128}$")]
    scopes: tuple[Annotated[str, AfterValidator(check_scope)], ...]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    created_at: datetime


class Tokens(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: tuple[Token, ...] = ()


class TokenFile:
    """The tokens in force."""

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile(path, Tokens)

    def find(self, token: str) -> Machine | None:
        """Who has this token. Takes the same time wherever it stands in the file. Raises `FileError`."""
        digest = _digest(token[:_LONGEST_TOKEN])
        match = None
        for known in self._file.read().tokens:
            if hmac.compare_digest(known.sha256, digest):
                match = Machine(known.name, frozenset(known.scopes))
        return match


def add(path: Path, name: str, scopes: tuple[str, ...]) -> str:
    """Add a token to the file and return it; it is nowhere else. Raises `FileError`, `ValueError`."""
    token = PREFIX + secrets.token_urlsafe(32)
    line = Token(name=name, scopes=scopes, sha256=_digest(token), created_at=datetime.now(UTC).replace(microsecond=0))
    with changing(path):
        tokens = read_model(path, Tokens).tokens
        if any(known.name == name for known in tokens):
            raise ValueError(f"there is a token {name} already: remove it first, or give this one another name")
        write_model(path, Tokens(tokens=(*tokens, line)))
    return token


def remove(path: Path, name: str) -> bool:
    """Remove a token from the file; False where there is none of this name. Raises `FileError`."""
    with changing(path):
        tokens = read_model(path, Tokens).tokens
        rest = tuple(token for token in tokens if token.name != name)
        if len(rest) < len(tokens):
            write_model(path, Tokens(tokens=rest))
        return len(rest) < len(tokens)


def listed(path: Path) -> tuple[Token, ...]:
    """The tokens of the file. Raises `FileError`."""
    return read_model(path, Tokens).tokens


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
