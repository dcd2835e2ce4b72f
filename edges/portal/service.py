"""What the API and the pages do alike: look who may, compare revisions, change, answer the new state."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import Any, Final, ParamSpec, TypeVar

from edges.portal import changes
from edges.portal.bodies import (
    FirstContactBody,
    NoSecondBody,
    SecondExternalBody,
    SecondMemberBody,
    SecondOwnerBody,
    SiteBody,
)
from edges.portal.callers import Caller, Right
from edges.portal.changes import ContactForm, Fault, Refused
from edges.portal.configuration import Configuration
from edges.portal.core import Contact, Instant
from edges.portal.engine import EngineView
from edges.portal.new_words import NewWords, WordHasher
from edges.portal.problems import EXISTS, REVISION_REQUIRED, REVISION_STALE, problem_of
from edges.portal.rows import Edit, Stored, fingerprint
from edges.portal.states import ServiceState, service_state
from edges.portal.store import SECONDS, Store
from edges.web.problems import NOT_FOUND, UNCONFIRMED, Problem
from service.phone_numbers import NoPhoneNumberError, e164

_NO_WORDS: Final = NewWords(None, None)
_FOREIGN: Final = "Another program writes this site. Load it with `ronde portal import`, and let that program leave it."
_UNREAD: Final = (
    "Nothing was made: whether another program writes this site is known once this portal has read Kafka. "
    "The same request again is safe."
)
_AGAIN_SECONDS: Final = 0.1
_ContactBody = FirstContactBody | SecondOwnerBody | SecondMemberBody | SecondExternalBody

Apply = Callable[[Configuration], Configuration]
P = ParamSpec("P")
R = TypeVar("R")


def _in_time(change: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let a change raise UNCONFIRMED after 3 s, be it its turn to hash words or the database that it waits for."""

    @wraps(change)
    async def within(*arguments: P.args, **keywords: P.kwargs) -> R:
        try:
            async with asyncio.timeout(SECONDS):
                return await change(*arguments, **keywords)
        except TimeoutError:
            raise UNCONFIRMED.error() from None

    return within


