"""The desk's API (docs/desk.md): what its pages use, and programs with a token of scope ``desk``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field
from starlette.responses import StreamingResponse

from edges.desk.answers import (
    ActionTaken,
    CallbackTaken,
    Holder,
    IncidentView,
    Judgement,
    NoteKept,
    Outcome,
    ReleaseAnswer,
    ResultTaken,
    SearchResult,
    SeenAnswer,
    SeenBy,
    SiteHistory,
    Situation,
    TakeAnswer,
    WorkItem,
    item_json,
)
from edges.desk.calls import CallOutcome, Calls
from edges.desk.deadline import TimedRoute
from edges.desk.decisions import Decisions
from edges.desk.dossier import Dossier
from edges.desk.history import History
from edges.desk.holding import Holding
from edges.desk.incident import Incident
from edges.desk.own_records import Operator
from edges.desk.problems import (
    CHANGED,
    DURESS,
    EXPIRED,
    HELD,
    NO_CONTACT,
    NO_TRIES_LEFT,
    NOT_HELD,
    NOT_VERIFIED,
    OVER,
    STALE,
    SUPERVISOR_ONLY,
    TOO_MANY_WRONG_WORDS,
    UNREADABLE_HASH,
)
from edges.desk.viewed import ViewLog
from edges.web import languages
from edges.web.accounts import Person
from edges.web.callers import caller_now, caller_with
from edges.web.events import Channel, event_stream
from edges.web.problems import NOT_FOUND, UNCONFIRMED, documented
from edges.web.tokens import Machine
from edges.web.values import Body, Id, Instant, PathId, Text

LONGEST_QUERY: Final = 200
Worker: TypeAlias = Annotated[Person | Machine, caller_with("operator", "supervisor", scope="desk")]
_READERS: Final = ("operator", "supervisor", "auditor")
READER: Final[Any] = caller_with(*_READERS, scope="desk")
Reader: TypeAlias = Annotated[Person | Machine, READER]


class EmptyBody(Body):
    """Of routes that need none: no body, or an object without fields."""


def _empty(_body: EmptyBody | None = None) -> None:
    """A dependency.

    Without it FastAPI would not read the body, so neither its size nor unknown fields would be checked.
    """


NOTHING: Final[Any] = Depends(_empty)


class TakeBody(Body):
    """Of `take`: ``over`` takes it from its holder."""

    over: bool | None = None


class WordBody(Body):
    """A word as it was typed."""

    word: Annotated[Text, Field(min_length=1)]


class ResultBody(Body):
    """What came of a call; ``at`` is when the operator first pressed the key, by the broker's clock."""

    outcome: Outcome
    situation: Situation
    message_left: bool | None = None
    detail: Text | None = None
    at: Instant

    def said(self) -> CallOutcome:
        """The same for the desk; an empty detail is none."""
        return CallOutcome(self.outcome, self.situation, bool(self.message_left), self.detail or None, self.at)


class CallbackBody(Body):
    """An inbound call; ``key`` is the page's, one for each."""

    incident_id: Id | None = None
    contact_id: Id | None = None
    key: Id


class ActBody(Body):
    """Why, and what was seen; ``key`` is the page's, one for each press."""

    reason: Text
    key: Id
    seen_version: int
    at: Instant


class SendBody(Body):
    """Why a guard is sent to a site; ``seen_version`` is of its open incident, if there is one."""

    reason: Text
    key: Id
    seen_version: int | None = None
    at: Instant


class SeenBody(Body):
    """What there is to say of an attention."""

    note: Text | None = None


class NoteBody(Body):
    """A note on an incident."""

    text: Text
    key: Id


@dataclass(frozen=True, eq=False)
class DeskApi:
    """The parts that routes use."""

    holding: Holding
    calls: Calls
    decisions: Decisions
    dossier: Dossier
    history: History
    channel: Channel
    viewed: ViewLog

    def incident(self, incident_id: str) -> Incident:
        """An incident that has begun. Raises NOT_FOUND."""
        incident = self.holding.state.incidents.get(incident_id)
        if incident is None or incident.phase is None:
            raise NOT_FOUND.error()
        return incident

    def routes(self) -> APIRouter:
        """All routes under `/v1`."""
        router = APIRouter(route_class=TimedRoute)
        _work_routes(router, self)
        _call_routes(router, self)
        _callback_routes(router, self)
        _incident_routes(router, self)
        _decision_routes(router, self)
        return router


