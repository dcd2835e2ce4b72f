"""Changes of a configuration: each gives another one, or raises what is wrong. Pure, and without a single word.

Words come as hashes. `staying` finds the stored contact whose words a new word must be compared with before.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal, NamedTuple, TypeAlias

from edges.portal.configuration import Configuration, Person
from edges.portal.core import Address, Contact, Instant, Intervention, Site
from edges.portal.names import as_seen

TEST_MILLISECONDS: Final = 24 * 3_600_000
DEFAULT_NAME: Final = ""
MOST_PEOPLE: Final = 100
ContactKind: TypeAlias = Literal["OWNER", "MEMBER", "EXTERNAL"]


class Fault(StrEnum):
    """Why a change is refused."""

    NOT_AN_OWNER = "NOT_AN_OWNER"
    NOT_A_MEMBER = "NOT_A_MEMBER"
    IS_A_CONTACT = "IS_A_CONTACT"
    NO_SUCH_PERSON = "NO_SUCH_PERSON"
    INVALID = "INVALID"


class Refused(Exception):
    """A change that cannot be made; ``field`` is the request's field that is wrong, None where it is about all."""

    def __init__(self, fault: Fault, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.field = field


class ContactForm(NamedTuple):
    """A contact as entered: who, by which number (E.164), by which hashes; a hash that is None was left out."""

    kind: ContactKind
    person_id: str | None
    first_name: str | None
    last_name: str | None
    phone: str
    language: str | None
    password_hash: str | None
    duress_hash: str | None


def created(site_id: str, name: str, people: Sequence[Person], partners: Sequence[str]) -> Configuration:
    """A new site, not subscribed yet, its revision 0 until it is written."""
    _check_people(people)
    _check_partners(partners)
    return Configuration(
        site_id=site_id,
        name=name,
        revision=0,
        subscribed=False,
        people=tuple(people),
        first=None,
        second=None,
        further=(),
        address=None,
        instructions=None,
        intervention=Intervention(partners=tuple(partners)),
        test_until=None,
        updated_at=0,
    )


def imported(site: Site, before: Configuration | None) -> Configuration:
    """A site of a file: its record whole; its people are its contacts, and those that the portal already has."""
    people = {person.person_id: person for person in (before.people if before else ())}
    for contact in site.contacts:
        if contact.role != "EXTERNAL":
            known = people.get(contact.contact_id)
            login = known.login if known else None
            people[contact.contact_id] = Person(
                contact.contact_id, contact.role, contact.first_name, contact.last_name, login
            )
    contacts = site.contacts
    return Configuration(
        site_id=site.site_id,
        name=before.name if before else DEFAULT_NAME,
        revision=before.revision if before else 0,
        subscribed=site.subscribed,
        people=tuple(people.values()),
        first=contacts[0] if contacts else None,
        second=contacts[1] if len(contacts) > 1 else None,
        further=contacts[2:],
        address=site.address,
        instructions=site.instructions,
        intervention=site.intervention,
        test_until=site.test_until,
        updated_at=before.updated_at if before else 0,
    )


def with_person(before: Configuration, person: Person) -> Configuration:
    """Add a person, or replace the one of this id; a contact that is this person changes with it."""
    others = [known for known in before.people if known.person_id != person.person_id]
    if before.person(person.person_id) is None:
        if len(before.people) >= MOST_PEOPLE:
            raise Refused(Fault.INVALID, f"is one more than the {MOST_PEOPLE} people that a site may have", "person_id")
        people = [*before.people, person]
        if any(contact.contact_id == person.person_id for contact in before.contacts):
            raise Refused(Fault.INVALID, "is the id of an external contact", "person_id")
    else:
        people = [person if known.person_id == person.person_id else known for known in before.people]
    if person.login is not None and any(known.login == person.login for known in others):
        raise Refused(Fault.INVALID, "belongs to another person of this site", "login")

    def follow(contact: Contact) -> Contact:
        if contact.contact_id != person.person_id or contact.role == "EXTERNAL":
            return contact
        return contact._replace(role=person.role, first_name=person.first_name, last_name=person.last_name)

    return before._replace(
        people=tuple(people),
        first=follow(before.first) if before.first else None,
        second=follow(before.second) if before.second else None,
        further=tuple(map(follow, before.further)),
    )


def without_person(before: Configuration, person_id: str) -> Configuration:
    """Remove a person."""
    if before.person(person_id) is None:
        raise Refused(Fault.NO_SUCH_PERSON, "the site has no such person")
    if any(contact.contact_id == person_id for contact in before.contacts):
        raise Refused(Fault.IS_A_CONTACT, "the person is a contact of the site: choose another contact first")
    return before._replace(people=tuple(person for person in before.people if person.person_id != person_id))


def with_first_contact(before: Configuration, form: ContactForm) -> Configuration:
    """Choose the first contact: an owner."""
    return before._replace(first=_contact(before, form, before.first))


def with_second_contact(before: Configuration, form: ContactForm | None) -> Configuration:
    """Choose the second contact, another owner, a member, somebody from outside, or (None) nobody."""
    if form is None:
        return before._replace(second=None)
    return before._replace(second=_contact(before, form, before.second))


def staying(form: ContactForm, stored: Contact | None) -> Contact | None:
    """The stored contact if the form is about the same person, whose words and id stay; else None.

    Names are compared as they are seen: an import has them as they came, a form sends them as shown.
    """
    if stored is None:
        return None
    if form.kind == "EXTERNAL":
        is_same = stored.role == "EXTERNAL" and _seen_names(stored) == _seen_names(form)
    else:
        is_same = stored.role != "EXTERNAL" and stored.contact_id == form.person_id
    return stored if is_same else None


def _seen_names(who: ContactForm | Contact) -> tuple[str, str]:
    return as_seen(who.first_name or ""), as_seen(who.last_name or "")


def _contact(before: Configuration, form: ContactForm, stored: Contact | None) -> Contact:
    """The contact as entered. Who is the other one too may be: readiness warns of it (procedure.md §2)."""
    same = staying(form, stored)
    if form.kind == "EXTERNAL":
        contact_id = same.contact_id if same else _external_id(before)
        first_name, last_name = form.first_name, form.last_name
    else:
        person = before.person(form.person_id or "")
        if person is None or person.role != form.kind:
            fault = Fault.NOT_AN_OWNER if form.kind == "OWNER" else Fault.NOT_A_MEMBER
            role = "an owner" if form.kind == "OWNER" else "a member"
            raise Refused(fault, f"is not {role} of this site", "person_id")
        contact_id, first_name, last_name = person.person_id, person.first_name, person.last_name
    return Contact(
        contact_id=contact_id,
        role=form.kind,
        first_name=first_name,
        last_name=last_name,
        phone=form.phone,
        password_hash=form.password_hash or (same.password_hash if same else None),
        duress_hash=form.duress_hash or (same.duress_hash if same else None),
        language=form.language,
    )


def _external_id(before: Configuration) -> str:
    """An id that this site never had: the revision that makes it is in it."""
    taken = {contact.contact_id for contact in before.contacts} | {person.person_id for person in before.people}
    contact_id = f"external-{before.revision + 1}"
    while contact_id in taken:
        contact_id += "x"
    return contact_id


def with_test_until(before: Configuration, until: Instant | None, now: Instant) -> Configuration:
    """Put the site on test until an instant at most 24 h ahead; None ends it."""
    if until is not None and not now < until <= now + TEST_MILLISECONDS:
        raise Refused(Fault.INVALID, "must be ahead, by at most 24 h", "until")
    return before._replace(test_until=until)


def with_subscription(before: Configuration, *, subscribed: bool) -> Configuration:
    """Subscribe, or cancel at once; all else stays."""
    return before._replace(subscribed=subscribed)


def with_address(before: Configuration, address: Address) -> Configuration:
    """Where the guard goes."""
    return before._replace(address=address)


def with_instructions(before: Configuration, instructions: str | None) -> Configuration:
    """The comment for those who come; blank is none."""
    return before._replace(instructions=instructions if instructions and instructions.strip() else None)


def with_intervention(before: Configuration, *, enabled: bool) -> Configuration:
    """Whether a guard may be sent."""
    return before._replace(intervention=before.intervention._replace(enabled=enabled))


def with_partners(before: Configuration, partners: Sequence[str]) -> Configuration:
    """Which partners are asked, in this order."""
    _check_partners(partners)
    return before._replace(intervention=before.intervention._replace(partners=tuple(partners)))


def revised(before: Configuration | None, after: Configuration, now: Instant) -> Configuration:
    """The change as the next revision, its time after that of the one before."""
    if before is None:
        return after._replace(revision=max(after.revision, 0) + 1, updated_at=max(now, after.updated_at + 1))
    return after._replace(revision=before.revision + 1, updated_at=max(now, before.updated_at + 1))


def _check_people(people: Sequence[Person]) -> None:
    for name, values in (
        ("person_id", [person.person_id for person in people]),
        ("login", [person.login for person in people if person.login is not None]),
    ):
        repeated = next((value for at, value in enumerate(values) if value in values[:at]), None)
        if repeated is not None:
            at = max(place for place, person in enumerate(people) if getattr(person, name) == repeated)
            raise Refused(Fault.INVALID, "stands twice", f"people.{at}.{name}")


def _check_partners(partners: Sequence[str]) -> None:
    if len(set(partners)) < len(partners):
        raise Refused(Fault.INVALID, "names a partner twice", "partners")
