"""What the history forgets of a person who left a site: names, login, number. That there was a change stays."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from psycopg.types.json import Jsonb

from edges.database.postgres import AsyncSession
from edges.portal.configuration import Configuration, Person
from edges.portal.sql import query

_PERSONAL: Final = ("first_name", "last_name", "login", "phone", "language")
NEVER: Final = 2**63 - 1  # behind the last revision
FORGOTTEN: Final = "a person who left"


def removed(before: Configuration, after: Configuration) -> list[Person]:
    """The people that a change removes."""
    staying = {person.person_id for person in after.people}
    return [person for person in before.people if person.person_id not in staying]


async def forget(
    connection: AsyncSession, site_id: str, people: Collection[Person], staying: Collection[Person]
) -> None:
    """Forget these people in all lines of a site's history, under each account that they ever had there."""
    ids = {person.person_id for person in people}
    whole = {"site_id": site_id, "since": 0, "before": NEVER, "limit": None}
    lines = await (await connection.execute(query("history"), whole)).fetchall()
    logins = {login for line in lines for login in logins_of([line["before"], line["after"]], ids)}
    logins |= {person.login for person in people if person.login is not None}
    logins -= {person.login for person in staying}
    for line in lines:
        kept = {
            "by": FORGOTTEN if line["by"] in logins else line["by"],
            "before": without(line["before"], ids),
            "after": without(line["after"], ids),
        }
        if kept != {name: line[name] for name in kept}:
            values = {name: None if kept[name] is None else Jsonb(kept[name]) for name in ("before", "after")}
            key = {"site_id": site_id, "revision": line["revision"], "by": kept["by"], "is_removal": line is lines[0]}
            await connection.execute(query("put_forgotten"), key | values)


def logins_of(value: Any, ids: Collection[str]) -> set[str]:
    """The accounts that a part of a configuration names for these people."""
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    found = {login for item in inner for login in logins_of(item, ids)}
    if isinstance(value, dict) and value.get("person_id") in ids and value.get("login"):
        found.add(value["login"])
    return found


def without(value: Any, ids: Collection[str]) -> Any:
    """A part of a configuration as the history keeps it, these people without what is personal."""
    match value:
        case list():
            return [without(item, ids) for item in value]
        case dict():
            is_theirs = value.get("person_id") in ids
            return {
                name: None if is_theirs and name in _PERSONAL else without(inner, ids) for name, inner in value.items()
            }
        case _:
            return value