def operator_of(caller: Person | Machine) -> Operator:
    """Who asks, as the desk knows them; a token has an operator's rights."""
    if isinstance(caller, Machine):
        return Operator(caller.name, is_supervisor=False, is_machine=True)
    return Operator(caller.name, is_supervisor=caller.role == "supervisor")


def _work_routes(router: APIRouter, desk: DeskApi) -> None:
    holding = desk.holding

    @router.get("/v1/work", dependencies=[READER], response_model=list[WorkItem])
    async def work() -> Any:
        """What there is to do, the most urgent first."""
        items = b",".join(item_json(item) for item in holding.work.in_order())
        return Response(b"[" + items + b"]", media_type="application/json")

    @router.get("/v1/events", dependencies=[READER], response_class=StreamingResponse)
    async def events(request: Request, since: str | None = None) -> StreamingResponse:
        """Changes as server-sent events: `work`, `gone`, `incident`, `age`; `reset`: load everything again.

        ``since``: the id of an event, to begin behind it; the header `Last-Event-ID` comes first.
        """
        return event_stream(request, desk.channel, caller_now(*_READERS, scope="desk"), since=since)

    @router.post(
        "/v1/work/next",
        dependencies=[NOTHING],
        responses={**documented(STALE, UNCONFIRMED), 204: {"description": "There is nothing to do."}},
        response_model=WorkItem,
    )
    async def take_next(caller: Worker) -> Any:
        """Take the next piece of work: what one holds and has not answered, else the first that is free."""
        item = await holding.next(operator_of(caller))
        return Response(status_code=204) if item is None else WorkItem.of_item(item)

    @router.post("/v1/work/{subject}/take", responses=documented(HELD, OVER, STALE, UNCONFIRMED))
    async def take(subject: PathId, caller: Worker, body: TakeBody | None = None) -> TakeAnswer:
        """Take a call or an attention, renew one's hold, or take it over."""
        over = body is not None and bool(body.over)
        return TakeAnswer(holder=Holder.of(await holding.take(operator_of(caller), subject, over=over)))

    @router.post("/v1/work/{subject}/release", dependencies=[NOTHING], responses=documented(HELD, UNCONFIRMED))
    async def release(subject: PathId, caller: Worker) -> ReleaseAnswer:
        """Let go of it; of what nobody holds nothing changes."""
        hold = await holding.release(operator_of(caller), subject)
        return ReleaseAnswer(holder=None if hold is None else Holder.of(hold))


def _call_routes(router: APIRouter, desk: DeskApi) -> None:
    @router.post(
        "/v1/calls/{command_id}/word",
        responses=documented(HELD, NOT_HELD, NO_TRIES_LEFT, TOO_MANY_WRONG_WORDS, UNREADABLE_HASH, UNCONFIRMED),
    )
    async def word(command_id: PathId, body: WordBody, caller: Worker) -> Judgement:
        """Whether a word is the contact's. A word for threat is the answer to the call."""
        judged = await desk.calls.word(operator_of(caller), command_id, body.word)
        return Judgement(**judged._asdict())

    @router.put(
        "/v1/calls/{command_id}/result",
        status_code=202,
        responses=documented(HELD, NOT_HELD, NOT_VERIFIED, DURESS, EXPIRED, UNCONFIRMED),
    )
    async def result(command_id: PathId, body: ResultBody, caller: Worker) -> ResultTaken:
        """What came of a call. A late one is taken, as a callback."""
        result_id, late = await desk.calls.result(operator_of(caller), command_id, body.said())
        return ResultTaken(result_id=result_id, late=late)


def _callback_routes(router: APIRouter, desk: DeskApi) -> None:
    @router.post("/v1/sites/{site_id}/callbacks", status_code=201, responses=documented(UNCONFIRMED))
    async def begin(site_id: PathId, body: CallbackBody, caller: Worker) -> CallbackTaken:
        """Somebody of a site is calling; the call is the caller's of this route."""
        callback_id = await desk.calls.begin_callback(
            operator_of(caller), site_id, body.incident_id, body.contact_id, body.key
        )
        return CallbackTaken(callback_id=callback_id)

    @router.post(
        "/v1/sites/{site_id}/callbacks/{callback_id}/word",
        responses=documented(
            HELD, NOT_HELD, NO_TRIES_LEFT, TOO_MANY_WRONG_WORDS, UNREADABLE_HASH, NO_CONTACT, UNCONFIRMED
        ),
    )
    async def word(site_id: PathId, callback_id: PathId, body: WordBody, caller: Worker) -> Judgement:
        """Whether a word is the calling contact's."""
        judged = await desk.calls.callback_word(operator_of(caller), site_id, callback_id, body.word)
        return Judgement(**judged._asdict())

    async def result(site_id: PathId, callback_id: PathId, body: ResultBody, caller: Worker) -> ResultTaken:
        """What came of an inbound call."""
        result_id, late = await desk.calls.callback_result(operator_of(caller), site_id, callback_id, body.said())
        return ResultTaken(result_id=result_id, late=late)

    for method in (router.put, router.post):  # as for a call, and as for a callback: the ids are the same
        method(
            "/v1/sites/{site_id}/callbacks/{callback_id}/result",
            status_code=202,
            responses=documented(HELD, NOT_HELD, NOT_VERIFIED, DURESS, EXPIRED, UNCONFIRMED),
        )(result)


