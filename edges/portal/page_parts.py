"""What all pages of the portal share: who visits, where a site's pages are, how forms are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from edges.portal.callers import Caller, Right
from edges.portal.rows import Stored
from edges.portal.service import Portal
from edges.web.accounts import Person
from edges.web.callers import person_with

Visitor: TypeAlias = Annotated[Person, person_with("customer", "support", "auditor")]

_LONGEST_REVISION: Final = 18  # digits


def base_of(site_id: str) -> str:
    """Where the pages of a site begin."""
    return f"/sites/{quote(site_id, safe='')}"


async def opened(portal: Portal, caller: Caller, site_id: str) -> Stored:
    """A site that the caller configures. Raises NOT_FOUND, FORBIDDEN."""
    await caller.check(site_id, portal.store, Right.CONFIGURE)
    return await portal.look(caller, site_id)


def back(site_id: str) -> Response:
    """To the configuration, which says that it is saved."""
    return RedirectResponse(f"{base_of(site_id)}/configuration?saved", status_code=303)


def revision_of(form: Mapping[str, str]) -> int | None:
    """The revision that a form was made of."""
    text = form.get("revision", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_REVISION else None
