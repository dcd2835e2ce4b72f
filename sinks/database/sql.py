"""Read the SQL of the ledger: a file a query in `queries/`, a file a version in `migrations/`.

Statements that follow from a feed are in `sinks.database.feed_sql`.
"""

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
    """The statement of ``queries/<name>.sql`` for a table, with so many placeholders for values."""
    return SQL(query(name)).format(Identifier(table), SQL(", ").join([Placeholder()] * values))


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations, in order."""
    numbered = []
    for file in (_PACKAGE / "migrations").iterdir():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            numbered.append(Migration(int(number), name, file.read_text("utf-8")))
    numbered.sort()
    assert [migration.number for migration in numbered] == list(range(1, len(numbered) + 1)), "migrations without gaps"
    return tuple(numbered)
