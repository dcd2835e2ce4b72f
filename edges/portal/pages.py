"""The portal's pages, in the order in which customers go through them (docs/portal.md).

Pages and API do the same through `edges.portal.service.Portal`. A word that was typed is in no page that follows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from edges.portal import changes
from edges.portal.bodies import BeforeRevision, PageNumber
from edges.portal.callers import Right, caller_of
from edges.portal.configuration import Configuration
from edges.portal.engine import FRESH_SECONDS
from edges.portal.page_parts import Visitor, back, base_of, country_name, name_of, opened, revision_of, shown_line
from edges.portal.problems import REVISION_STALE
from edges.portal.sentences import missing_sentence, warning_sentence
from edges.portal.service import Portal
from edges.portal.states import goes_through
from edges.web.accounts import Person
from edges.web.languages import language_of
from edges.web.pages import Pages, form_of, plain
from edges.web.problems import Problem
from edges.web.routes import Route
from edges.web.values import PathId, write_instant
from service.clock import now_ms

SITES: Final = 100  # on a page of *My services*
_HOUR: Final = 3_600_000
_MINUTE: Final = 60_000
_HOURS: Final = frozenset({"0", "1", "4", "24"})
_WHOLE: Final = ("site", "import")  # changes that are about all of a configuration


class _Button(NamedTuple):
    """What a button changes; ``is_done`` says whether it is so already."""

    what: str
    wanted: Any
    apply: Callable[[Configuration], Configuration]
    is_done: Callable[[Configuration], bool]


class PortalPages:
    """The pages over the use cases."""

    def __init__(self, portal: Portal, pages: Pages) -> None:
        self._portal = portal
        self._pages = pages

    def routes(self) -> APIRouter:
        """All pages."""
        router = APIRouter(include_in_schema=False, route_class=Route)
        router.add_api_route("/", self.services, methods=["GET"])
        site = "/sites/{site_id}"
        for path, page in (
            ("", self.advantages),
            ("/configuration", self.configuration),
            ("/subscription", self.subscription),
            ("/history", self.history),
        ):
            router.add_api_route(site + path, page, methods=["GET"])
        for path, press in (
            ("/intervention", self.press_intervention),
            ("/test", self.press_test),
            ("/subscription", self.press_subscription),
        ):
            router.add_api_route(site + path, press, methods=["POST"])
        return router

    # --- what is seen -----------------------------------------------------------------------------

    async def services(self, request: Request, person: Visitor, page: PageNumber = 1) -> Response:
        """*My services*: each site, with the exclamation mark while it needs attention."""
        caller, store = caller_of(person), self._portal.store
        q = plain(request.query_params.get("q", ""))[:128]
        site_ids = await store.sites_of(person.name) if caller.login is not None else []
        if caller.all_sites is not Right.NONE and q:
            site_ids = await store.find_sites(q)
        site_ids = list(dict.fromkeys(site_ids + sorted(caller.sites)))
        end = page * SITES
        sites = []
        for site in await store.sites(site_ids[end - SITES : end]):
            readiness = site.configuration.readiness(now_ms())
            sites.append(
                {
                    "address": base_of(readiness.site_id),
                    "name": site.configuration.name or readiness.site_id,
                    "subscribed": readiness.subscribed,
                    "needs_attention": readiness.needs_attention,
                }
            )
        is_support = caller.all_sites is not Right.NONE
        return self._pages.render(
            request,
            "services.html",
            person=person,
            sites=sites,
            q=q,
            is_support=is_support,
            next_page=page + 1 if end < len(site_ids) else None,
        )

    async def advantages(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """What the service is good for, and the blue button."""
        site = await self._portal.look(caller_of(person), site_id)
        state = self._portal.state(site)
        return self._pages.render(request, "advantages.html", person=person, site=state, base=base_of(site_id))

    async def configuration(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """The red message, the contacts, the address, the intervention, the comment."""
        return await self._configuration(request, site_id, person)

    async def _configuration(
        self,
        request: Request,
        site_id: str,
        person: Person,
        changed: Sequence[Mapping[str, str]] = (),
        status: int = 200,
    ) -> Response:
        caller = caller_of(person)
        site = await self._portal.look(caller, site_id)
        state = self._portal.state(site)
        engine_age = self._portal.engine.age(site_id)

        may_change = await caller.right(site_id, self._portal.store) is Right.CONFIGURE
        is_stopped = may_change and not state.subscribed and await self._portal.store.stop(site_id)

        def say(message: str) -> str:
            return self._pages.say(request, message)

        return self._pages.render(
            request,
            "configuration.html",
            status,
            person=person,
            changed=changed,
            base=base_of(site_id),
            state=state,
            further=len(site.configuration.further) if site.configuration.first is not None else 0,
            may_change=may_change,
            is_stopped=bool(is_stopped),
            saved="saved" in request.query_params,
            missing=[missing_sentence(code, say) for code in state.missing] if state.subscribed else [],
            warnings=[warning_sentence(code, say) for code in state.warnings],
            is_old=engine_age > FRESH_SECONDS,
            age="" if math.isinf(engine_age) else round(engine_age),
            goes_through=goes_through(site, self._portal.engine.get(site_id), now_ms()),
            country="" if state.address is None else country_name(state.address.country, language_of(request)),
            until="" if state.test_until is None else write_instant(state.test_until),
        )

    async def subscription(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """Stop the service; once it is stopped, a page to print."""
        site = await opened(self._portal, caller_of(person), site_id)
        stop = None if site.configuration.subscribed else await self._portal.store.stop(site_id)
        if stop is None and not site.configuration.subscribed:  # never subscribed: nothing to stop, nothing to print
            return RedirectResponse(f"{base_of(site_id)}/configuration", status_code=303)
        return self._pages.render(
            request,
            "subscription.html",
            person=person,
            base=base_of(site_id),
            state=self._portal.state(site),
            since="" if stop is None else write_instant(stop.at),
            by="" if stop is None else name_of(stop.by, request, self._pages),
            revision="" if stop is None else stop.revision,
        )

    async def history(
        self, request: Request, site_id: PathId, person: Visitor, before: BeforeRevision = None
    ) -> Response:
        """Who changed what and when."""
        await self._portal.look(caller_of(person), site_id)
        history = await self._portal.store.history(site_id, before=before)
        return self._pages.render(
            request,
            "history.html",
            person=person,
            base=base_of(site_id),
            lines=[shown_line(line, request, self._pages) for line in history],
            earlier=history[-1].revision if history and history[-1].revision > 1 else None,
        )

    # --- what is saved ----------------------------------------------------------------------------

    async def press_intervention(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """Save whether a guard may be sent."""
        enabled = (form := await form_of(request)).get("enabled") == "yes"
        button = _Button(
            "intervention",
            {"enabled": enabled},
            lambda site: changes.with_intervention(site, enabled=enabled),
            lambda site: site.intervention.enabled is enabled,
        )
        return await self._press(request, site_id, person, form, button, back(site_id))

    async def press_test(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """Put the site on test for some hours, or end it."""
        form = await form_of(request)
        hours = int(form["hours"]) if form.get("hours") in _HOURS else 0
        at = now_ms()
        until = at + hours * _HOUR if hours else None
        button = _Button(
            "test",
            ["until", until],
            lambda site: changes.with_test_until(site, until, at),
            lambda site: abs((site.test_until or 0) - (until or 0)) < _MINUTE,
        )
        return await self._press(request, site_id, person, form, button, back(site_id))

    async def press_subscription(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """Subscribe, or stop at once."""
        subscribed = (form := await form_of(request)).get("subscribed") == "yes"
        button = _Button(
            "subscription",
            {"subscribed": subscribed},
            lambda site: changes.with_subscription(site, subscribed=subscribed),
            lambda site: site.subscribed is subscribed,
        )
        stopped = RedirectResponse(f"{base_of(site_id)}/subscription", status_code=303)
        return await self._press(request, site_id, person, form, button, back(site_id) if subscribed else stopped)

    async def _press(
        self,
        request: Request,
        site_id: str,
        person: Person,
        form: Mapping[str, str],
        button: _Button,
        then: Response,
    ) -> Response:
        """Do what a button says; one that was pressed on an older page does what it says too, if that is all.

        Where somebody has pressed it since, it may be a tab that is loaded again: what was changed is shown, no more.
        """
        caller, revision = caller_of(person), revision_of(form)
        what, wanted, apply, is_done = button
        try:
            await self._portal.change(caller, site_id, revision, what, wanted, apply)
        except Problem as problem:
            if problem.kind is not REVISION_STALE:
                raise
            site = (await self._portal.look(caller, site_id)).configuration
            if is_done(site):
                return then
            since = await self._portal.store.history(site_id, since=revision or 0)
            if any(line.what in {what, *_WHOLE} for line in since):
                changed = [shown_line(line, request, self._pages) for line in since]
                return await self._configuration(request, site_id, person, changed, REVISION_STALE.status)
            await self._portal.change(caller, site_id, site.revision, what, wanted, apply)
        return then