def _incident_routes(router: APIRouter, desk: DeskApi) -> None:
    @router.get("/v1/incidents/{incident_id}", responses=documented(UNCONFIRMED))
    async def incident(incident_id: PathId, request: Request, caller: Reader) -> IncidentView:
        """All there is of an incident. Who looked is kept."""
        known = desk.incident(incident_id)
        desk.viewed.note(operator_of(caller), known)
        return await desk.dossier.incident(known, languages.language_of(request))

    @router.get("/v1/sites/{site_id}/history", dependencies=[READER], responses=documented(UNCONFIRMED))
    async def history(site_id: PathId) -> SiteHistory:
        """What a site had before, from the ledger; `source` says where there is none."""
        if await desk.dossier.site(site_id) is None:
            raise NOT_FOUND.error()
        return await desk.history.of_site(site_id)

    @router.get("/v1/find", dependencies=[READER], responses=documented(UNCONFIRMED))
    async def find(q: Annotated[str, Query(min_length=1, max_length=LONGEST_QUERY)]) -> SearchResult:
        """Incidents and sites by a number in any form, a site's id, names, an incident's id."""
        return await desk.dossier.find(q)


def _decision_routes(router: APIRouter, desk: DeskApi) -> None:
    decisions = desk.decisions
    refusals = documented(CHANGED, SUPERVISOR_ONLY, STALE, UNCONFIRMED)

    @router.post("/v1/incidents/{incident_id}/close", status_code=202, responses=refusals)
    async def close(incident_id: PathId, body: ActBody, caller: Worker) -> ActionTaken:
        """Close an incident."""
        action_id = await decisions.act(
            operator_of(caller), desk.incident(incident_id), "CLOSE", body.reason, body.key, body.seen_version, body.at
        )
        return ActionTaken(action_id=action_id)

    @router.post("/v1/incidents/{incident_id}/dispatch", status_code=202, responses=refusals)
    async def dispatch(incident_id: PathId, body: ActBody, caller: Worker) -> ActionTaken:
        """Send a guard."""
        known = desk.incident(incident_id)
        action_id = await decisions.act(
            operator_of(caller), known, "DISPATCH", body.reason, body.key, body.seen_version, body.at
        )
        return ActionTaken(action_id=action_id)

    @router.post("/v1/sites/{site_id}/dispatch", status_code=202, responses=documented(CHANGED, STALE, UNCONFIRMED))
    async def send_guard(site_id: PathId, body: SendBody, caller: Worker) -> ActionTaken:
        """Send a guard to a site, covertly where no incident is open."""
        open_here = desk.holding.state.open_incidents(site_id)
        # One of SECURITY gets a guard though its site is deleted.
        if all(known.is_fire for known in open_here) and not await desk.dossier.knows(site_id):
            raise NOT_FOUND.error()
        action_id = await decisions.send_guard(
            operator_of(caller), site_id, body.reason, body.key, body.seen_version, body.at
        )
        return ActionTaken(action_id=action_id)

    @router.post("/v1/attentions/{attention_id}/seen", responses=documented(UNCONFIRMED))
    async def seen(attention_id: PathId, caller: Worker, body: SeenBody | None = None) -> SeenAnswer:
        """Say that one has looked at an attention."""
        at = await decisions.see(operator_of(caller), attention_id, None if body is None else body.note)
        return SeenAnswer(seen=SeenBy(by=caller.name, at=at))

    @router.post("/v1/incidents/{incident_id}/notes", status_code=201, responses=documented(UNCONFIRMED))
    async def note(incident_id: PathId, body: NoteBody, caller: Worker) -> NoteKept:
        """Keep a note on an incident."""
        event_id = await decisions.note(operator_of(caller), desk.incident(incident_id), body.text, body.key)
        return NoteKept(event_id=event_id)
