"""Partners that are asked over HTTP, and their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edges.partners.signing import MOST_SECRETS, new_secret
from edges.partners.sql import query
from service.clock import now_ms

if TYPE_CHECKING:
    from service.postgres import Session


class RotationError(Exception):
    """A partner's secrets cannot be rotated as asked: whose, why, and what to do."""


def enrol(database: Session, partner: str, url: str, *, allow_private: bool) -> list[str]:
    """Ask a partner over HTTP from now on, or change where; the secrets that its webhooks are signed by."""
    values = {"partner_id": partner, "url": url, "allow_private": allow_private, "now": now_ms()}
    with database.transaction():
        database.execute(query("put_partner"), values)
        known = [row[0] for row in database.execute(query("secrets"), values)]
        if not known:
            known = [new_secret()]
            database.execute(query("put_secret"), {**values, "secret": known[0]})
    return known


def rotate(database: Session, partner: str, *, end: bool) -> list[str]:
    """Add a second secret, or ``end`` the older one; the secrets then in force, the newest last.

    Raises `RotationError` where the partner is not asked over HTTP, or has two secrets already.
    """
    values = {"partner_id": partner, "now": now_ms(), "keep": 1 if end else MOST_SECRETS}
    with database.transaction():
        database.execute(query("lock_partner"), values)
        known = [row[0] for row in database.execute(query("secrets"), values)]
        if not known:
            raise RotationError(f"no partner {partner} is asked over HTTP: see `ronde partners add`")
        if not end:
            if len(known) == MOST_SECRETS:
                raise RotationError(f"{partner} has two secrets: end the older one by --end first")
            database.execute(query("put_secret"), {**values, "secret": new_secret()})
        database.execute(query("remove_secrets"), values)
        return [row[0] for row in database.execute(query("secrets"), values)]
