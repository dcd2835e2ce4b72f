"""The SQL of the ledger, which is all in files: `queries/`, one a question, and `migrations/`, one a version."""

from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from psycopg.sql import SQL, Composed, Identifier, Placeholder

_PACKAGE: Final = files("sinks")


class Migration(NamedTuple):
    """One step of the ledger's shape: its number, from 1 without gaps, and what it does."""

    number: int
    name: str
    sql: str


@cache
def query(name: str) -> str:
    """The statements of ``queries/<name>.sql``."""
    return (_PACKAGE / "queries" / f"{name}.sql").read_text("utf-8").strip()


@cache
def composed(name: str, table: str, values: int = 0) -> Composed:
    """The statement of ``queries/<name>.sql`` about a table, with places for so many values."""
    return SQL(query(name)).format(Identifier(table), SQL(", ").join([Placeholder()] * values))


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations, in order."""
    found = []
    for file in (_PACKAGE / "migrations").iterdir():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            found.append(Migration(int(number), name, file.read_text("utf-8")))
    found.sort()
    assert [migration.number for migration in found] == list(range(1, len(found) + 1)), "migrations without gaps"
    return tuple(found)