class Portal:
    """The use cases; ``country`` is where numbers without ``+`` belong while a site has no address."""

    def __init__(self, store: Store, engine: EngineView, country: str) -> None:
        self.store = store
        self.engine = engine
        self.country = country
        self._hasher = WordHasher()

    async def look(self, caller: Caller, site_id: str) -> Stored:
        """A site. Raises NOT_FOUND."""
        await caller.check(site_id, self.store, Right.LOOK)
        site = await self.store.site(site_id)
        if site is None:
            raise NOT_FOUND.error()
        return site

    def state(self, site: Stored) -> ServiceState:
        """The site as people see it."""
        return service_state(site, self.engine.get(site.configuration.site_id), now())

    async def create(self, caller: Caller, body: SiteBody) -> Stored:
        """Make a site. Raises FORBIDDEN, EXISTS (also of a site that others write to `sites`), INVALID.

        UNCONFIRMED while it is not known whether others write it.
        """
        caller.check_support()
        # In this order: the engine hears of the portal's own site after its row is there.
        give_up = time.monotonic() + SECONDS
        while (is_known := self.engine.knows(body.site_id)) is not False and not await self.store.holds(body.site_id):
            if is_known:
                raise EXISTS.error(_FOREIGN)
            if time.monotonic() >= give_up:
                raise UNCONFIRMED.error(_UNREAD)
            await asyncio.sleep(_AGAIN_SECONDS)
        people = [person.person(person.person_id) for person in body.people]
        edit = Edit(caller.name, "site", fingerprint("site", body.model_dump()), now())
        try:
            site = changes.created(body.site_id, body.name, people, body.partners or ())
            return await self.store.create(site, edit)
        except Refused as refused:
            raise problem_of(refused) from None

    async def delete(self, caller: Caller, site_id: str, revision: int | None) -> None:
        """Delete a site. Raises FORBIDDEN, NOT_FOUND, REVISION_REQUIRED, REVISION_STALE."""
        caller.check_support()
        if revision is None:
            await self.look(caller, site_id)
            raise REVISION_REQUIRED.error()
        edit = Edit(caller.name, "deletion", fingerprint("deletion", site_id), now())
        await self.store.delete(site_id, revision, edit)

    async def change(
        self,
        caller: Caller,
        site_id: str,
        revision: int | None,
        what: str,
        request: Any,
        apply: Apply,
        *,
        by_support: bool = False,
    ) -> Stored:
        """Make a change without words, whose ``request`` is what was asked for."""

        async def ready(_site: Stored) -> Apply:
            return apply

        return await self._change(caller, site_id, revision, what, request, ready, _NO_WORDS, by_support=by_support)

    async def first_contact(self, caller: Caller, site_id: str, revision: int | None, body: FirstContactBody) -> Stored:
        """Choose the first contact."""

        async def ready(site: Stored) -> Apply:
            form = await self._form("OWNER", body, site.configuration, site.configuration.first)
            return lambda before: changes.with_first_contact(before, form)

        what = "first-contact"
        return await self._change(caller, site_id, revision, what, body.without_words(), ready, body.words)

    async def second_contact(
        self,
        caller: Caller,
        site_id: str,
        revision: int | None,
        body: SecondOwnerBody | SecondMemberBody | SecondExternalBody | NoSecondBody,
    ) -> Stored:
        """Choose the second contact, or none."""
        what = "second-contact"
        if isinstance(body, NoSecondBody):
            apply = partial(changes.with_second_contact, form=None)
            return await self.change(caller, site_id, revision, what, body.model_dump(), apply)

        async def ready(site: Stored) -> Apply:
            form = await self._form(body.kind, body, site.configuration, site.configuration.second)
            return lambda before: changes.with_second_contact(before, form)

        return await self._change(caller, site_id, revision, what, body.without_words(), ready, body.words)

    async def _form(
        self, kind: changes.ContactKind, body: _ContactBody, site: Configuration, stored: Contact | None
    ) -> ContactForm:
        """The contact as entered, its number in E.164, its words hashed. Raises `Refused`."""
        country = site.address.country if site.address is not None else self.country
        try:
            phone = e164(body.phone, country)
        except NoPhoneNumberError as error:
            raise Refused(Fault.INVALID, str(error), "phone") from None
        form = ContactForm(kind, None, None, None, phone, body.language, None, None)
        if isinstance(body, SecondExternalBody):
            form = form._replace(first_name=body.first_name, last_name=body.last_name)
        else:
            form = form._replace(person_id=body.person_id)
        # A wrong person is found before a second is spent on hashing.
        trial = changes.with_first_contact if isinstance(body, FirstContactBody) else changes.with_second_contact
        trial(site, form)
        request = f"{type(body).__name__}: {body.without_words()}"
        hashes = await self._hasher.hashed(site.site_id, body.words, changes.staying(form, stored), request)
        return form._replace(password_hash=hashes.password, duress_hash=hashes.duress_password)

    @_in_time
    async def _change(
        self,
        caller: Caller,
        site_id: str,
        revision: int | None,
        what: str,
        request: Any,
        ready: Callable[[Stored], Awaitable[Apply]],
        words: NewWords,
        *,
        by_support: bool = False,
    ) -> Stored:
        if by_support:
            caller.check_support()
            await caller.check(site_id, self.store, Right.LOOK)
        else:
            await caller.check(site_id, self.store, Right.CONFIGURE)
        site = await self.store.site(site_id)
        if site is None:
            raise NOT_FOUND.error()
        if revision is None:
            raise REVISION_REQUIRED.error()
        edit = Edit(caller.name, what, fingerprint(what, request), now())
        present = site.configuration.revision
        if revision in {present, present - 1} and await self._is_repeat(site, edit, words):
            return site
        if revision != present:
            raise REVISION_STALE.error(revision=present)
        try:
            return await self.store.change(site_id, revision, edit, await ready(site))
        except Refused as refused:
            raise problem_of(refused) from None
        except Problem as problem:
            if problem.kind is not REVISION_STALE:
                raise
            return await self._again(site_id, problem, revision, edit, words)

    async def _again(self, site_id: str, stale: Problem, revision: int, edit: Edit, words: NewWords) -> Stored:
        """The same request twice at once: the second finds what the first made."""
        site = await self.store.site(site_id)
        if site is None:
            raise NOT_FOUND.error()
        if site.configuration.revision == revision + 1 and await self._is_repeat(site, edit, words):
            return site
        raise stale

    async def _is_repeat(self, site: Stored, edit: Edit, words: NewWords) -> bool:
        """Whether the revision in force was made by the same request of the same person."""
        if (site.last_by, site.last_request) != (edit.by, edit.request):
            return False
        contact = site.configuration.first if edit.what == "first-contact" else site.configuration.second
        return await self._hasher.are_those_of(site.configuration.site_id, words, contact)


def now() -> Instant:
    """The wall clock."""
    return time.time_ns() // 1_000_000
