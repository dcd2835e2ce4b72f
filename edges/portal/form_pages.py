"""The portal's forms: contacts, address, comment. A word that was typed is in no page that follows."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from babel import Locale, UnknownLocaleError
from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from edges.errors import DatabaseAwayError
from edges.portal import changes
from edges.portal.bodies import (
    AddressBody,
    FirstContactBody,
    InstructionsBody,
    NoSecondBody,
    SecondExternalBody,
    SecondMemberBody,
    SecondOwnerBody,
    is_language,
)
from edges.portal.callers import caller_of
from edges.portal.changes import ContactForm, Refused, staying
from edges.portal.configuration import Person as Known
from edges.portal.configuration import shown_contact
from edges.portal.core import Contact
from edges.portal.page_parts import Visitor, back, base_of, country_name, opened, revision_of, shown_line
from edges.portal.postal_codes import countries
from edges.portal.problems import REVISION_STALE, problem_of
from edges.portal.rows import Stored
from edges.portal.sentences import FIELDS
from edges.portal.service import Portal
from edges.web.accounts import Person
from edges.web.languages import language_of
from edges.web.pages import Pages, form_of
from edges.web.problems import UNCONFIRMED, Problem
from edges.web.routes import Route
from edges.web.values import PathId

KINDS: Final = {
    "OWNER": "Another owner",
    "MEMBER": "A member of the community",
    "EXTERNAL": "Somebody from outside",
    "NONE": "Nobody",
}
_SECOND: Final[Mapping[str, type[BaseModel]]] = {
    "OWNER": SecondOwnerBody,
    "MEMBER": SecondMemberBody,
    "EXTERNAL": SecondExternalBody,
    "NONE": NoSecondBody,
}
_WORDS: Final = ("password", "duress_password")
WORD_AGAIN: Final = "This was not saved: type it again."
WORDS_UNCONFIRMED: Final = (
    "It was not confirmed in time, and may have been saved. Look at the configuration. If you fill in the form again, "
    "type the password and the word under threat again, too."
)
_SPOKEN: Final = ("fr", "en", "ar", "de", "es", "it", "nl", "pt")


class _Again(NamedTuple):
    """What a form says that was not saved: the revision that it was made of, what is wrong, what was changed since."""

    revision: int | None = None
    errors: Mapping[str, str] = MappingProxyType({})
    changed: Sequence[Mapping[str, str]] = ()
    status: int = 200


_FIRST: Final = _Again()


class FormPages:
    """Forms over the use cases."""

    def __init__(self, portal: Portal, pages: Pages) -> None:
        self._portal = portal
        self._pages = pages

    def routes(self) -> APIRouter:
        """All forms."""
        router = APIRouter(include_in_schema=False, route_class=Route, prefix="/sites/{site_id}")
        for path, page, save in (
            ("/first-contact", self.first_contact, self.save_first_contact),
            ("/second-contact", self.second_contact, self.save_second_contact),
            ("/address", self.address, self.save_address),
            ("/instructions", self.instructions, self.save_instructions),
        ):
            router.add_api_route(path, page, methods=["GET"])
            router.add_api_route(path, save, methods=["POST"])
        return router

    async def _open(self, person: Person, site_id: str) -> Stored:
        return await opened(self._portal, caller_of(person), site_id)

    async def first_contact(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """The form of the first contact."""
        site = await self._open(person, site_id)
        return self._contact_page(request, person, "first-contact", "OWNER", _values(site.configuration.first), site)

    async def second_contact(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """The form of the second contact, one of four."""
        site = await self._open(person, site_id)
        second = site.configuration.second
        kind = request.query_params.get("kind", second.role if second is not None else "OWNER")
        kind = kind if kind in KINDS else "OWNER"
        values = _values(second if second is not None and second.role == kind else None)
        return self._contact_page(request, person, "second-contact", kind, values, site)

    async def address(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """The form of the postal address."""
        site = await self._open(person, site_id)
        address = site.configuration.address
        values = {} if address is None else address._asdict()
        return self._address_page(request, person, values, site)

    async def instructions(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """The form of the comment."""
        site = await self._open(person, site_id)
        values = {"instructions": site.configuration.instructions or ""}
        return self._page(request, person, "instructions.html", values, site)

    async def save_first_contact(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """Save the first contact."""
        form = await form_of(request)

        async def save(revision: int | None) -> None:
            body = FirstContactBody.model_validate(_filled(form, FirstContactBody))
            await self._portal.first_contact(caller_of(person), site_id, revision, body)

        again = partial(self._contact_page, request, person, "first-contact", "OWNER", _kept(form))
        return await self._save(request, person, site_id, form, save, again)

    async def save_second_contact(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """Save the second contact."""
        form = await form_of(request)
        kind = form.get("kind", "") if form.get("kind") in _SECOND else "NONE"

        async def save(revision: int | None) -> None:
            body: Any = _SECOND[kind].model_validate(_filled(form, _SECOND[kind]))
            await self._portal.second_contact(caller_of(person), site_id, revision, body)

        again = partial(self._contact_page, request, person, "second-contact", kind, _kept(form))
        return await self._save(request, person, site_id, form, save, again)

    async def save_address(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """Save the postal address."""
        form = await form_of(request)

        async def save(revision: int | None) -> None:
            body = AddressBody.model_validate(_filled(form, AddressBody))
            try:
                address = body.address()
            except Refused as refused:
                raise problem_of(refused) from None
            apply = partial(changes.with_address, address=address)
            await self._portal.change(caller_of(person), site_id, revision, "address", body.model_dump(), apply)

        again = partial(self._address_page, request, person, _kept(form))
        return await self._save(request, person, site_id, form, save, again)

    async def save_instructions(self, request: Request, site_id: PathId, person: Visitor) -> Response:
        """Save the comment."""
        form = await form_of(request)

        async def save(revision: int | None) -> None:
            body = InstructionsBody.model_validate({"instructions": form.get("instructions", "").replace("\r\n", "\n")})
            apply = partial(changes.with_instructions, instructions=body.instructions)
            await self._portal.change(caller_of(person), site_id, revision, "instructions", body.model_dump(), apply)

        again = partial(self._page, request, person, "instructions.html", _kept(form))
        return await self._save(request, person, site_id, form, save, again)

    async def _save(
        self,
        request: Request,
        person: Person,
        site_id: str,
        form: Mapping[str, str],
        save: Callable[[int | None], Awaitable[None]],
        again: Callable[[Stored, _Again], Response],
    ) -> Response:
        """Save a form; where something is wrong, show it again with what was typed, but for words.

        Its revision stays the one that it was made of, so that a correction overwrites nobody's change unseen. Who was
        told of the changes goes on from the present one.
        """
        revision = revision_of(form)
        try:
            await save(revision)
        except ValidationError as error:
            fields = [str(item["loc"][-1]) for item in error.errors(include_input=False, include_url=False)]
        except DatabaseAwayError:
            raise _unconfirmed(form) from None
        except Problem as problem:
            if problem.kind is REVISION_STALE:
                site, changed = await self._open(person, site_id), await self._changed(request, site_id, form)
                return again(site, _Again(None, self._errors(request, form), changed, 412))
            if problem.kind is UNCONFIRMED:
                raise _unconfirmed(form) from None
            fields = [item.field for item in problem.errors]
            if not fields:
                raise
        else:
            return back(site_id)
        site = await self._open(person, site_id)
        return again(site, _Again(revision or 0, self._errors(request, form, fields), status=422))

    async def _changed(self, request: Request, site_id: str, form: Mapping[str, str]) -> list[dict[str, str]]:
        """What was changed since a form was opened, the newest first."""
        since = revision_of(form) or 0
        history = await self._portal.store.history(site_id, since=since)
        return [shown_line(line, request, self._pages) for line in history]

    def _errors(self, request: Request, form: Mapping[str, str], fields: Sequence[str] = ()) -> dict[str, str]:
        """What is said of fields: of those that are wrong, and of words, whose boxes come back empty."""
        said = {field: WORD_AGAIN for field in _WORDS if form.get(field)}
        said |= {field: FIELDS.get(field, "This is wrong.") for field in fields}
        return {field: self._pages.say(request, text) for field, text in said.items()}

    def _contact_page(
        self,
        request: Request,
        person: Person,
        part: str,
        kind: str,
        values: Mapping[str, str],
        site: Stored,
        again: _Again = _FIRST,
    ) -> Response:
        configuration = site.configuration
        is_first = part == "first-contact"
        first, second = configuration.first, configuration.second
        stored, other = (first, second) if is_first else (second, first)
        # Who is the other contact already is not offered, unless both are this person as it is.
        own_id = None if stored is None else stored.contact_id
        taken_id = None if other is None or other.contact_id == own_id else other.contact_id
        people = [known for known in configuration.people if known.role == kind and known.person_id != taken_id]
        kinds = [] if is_first else [(code, self._pages.say(request, name)) for code, name in KINDS.items()]
        reader = language_of(request)
        languages, spoken = _languages(reader, stored), values.get("language")
        return self._page(
            request,
            person,
            "contact.html",
            values,
            site,
            again,
            title=self._pages.say(request, "First contact" if is_first else "Second contact"),
            part=part,
            kind=kind,
            kinds=kinds,
            people=people,
            further=len(configuration.further),
            has_password=_keeps_password(kind, values, stored, people),
            language_spoken=spoken if spoken in dict(languages) else reader,
            languages_spoken=languages,
        )

    def _address_page(
        self, request: Request, person: Person, values: Mapping[str, Any], site: Stored, again: _Again = _FIRST
    ) -> Response:
        language = language_of(request)
        named = [(code, country_name(code, language)) for code in countries()]
        values = {name: value or "" for name, value in values.items()}
        if values.get("country") not in countries():  # none yet, or what a file said
            values["country"] = self._portal.country
        ordered = sorted(named, key=lambda pair: _plain(pair[1]))
        return self._page(request, person, "address.html", values, site, again, countries=ordered)

    def _page(
        self,
        request: Request,
        person: Person,
        template: str,
        values: Mapping[str, str],
        site: Stored,
        again: _Again = _FIRST,
        **more: Any,
    ) -> Response:
        """A form, with what its fields hold."""
        blanks = dict.fromkeys(FIELDS, "")
        return self._pages.render(
            request,
            template,
            again.status,
            person=person,
            base=base_of(site.configuration.site_id),
            revision=site.configuration.revision if again.revision is None else again.revision,
            values=blanks | dict(values),
            errors=blanks | dict(again.errors),
            is_wrong=bool(again.errors),
            changed=again.changed,
            **more,
        )


def _filled(form: Mapping[str, str], kind: type[BaseModel]) -> dict[str, str]:
    """The fields of a form that the body has; an empty one was left out."""
    return {name: value for name, value in form.items() if name in kind.model_fields and value}


def _kept(form: Mapping[str, str]) -> dict[str, str]:
    """What may be shown again: no word."""
    return {name: value for name, value in form.items() if name not in _WORDS}


def _unconfirmed(form: Mapping[str, str]) -> Problem:
    """A save that may have been made; no page, nor a browser that goes back to the form, keeps its words."""
    return UNCONFIRMED.error(WORDS_UNCONFIRMED if any(form.get(word) for word in _WORDS) else None)


def _values(contact: Contact | None) -> dict[str, str]:
    shown = shown_contact(contact) or {}
    return {name: value for name, value in shown.items() if isinstance(value, str)}


def _keeps_password(kind: Any, values: Mapping[str, str], stored: Contact | None, people: Sequence[Known]) -> bool:
    """Whether a form that is saved as it is shown, its words left empty, keeps a password.

    A contact whose role has changed since is not among the ``people`` to choose: the form shows another one.
    """
    if kind != "EXTERNAL" and values.get("person_id") not in {known.person_id for known in people}:
        return False
    person_id, first, last = (values.get(name) for name in ("person_id", "first_name", "last_name"))
    same = staying(ContactForm(kind, person_id, first, last, "", None, None, None), stored)
    return same is not None and bool(same.password_hash)


def _languages(reader: str, stored: Contact | None) -> list[tuple[str, str]]:
    """The languages to choose from, and the contact's own, so that a form that is saved changes none."""
    known = Locale.parse(reader)
    offered = [(code, known.languages[code]) for code in _SPOKEN]
    if stored is None or stored.language is None or stored.language in _SPOKEN or not is_language(stored.language):
        return offered
    try:
        name = Locale.parse(stored.language, sep="-").get_display_name(known)
    except (ValueError, UnknownLocaleError):
        name = None
    return [*offered, (stored.language, name or stored.language)]


def _plain(name: str) -> str:
    """A name as lists are ordered: É beside E."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(sign))
