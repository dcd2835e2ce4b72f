"""What a site's configuration is: who is called, by which number and word, where the guard goes."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias

from edges.portal.core import Address, Contact, Instant, Intervention, Readiness, Site, readiness

PersonRole: TypeAlias = Literal["OWNER", "MEMBER"]


class Person(NamedTuple):
    """A user of a site. ``login`` is the account that may sign in as this person.

    Names are absent only in imported sites.
    """

    person_id: str
    role: PersonRole
    first_name: str | None = None
    last_name: str | None = None
    login: str | None = None


class Configuration(NamedTuple):
    """A site as its customer configured it.

    Attributes:
        revision: from 1, one more with each change.
        first: the first contact; without one, nobody is called and the others wait.
        further: third and later contacts of an imported site, in order.
        updated_at: of this revision, later than that of each revision before it.

    """

    site_id: str
    name: str
    revision: int
    subscribed: bool
    people: tuple[Person, ...]
    first: Contact | None
    second: Contact | None
    further: tuple[Contact, ...]
    address: Address | None
    instructions: str | None
    intervention: Intervention
    test_until: Instant | None
    updated_at: Instant

    @property
    def contacts(self) -> tuple[Contact, ...]:
        """All contacts, in order."""
        return tuple(contact for contact in (self.first, self.second, *self.further) if contact is not None)

    def record(self) -> Site:
        """The record for `sites`. Without a first contact it has none: no other becomes the first by itself."""
        return Site(
            site_id=self.site_id,
            subscribed=self.subscribed,
            contacts=() if self.first is None else self.contacts,
            address=self.address,
            instructions=self.instructions,
            intervention=self.intervention,
            test_until=self.test_until,
            updated_at=self.updated_at,
        )

    def readiness(self, now: Instant) -> Readiness:
        """What the engine will say of the record."""
        return readiness(self.record(), now)

    def person(self, person_id: str) -> Person | None:
        """The person of this id."""
        return next((person for person in self.people if person.person_id == person_id), None)


def shown_contact(contact: Contact | None) -> dict[str, Any] | None:
    """A contact as people may see it: no hash, and of the words only whether there is a password.

    Whether there is a duress word is not shown: somebody may look over the customer's shoulder.
    """
    if contact is None:
        return None
    return {
        "contact_id": contact.contact_id,
        "kind": contact.role,
        "person_id": None if contact.role == "EXTERNAL" else contact.contact_id,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "phone": contact.phone,
        "language": contact.language,
        "has_password": bool(contact.password_hash),
    }


def shown(configuration: Configuration) -> dict[str, Any]:
    """The parts of a configuration that changes are about, by the names of the history; never a word or its hash."""
    address = configuration.address
    return {
        "name": configuration.name,
        "subscription": {"subscribed": configuration.subscribed},
        "people": [person._asdict() for person in configuration.people],
        "first-contact": shown_contact(configuration.first),
        "second-contact": shown_contact(configuration.second),
        "further-contacts": [shown_contact(contact) for contact in configuration.further],
        "address": None if address is None else address._asdict(),
        "instructions": configuration.instructions,
        "intervention": {"enabled": configuration.intervention.enabled},
        "partners": list(configuration.intervention.partners),
        "test": {"until": configuration.test_until},
    }
