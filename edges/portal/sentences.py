"""What the pages say of codes: a sentence for each, in English; `locale/` has them in other languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

MISSING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "FIRST_CONTACT": "A first contact is missing.",
        "FIRST_CONTACT_NOT_OWNER": "The first contact must be one of the owners.",
        "FIRST_CONTACT_PHONE": "The first contact needs a phone number.",
        "FIRST_CONTACT_PASSWORD": "The first contact needs a password.",
        "POSTAL_ADDRESS": "A valid postal address is missing.",
    }
)
WARNINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PHONE": "Contact %(place)s has no phone number, and is not called.",
        "PASSWORD": "Contact %(place)s has no password, and is not called.",
        "NAME": "Contact %(place)s has no first and last name, and is not called.",
        "ID": "Contact %(place)s is the same person as another contact.",
    }
)
# What is wrong with a field of a form, for any reason; no sentence quotes what was entered.
FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "person_id": "Choose one of the persons offered.",
        "first_name": "Enter a first name.",
        "last_name": "Enter a last name.",
        "phone": "This is no phone number that can be dialled.",
        "password": "Choose at least 4 letters or digits, unlike the other word.",
        "duress_password": "Choose at least 4 letters or digits, unlike the password.",
        "language": "Choose one of the languages offered.",
        "line1": "Enter the street and the number.",
        "line2": "This is too long.",
        "postal_code": "This is no postal code of that country.",
        "city": "Enter the town.",
        "country": "Choose a country.",
        "instructions": "This is too long.",
        "until": "Choose one of the times offered.",
    }
)
WHAT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "site": "Site made",
        "import": "Site taken over from a file",
        "subscription": "Subscription",
        "first-contact": "First contact",
        "second-contact": "Second contact",
        "address": "Postal address",
        "instructions": "Comment",
        "intervention": "Intervention on site",
        "test": "On test",
        "people": "People",
        "partners": "Partners",
        "deletion": "Site deleted",
    }
)
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "INTRUSION": "Intrusion",
        "HOLD_UP": "Hold-up",
        "TAMPER": "Tampering",
        "FIRE": "Fire",
        "OTHER": "Other alert",
    }
)
ENDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "WELL": "All is well",
        "AFTER_INTERVENTION": "After a guard came",
        "BY_THE_CENTRE": "By the monitoring centre",
        "SET_ASIDE": "Broken off by a fault of the system",
    }
)
_WARNING: Final = re.compile(r"CONTACT_([0-9]+)_([A-Z]+)")


def missing_sentence(code: str, say: Callable[[str], str]) -> str:
    """A sentence for an element that is missing."""
    return say(MISSING.get(code, code))


def warning_sentence(code: str, say: Callable[[str], str]) -> str:
    """A sentence for what is wrong with a later contact."""
    match = _WARNING.fullmatch(code)
    if match is None or match[2] not in WARNINGS:
        return code
    return say(WARNINGS[match[2]]) % {"place": match[1]}
