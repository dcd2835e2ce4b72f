"""The invented homes to play with, and the words that their people would say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from argon2 import PasswordHasher

from edges.panel.messages import Panel
from edges.web.accounts import Role
from edges.web.values import write_instant
from service.clock import now_ms
from service.words import normal

PARTNER: Final = "garde-alpes"
PASSWORD: Final = "play-ronde"  # noqa: S105 - of all accounts; they live on this machine, for as long as the play does
ACCOUNTS: Final[tuple[tuple[str, Role], ...]] = (("ann", "operator"), ("zoe", "supervisor"), ("sam", "support"))


class Person(NamedTuple):
    """Somebody whom a round calls, and what they would say."""

    first_name: str
    last_name: str
    role: str
    phone: str
    word: str
    threat: str


class Home(NamedTuple):
    """A home: its panel, and whom a round calls."""

    site_id: str
    panel: Panel
    people: tuple[Person, ...]
    address: tuple[str, str, str]
    instructions: str


HOMES: Final = (
    Home(
        "LILAS-1",
        Panel("1001"),
        (
            Person("Claire", "Martin", "OWNER", "+33639980001", "corail", "azur"),
            Person("Yann", "Martin", "MEMBER", "+33639980002", "sapin", "galet"),
        ),
        ("1 rue des Lilas", "74300", "Cluses"),
        "The dog barks and does not bite. The key is with the neighbour at number 3.",
    ),
    Home(
        "VIGNES-8",
        Panel("1002", key=bytes.fromhex("00112233445566778899aabbccddeeff")),
        (Person("Marc", "Perrier", "OWNER", "+33639980003", "tournesol", "orage"),),
        ("8 chemin des Vignes", "73000", "Chambéry"),
        "Alarm in the hall, behind the door.",
    ),
)


def sites() -> Iterator[str]:
    """A line of JSON a home, as `ronde portal import` takes them."""
    hasher = PasswordHasher(time_cost=1)  # a play begins soon
    for home in HOMES:
        line1, postal_code, city = home.address
        site: dict[str, Any] = {
            "site_id": home.site_id,
            "subscribed": True,
            "contacts": [
                {
                    "contact_id": person.first_name.lower(),
                    "role": person.role,
                    "first_name": person.first_name,
                    "last_name": person.last_name,
                    "phone": person.phone,
                    "password_hash": hasher.hash(normal(person.word)),
                    "duress_hash": hasher.hash(normal(person.threat)),
                    "language": "fr",
                }
                for person in home.people
            ],
            "address": {"line1": line1, "postal_code": postal_code, "city": city, "country": "FR"},
            "instructions": home.instructions,
            "intervention": {"enabled": True, "partners": [PARTNER]},
            "updated_at": write_instant(now_ms()),
        }
        yield json.dumps(site, ensure_ascii=False)


def transmitters() -> Iterator[str]:
    """A line of JSON a panel, as `ronde transmitters import` takes them."""
    for home in HOMES:
        line = {"account": home.panel.account, "site_id": home.site_id}
        yield json.dumps(line if home.panel.key is None else {**line, "key": home.panel.key.hex()})
