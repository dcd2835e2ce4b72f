"""What requests to the portal hold (docs/portal.md), field by field."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeAlias

from fastapi import Query
from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from edges.portal.changes import MOST_PEOPLE, Fault, Refused
from edges.portal.configuration import Person
from edges.portal.core import Address
from edges.portal.names import JOINERS, as_seen
from edges.portal.new_words import LONGEST, SHORTEST, NewWords
from edges.portal.postal_codes import countries, postal_code
from edges.web.accounts import PROGRAM
from edges.web.values import Body, Id, Instant, Text
from schemas.contract.alert_kinds import OVERRIDE_CODE, OverrideKind
from service.aes_keys import KEY_SIZES

_LANGUAGE: Final = re.compile(r"([A-Za-z]{2,3}|[ixIX](?=-))(-[A-Za-z0-9]{1,8})*")
_KEY: Final = re.compile("|".join(rf"[0-9A-Fa-f]{{{2 * size}}}" for size in sorted(KEY_SIZES)))
_LONGEST_NAME: Final = 200
_LONGEST_LINE: Final = 500


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    return text


def _name(text: str) -> str:
    """A text of one line."""
    name = as_seen(text)
    if not name:
        raise ValueError("must not be empty")
    _printable(re.sub(f"[{JOINERS}]", "", name))
    return name


def is_language(tag: str) -> bool:
    """Whether a text has the form of a language's tag (BCP 47)."""
    return _LANGUAGE.fullmatch(tag) is not None


def _language(tag: str) -> str:
    if not is_language(tag):
        raise ValueError("must be a language, as fr, en, pt-BR")
    return tag


def _country(code: str) -> str:
    if code not in countries():
        raise ValueError("must be a country of ISO 3166-1: two capital letters, as FR")
    return code


def _key(text: str) -> str:
    if _KEY.fullmatch(text) is None:
        raise ValueError("must have 32, 48 or 64 hexadecimal digits")
    return text


def _login(text: str) -> str:
    if text.startswith(PROGRAM):
        raise ValueError(f"must not begin as the history names programs: {PROGRAM}")
    if any(sign.isspace() or not sign.isprintable() for sign in text):
        raise ValueError("must not contain spaces or control characters")
    return text


Name: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_NAME), AfterValidator(_name)]
Line: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST_LINE), AfterValidator(_name)]
Login: TypeAlias = Annotated[Id, AfterValidator(_login)]
Language: TypeAlias = Annotated[str, StringConstraints(max_length=35), AfterValidator(_language)]
Country: TypeAlias = Annotated[str, StringConstraints(min_length=2, max_length=2), AfterValidator(_country)]
Phone: TypeAlias = Annotated[Text, StringConstraints(min_length=1, max_length=40)]
Word: TypeAlias = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=LONGEST),
    WithJsonSchema({"type": "string", "format": "password", "maxLength": LONGEST, "minLength": SHORTEST}),
]
BeforeRevision: TypeAlias = Annotated[
    int | None, Query(ge=1, lt=10**18, description="Only changes before this revision: to read on.")
]
PageNumber: TypeAlias = Annotated[int, Query(ge=1, lt=10**6)]
Partners: TypeAlias = Annotated[list[Id], Field(max_length=20)]


class PersonBody(Body):
    """A user of a site. The id stands in the path; in the body it may stand again."""

    person_id: Id | None = None
    role: Literal["OWNER", "MEMBER"]
    first_name: Name
    last_name: Name
    login: Login | None = None

    def person(self, person_id: str) -> Person:
        """As a value."""
        return Person(person_id, self.role, self.first_name, self.last_name, self.login)


class NewPerson(PersonBody):
    """A user of a new site."""

    person_id: Id


class SiteBody(Body):
    """A new site."""

    site_id: Id
    name: Name
    people: Annotated[list[NewPerson], Field(max_length=MOST_PEOPLE)]
    partners: Partners | None = None


class PartnersBody(Body):
    """Which partners are asked for a guard, in this order."""

    partners: Partners


class SubscriptionBody(Body):
    """Whether the service is subscribed."""

    subscribed: bool


class _ContactBody(Body):
    """How a contact is called, and by which words it identifies itself; words left out stay."""

    phone: Phone
    password: Word | None = Field(default=None, repr=False)
    duress_password: Word | None = Field(default=None, repr=False)
    language: Language | None = None

    @property
    def words(self) -> NewWords:
        """The words entered."""
        return NewWords(self.password, self.duress_password)

    def without_words(self) -> dict[str, Any]:
        """The rest, and which words were entered."""
        rest = self.model_dump(exclude={"password", "duress_password"})
        return rest | {"words": [word is not None for word in self.words]}


class FirstContactBody(_ContactBody):
    """The first contact: an owner."""

    person_id: Id


class SecondOwnerBody(_ContactBody):
    """The second contact: another owner."""

    kind: Literal["OWNER"]
    person_id: Id


class SecondMemberBody(_ContactBody):
    """The second contact: a member of the community."""

    kind: Literal["MEMBER"]
    person_id: Id


class SecondExternalBody(_ContactBody):
    """The second contact: somebody from outside."""

    kind: Literal["EXTERNAL"]
    first_name: Name
    last_name: Name


class NoSecondBody(Body):
    """No second contact."""

    kind: Literal["NONE"]


SecondContactBody: TypeAlias = Annotated[
    SecondOwnerBody | SecondMemberBody | SecondExternalBody | NoSecondBody, Field(discriminator="kind")
]


class AddressBody(Body):
    """Where the guard goes."""

    line1: Line
    line2: Line | None = None
    postal_code: Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_name)]
    city: Line
    country: Country

    def address(self) -> Address:
        """As a value. Raises `Refused`."""
        try:
            code = postal_code(self.postal_code, self.country)
        except ValueError as error:
            raise Refused(Fault.INVALID, str(error), "postal_code") from None
        return Address(self.line1, self.line2, code, self.city, self.country)


class InstructionsBody(Body):
    """The comment for those who come; null or blank: none."""

    instructions: Text | None


class InterventionBody(Body):
    """Whether a guard may be sent."""

    enabled: bool


class TestBody(Body):
    """Until when the site is on test; null ends it."""

    __test__ = False  # no test of pytest's

    until: Instant | None


class OverrideBody(Body):
    """Another reading of one code."""

    code: Annotated[str, StringConstraints(pattern=OVERRIDE_CODE)]
    zone: Annotated[str, StringConstraints(min_length=1, max_length=16), AfterValidator(_printable)] | None = None
    kind: OverrideKind
    until: Instant | None = None
    by: Id
    why: Annotated[Text, StringConstraints(min_length=1)]


class TransmitterBody(Body):
    """A transmitter, its key in clear; it is encrypted at once."""

    account: str | None = None
    site_id: Id
    protocol: Literal["DC09", "HTTP"] = "DC09"
    key: Annotated[str, AfterValidator(_key)] | None = Field(default=None, repr=False)
    require_encryption: bool | None = None
    bad_crc: Literal["SILENT", "NAK"] = "SILENT"
    overrides: list[OverrideBody] = Field(default_factory=list, max_length=100)
    # A field of the value, so it may be sent; when a change was made is the portal's to say.
    updated_at: Instant | None = None
