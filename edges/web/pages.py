"""Pages: templates with their elements, languages, appearance; sign-in and errors as pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import jinja2
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from edges.web.accounts import Person
from edges.web.callers import People
from edges.web.languages import COOKIE, NAMES, catalogues, language_of
from edges.web.oidc import own_path
from edges.web.problems import INVALID, UNAUTHENTICATED, Problem
from edges.web.routes import Route, StrictRequest
from edges.web.sessions import LAX
from edges.web.sign_in import SIGN_IN_FAILED, TOO_MANY_ATTEMPTS, SignIn
from edges.web.static_files import StaticFiles
from edges.web.values import write_instant
from service.clock import now_ms

HERE: Final = Path(__file__).parent
THEME_COOKIE: Final = "ronde-theme"
THEMES: Final = ("light", "dark")
SIGN_IN: Final = "/sign-in"
_YEAR: Final = 365 * 24 * 3600
_MOST_FIELDS: Final = 200


class Pages:
    """The pages of one process.

    Args:
        process: its name on every page: ``ronde desk``.
        folder: of the process, with its ``templates``, ``static`` and ``locale`` beside those of all.
        places: addresses and names of what the head links to; names are messages of the catalogues.

    Attributes:
        clock: what scripts take for the time, in Unix milliseconds.

    """

    def __init__(
        self,
        process: str,
        folder: Path | None = None,
        people: People | None = None,
        places: Sequence[tuple[str, str]] = (),
        *,
        has_provider: bool = False,
    ) -> None:
        folders = [HERE, *([folder] if folder else [])]
        self.process = process
        self.static = StaticFiles(folders)
        self._people = people
        self._places = places
        self.clock: Callable[[], int] = now_ms
        self._has_provider = has_provider
        self._translations = catalogues(folders)
        self._environments = {
            language: _environment(folders, translations) for language, translations in self._translations.items()
        }

    def render(
        self, request: Request, template: str, status: int = 200, *, person: Person | None = None, **values: Any
    ) -> HTMLResponse:
        """Return the page of a template, in the language and the appearance of who asks."""
        language = language_of(request)
        theme = request.cookies.get(THEME_COOKIE, "")
        translate = self._translations[language].gettext
        now = self.clock()
        text = (
            self._environments[language]
            .get_template(template)
            .render(
                request=request,
                person=person,
                process=self.process,
                places=[(address, translate(name)) for address, name in self._places],
                language=language,
                languages=tuple(NAMES.items()),
                theme=theme if theme in THEMES else "",
                here=_address_of(request) if request.method == "GET" else SIGN_IN if person is None else "/",
                now_ms=now,
                today=write_instant(now)[:10],
                static=self.static.address,
                **values,
            )
        )
        return HTMLResponse(text, status, {"Vary": "Accept-Language, Cookie", "Content-Language": language})

    def say(self, request: Request, message: str) -> str:
        """Return a message in the language of who asks."""
        return self._translations[language_of(request)].gettext(message)

    def wants_page(self, request: Request) -> bool:
        """Whether an error is to be shown as a page: a browser asks, and not for the API."""
        return not request.url.path.startswith("/v1/") and "text/html" in request.headers.get("accept", "")

    def problem(self, request: Request, problem: Problem) -> Response:
        """Return an error as a page; who is not signed in goes to do so."""
        if problem.kind is UNAUTHENTICATED and request.method == "GET" and self._people is not None:
            return RedirectResponse(f"{SIGN_IN}?{urlencode({'next': _address_of(request)})}", status_code=303)
        title = self.say(request, problem.kind.title)
        detail = self.say(request, problem.detail)
        response = self.render(
            request, "problem.html", problem.kind.status, title=title, detail=detail, code=problem.kind.code
        )
        response.headers.update(problem.headers)
        return response

    def routes(self, sign_in: SignIn | None = None) -> APIRouter:
        """The routes of what all pages have: files, preferences, and sign-in where people are known."""
        router = APIRouter(include_in_schema=False, route_class=Route)
        router.routes.extend(self.static.routes().routes)

        @router.post("/preferences")
        async def preferences(request: Request) -> Response:
            form = await form_of(request)
            if self._people is not None:
                self._people.check_origin(request)
            response = RedirectResponse(own_path(form.get("next")), status_code=303)
            is_secure = self._people is not None and not self._people.sessions.is_local(request)
            if form.get("language") in NAMES:
                _keep(response, COOKIE, form["language"], is_secure=is_secure)
            if form.get("theme") in {"", *THEMES}:
                _keep(response, THEME_COOKIE, form["theme"], is_secure=is_secure)
            return response

        if sign_in is not None:
            assert self._people is not None, "nobody could sign in"
            self._add_sign_in(router, self._people, sign_in)
        return router

    def _add_sign_in(self, router: APIRouter, people: People, sign_in: SignIn) -> None:
        def form_page(request: Request, status: int, failure: str, name: str, target: str) -> Response:
            return self.render(
                request,
                "sign_in.html",
                status,
                failure=self.say(request, failure) if failure else "",
                name=name,
                next=target,
                has_provider=self._has_provider,
            )

        @router.get(SIGN_IN)
        async def show(request: Request) -> Response:
            return form_page(request, 200, "", "", own_path(request.query_params.get("next")))

        @router.post(SIGN_IN)
        async def begin(request: Request) -> Response:
            people.check_origin(request)
            form = await form_of(request)
            name, target = form.get("name", ""), own_path(form.get("next"))
            try:
                person = await sign_in.attempt(request, name, form.get("password", ""))
            except Problem as problem:
                if problem.kind not in (SIGN_IN_FAILED, TOO_MANY_ATTEMPTS):
                    raise
                response = form_page(request, problem.kind.status, problem.detail, name, target)
                response.headers.update(problem.headers)
                return response
            response = RedirectResponse(target, status_code=303)
            people.sessions.begin(request, response, person.name, person.stamp)
            return response

        @router.post("/sign-out")
        async def end(request: Request) -> Response:
            people.check_origin(request)
            response = RedirectResponse(SIGN_IN, status_code=303)
            people.sessions.end(request, response)
            return response


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form as pages send them (urlencoded); the last of a name counts. Raises TOO_LARGE, INVALID."""
    body = await StrictRequest(request.scope, request.receive).body()
    try:
        fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:  # more fields than any page has
        raise INVALID.error() from None
    return {name: plain(value) for name, value in fields}


def plain(text: str) -> str:
    """What was typed, U+FFFD in the place of U+0000, which no text of PostgreSQL may have."""
    return text.replace("\0", "\ufffd")


def _address_of(request: Request) -> str:
    """The path and the query as they were sent: an encoded slash stays encoded."""
    path = request.scope.get("raw_path", b"").decode("ascii", "replace") or request.url.path
    return path + (f"?{request.url.query}" if request.url.query else "")


def _keep(response: Response, cookie: str, value: str, *, is_secure: bool) -> None:
    response.set_cookie(cookie, value, max_age=_YEAR, path="/", secure=is_secure, httponly=True, samesite=LAX)


def _environment(folders: Sequence[Path], translations: Any) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(folder / "templates") for folder in reversed(folders)]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    return environment
