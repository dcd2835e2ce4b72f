"""The desk's pages: the list, a call, an attention, an incident, a site, the search, the wallboard, who holds what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from edges.desk.answers import IncidentView, SiteView, WorkItem, item_json
from edges.desk.api import LONGEST_QUERY, DeskApi, operator_of
from edges.desk.deadline import TimedRoute
from edges.desk.incident import Incident
from edges.desk.labels import labels
from edges.desk.rules import said_of
from edges.desk.script import Script, asks_again, attention_in_words, language_of, rule_of
from edges.desk.steps import lines, signal_in_words
from edges.desk.wallboard import FirstCallCount, wall
from edges.desk.work import Item
from edges.values import CallCommand
from edges.web import languages
from edges.web.accounts import Person
from edges.web.callers import person_with
from edges.web.pages import Pages
from edges.web.problems import NOT_FOUND, UNCONFIRMED
from edges.web.values import PathId, write_instant

FOLDER: Final = Path(__file__).parent
PLACES: Final = (
    ("/", "Work"), ("/attentions", "Attentions"), ("/find", "Find"), ("/held", "Who holds what"),
    ("/wall", "Wallboard"),
)  # fmt: skip
WORKERS: Final = frozenset({"operator", "supervisor"})
AT_FIRST: Final = 100  # items that the list's page comes with; its script loads the others
_OUTCOMES: Final = ("IDENTIFIED", "NOT_IDENTIFIED", "WRONG_CODE", "NO_ANSWER", "DURESS_CODE")
_SITUATIONS: Final = ("NORMAL", "ABNORMAL", "UNKNOWN")
Viewer: TypeAlias = Annotated[Person, person_with("operator", "supervisor", "auditor")]


class DeskPages:
    """Renders them over what the API has."""

    def __init__(self, api: DeskApi, pages: Pages, centre: str | None, first_calls: FirstCallCount) -> None:
        self.pages = pages
        self._api = api
        self._centre = centre
        self._first_calls = first_calls
        self._state = api.holding.state

    def render(self, request: Request, template: str, person: Person, **values: Any) -> Response:
        """A page for a person who is signed in; ``event``: behind which one its stream begins, if not here and now."""
        return self.pages.render(
            request,
            template,
            person=person,
            may_work=person.role in WORKERS,
            segment=_segment,
            shown_at=write_instant(self.pages.clock()),
            signal_in_words=signal_in_words,
            **{"words": self.words(request), "event": self._api.channel.last_id, **values},
        )

    def words(self, request: Request) -> dict[str, Any]:
        """The words for symbols, in the language of who asks."""
        return labels(lambda message: self.pages.say(request, message))

    # --- one page each ----------------------------------------------------------------------------

    async def work(self, request: Request, person: Viewer) -> Response:
        """The list."""
        return self._list(request, person)

    async def attentions(self, request: Request, person: Viewer) -> Response:
        """The attentions of the list."""
        return self._list(request, person, "ATTENTION")

    def _list(self, request: Request, person: Person, only: str | None = None) -> Response:
        order = [item for item in self._api.holding.work.in_order() if only in {None, item.item}]
        items = [_json(item) for item in order[:AT_FIRST]]
        blank = WorkItem(
            subject="", item="CALL", site_id="", urgency=4, alert_kinds=[], covert=False, since=0, expires_at=0
        )
        return self.render(
            request,
            "work.html",
            person,
            items=items,
            only=only,
            is_whole=len(items) == len(order),
            blank=blank.model_dump(mode="json"),
        )

    async def subject(self, request: Request, person: Viewer, subject: PathId) -> Response:
        """A call or an attention; who comes for what is over is led to its incident, or to the list."""
        command = self._state.command(subject)
        if command is not None:
            return await self._call(request, person, *command)
        item = self._api.holding.work.items.get(subject)
        if item is not None:
            return await self._attention(request, person, item)
        known = self._state.attentions.get(subject)
        if known is None and request.app.state.unread():
            raise UNCONFIRMED.error()  # it may be no more over than begun
        place = f"/incidents/{_segment(known.incident_id)}" if known is not None and known.incident_id else "/"
        return RedirectResponse(place, status_code=303)

    async def _call(self, request: Request, person: Person, incident: Incident, call: CallCommand) -> Response:
        view = await self._api.dossier.incident(incident)
        self._api.viewed.note(operator_of(person), incident)
        words = self.words(request)
        title = f"{words['item'][call.action]}{words['colon']}{call.contact_name or call.contact_id}"
        script = self._script(request, call.language, call.contact_name, view.site)
        opening = script.opening(
            call, rule_of(call, self._api.dossier.decisions(incident)), incident.kinds or call.alert_kinds
        )
        return self._spoken(
            request,
            person,
            subject=call.command_id,
            title=title,
            api=f"/v1/calls/{_segment(call.command_id)}",
            view=view,
            site=view.site,
            phone=call.phone,
            expires_at=write_instant(call.expires_at),
            script=script,
            opening=opening,
            message=script.end("NO_ANSWER"),
            asks_again=asks_again(call),
            is_answered=False,
            partition=incident.partition,
        )

    async def callback(
        self, request: Request, person: Viewer, callback_id: PathId, site: str | None = None
    ) -> Response:
        """An inbound call; ``site`` is whose it is, as another desk may have begun it just now."""
        if callback_id not in self._state.callbacks and site is not None:
            await self._api.holding.be_sure(self._api.holding.partition_of(site))
        callback = self._state.callbacks.get(callback_id)
        if callback is None:
            raise NOT_FOUND.error()
        partition = self._api.holding.partition_of(callback.site_id)
        if self._state.holder(partition, callback_id) is None:
            await self._api.calls.hear_answers(partition)  # its page takes what nobody has answered
        incident = self._state.incidents.get(callback.incident_id or "")
        contact = await self._api.dossier.contact(callback.site_id, callback.contact_id, incident)
        view = await self._view(person, incident)  # last: the page's events begin behind it
        home = await self._api.dossier.site(callback.site_id) if view is None else view.site
        script = self._script(request, contact.language if contact else None, contact.name if contact else None, home)
        return self._spoken(
            request,
            person,
            subject=callback_id,
            title=self.pages.say(request, "Inbound call"),
            api=f"/v1/sites/{_segment(callback.site_id)}/callbacks/{_segment(callback_id)}",
            view=view,
            site=home,
            phone=None,
            expires_at=None,
            script=script,
            opening=script.inbound(),
            message=None,
            is_answered=bool(said_of(self._state.inbound, callback_id)),
            partition=partition,
        )

    def _spoken(
        self,
        request: Request,
        person: Person,
        *,
        subject: str,
        partition: int,
        view: IncidentView | None,
        site: SiteView | None,
        script: Script,
        opening: str,
        asks_again: bool = False,
        **values: Any,
    ) -> Response:
        holder = self._state.holder(partition, subject)
        ends = {outcome: {said: script.end(outcome, said) for said in _SITUATIONS} for outcome in _OUTCOMES}
        if asks_again:
            ends["WRONG_CODE"]["NORMAL"] = script.after("AGAIN")
        words = self.words(request)
        words["after"] = {verdict: script.after(verdict) for verdict in ("RIGHT", "WRONG", "LAST", "DURESS")}
        return self.render(
            request,
            "call.html",
            person,
            subject=subject,
            words=words,
            incident=_shown(view),
            site=_shown(site),
            steps=[] if view is None else lines(view, words, languages.language_of(request)),
            is_mine=holder is not None and holder.by == person.name,
            holder=None if holder is None else holder.by,
            script={"language": script.language, "opening": opening, "ends": ends},
            **values,
        )

    async def _attention(self, request: Request, person: Person, item: Item) -> Response:
        event = self._api.channel.last_id  # the item is of now; what it waits for is not
        view = await self._view(person, self._state.incidents.get(item.incident_id or ""))
        site = view.site if view is not None else await self._api.dossier.site(item.site_id)
        words, language = self.words(request), languages.language_of(request)
        reason = item.reason or ""
        return self.render(
            request,
            "attention.html",
            person,
            subject=item.subject,
            title=f"{words['item']['ATTENTION']}{words['colon']}{words['reason'].get(reason, reason)}",
            advice=attention_in_words(reason, language),
            item=_json(item),
            incident=_shown(view),
            site=_shown(site),
            steps=[] if view is None else lines(view, words, language),
            is_mine=item.holder is not None and item.holder.by == person.name,
            holder=None if item.holder is None else item.holder.by,
            event=event,
        )

    async def incident(self, request: Request, person: Viewer, incident_id: PathId) -> Response:
        """All of an incident."""
        return await self._incident(request, person, incident_id, "incident.html")

    async def steps(self, request: Request, person: Viewer, incident_id: PathId, views: str = "yes") -> Response:
        """The timeline of an incident alone."""
        return await self._incident(request, person, incident_id, "steps.html", with_views=views != "no")

    async def _incident(
        self, request: Request, person: Person, incident_id: str, template: str, *, with_views: bool = True
    ) -> Response:
        incident = self._api.incident(incident_id)
        view = await self._api.dossier.incident(incident)
        self._api.viewed.note(operator_of(person), incident)
        steps = lines(view, self.words(request), languages.language_of(request), with_views=with_views)
        return self.render(request, template, person, incident=_shown(view), site=_shown(view.site), steps=steps)

    async def find(self, request: Request, person: Viewer, q: str = "") -> Response:
        """The search."""
        q = q[:LONGEST_QUERY]
        found = (await self._api.dossier.find(q)).model_dump(mode="json") if q.strip() else None
        is_partial = bool(request.app.state.unread())
        return self.render(request, "find.html", person, q=q, found=found, is_partial=is_partial)

    async def site(self, request: Request, person: Viewer, site_id: PathId) -> Response:
        """A site."""
        site = await self._api.dossier.site(site_id)
        if site is None:
            raise NOT_FOUND.error()
        return self.render(
            request,
            "site.html",
            person,
            site=site.model_dump(mode="json"),
            incidents=list(self._state.open_incidents(site_id)),
        )

    async def history(self, request: Request, person: Viewer, site_id: PathId) -> Response:
        """What a site had before."""
        if await self._api.dossier.site(site_id) is None:
            raise NOT_FOUND.error()
        history = await self._api.history.of_site(site_id)
        return self.render(
            request,
            "history.html",
            person,
            site_id=site_id,
            history=history.model_dump(mode="json"),
            known=self._state.incidents.keys(),
        )

    async def held(self, request: Request, person: Viewer) -> Response:
        """Who holds what."""
        state, items = self._state, self._api.holding.work.items
        held = []
        for log in state.claims:
            for hold in log.holds(log.now(state.monotonic)):
                is_inbound = hold.subject in state.callbacks
                place = f"/{'callbacks' if is_inbound else 'work'}/{_segment(hold.subject)}"
                item = items.get(hold.subject)
                held.append((hold, "INBOUND" if is_inbound else "CALL" if item is None else item.item, place))
        held.sort(key=lambda row: row[0].since)
        return self.render(request, "held.html", person, held=held, time=write_instant)

    async def wall(self, request: Request, person: Viewer) -> Response:
        """The wallboard."""
        shown = await wall(self._state, self._api.holding.work, self._first_calls, self.pages.clock())
        return self.render(request, "wall.html", person, wall=shown)

    # --- what they need ---------------------------------------------------------------------------

    async def _view(self, person: Person, incident: Incident | None) -> IncidentView | None:
        """All of an incident, and that somebody looks at it."""
        if incident is None:
            return None
        self._api.viewed.note(operator_of(person), incident)
        return await self._api.dossier.incident(incident)

    def _script(self, request: Request, tag: str | None, name: str | None, site: SiteView | None) -> Script:
        language = language_of(tag, languages.language_of(request))
        address = None if site is None else site.address
        return Script(language, centre=self._centre, contact=name, city=None if address is None else address["city"])

    def routes(self) -> APIRouter:
        """All pages."""
        router = APIRouter(include_in_schema=False, route_class=TimedRoute)
        for path, page in (
            ("/", self.work),
            ("/attentions", self.attentions),
            ("/work/{subject}", self.subject),
            ("/callbacks/{callback_id}", self.callback),
            ("/incidents/{incident_id}", self.incident),
            ("/incidents/{incident_id}/steps", self.steps),
            ("/find", self.find),
            ("/sites/{site_id}", self.site),
            ("/sites/{site_id}/history", self.history),
            ("/held", self.held),
            ("/wall", self.wall),
        ):
            router.add_api_route(path, page, methods=["GET"])
        return router


def _segment(text: str) -> str:
    """A segment of an address."""
    return quote(text, safe="")


def _json(item: Item) -> dict[str, Any]:
    shown: dict[str, Any] = orjson.loads(item_json(item))
    return shown


def _shown(view: IncidentView | SiteView | None) -> dict[str, Any] | None:
    return None if view is None else view.model_dump(mode="json")
