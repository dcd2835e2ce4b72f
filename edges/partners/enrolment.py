"""Partners that are asked over HTTP, and their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edges.partners.signing import new_secret
from edges.partners.sql import query
from service.clock import now_ms

if TYPE_CHECKING:
    from service.postgres import Session


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
