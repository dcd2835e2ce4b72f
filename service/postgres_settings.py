"""The settings of PostgreSQL, the same for every process that uses one (contracts.md, Settings)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.fields import Section, Text


class PostgresSettings(Section):
    """How to reach PostgreSQL, with libpq's names."""

    host: Text = Field(default="localhost", description="its address, or the folder of its socket")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=5432, description="its port: a whole number from 1 to 65535"
    )
    database: Text = Field(default="ronde", description="the database that the ledger is in")
    user: Text = Field(default="ronde", description="the role to connect as")
    password: Text | None = Field(
        default=None, repr=False, description="the role's password (default: none, or libpq's password file)"
    )
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = Field(
        default="prefer",
        description='"verify-full" where the network is not your own; or "verify-ca", "require", "prefer", "disable"',
    )
    sslrootcert: Text | None = Field(
        default=None, description='the file of the authorities to trust, or "system" (default: libpq\'s own)'
    )
    sslcert: Text | None = Field(default=None, description="the file of our certificate (default: none)")
    sslkey: Text | None = Field(default=None, description="the file of its key (default: none)")
