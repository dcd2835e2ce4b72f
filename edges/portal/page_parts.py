"""What all pages of the portal share: who visits, where a site's pages are, how forms are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias
from urllib.parse import quote

from babel import Locale
from fastapi import Request
from starlette.responses import RedirectResponse, Response

from edges.portal.callers import Caller, Right
from edges.portal.forgetting import FORGOTTEN
from edges.portal.rows import Stored
from edges.portal.sentences import WHAT
from edges.portal.service import Portal
from edges.portal.store import Revision
from edges.web.accounts import Person
from edges.web.callers import person_with
from edges.web.pages import Pages
from edges.web.values import write_instant

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


def country_name(code: str, language: str) -> str:
    """A country in a language; its code where that has no name for it."""
    return str(Locale.parse(language).territories.get(code, code))


def name_of(by: str, request: Request, pages: Pages) -> str:
    """Who made a change; of a person who left only that, in the reader's language."""
    return pages.say(request, by) if by == FORGOTTEN else by


def shown_line(line: Revision, request: Request, pages: Pages) -> dict[str, str]:
    """A line of the history, for a page."""
    what = pages.say(request, WHAT.get(line.what, line.what))
    return {"at": write_instant(line.at), "by": name_of(line.by, request, pages), "what": what}
