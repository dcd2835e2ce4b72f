"""The SQL of an edge, which is all in files: `queries/`, one a question, and `migrations/`, one a version."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Migration(NamedTuple):
    """One step of the database's shape: its number, from 1 without gaps, and what it does."""

    number: int
    name: str
    sql: str


@cache
def query(package: str, name: str) -> str:
    """The statements of ``queries/<name>.sql`` in a package."""
    return (files(package) / "queries" / f"{name}.sql").read_text("utf-8").strip()


@cache
def migrations(package: str) -> tuple[Migration, ...]:
    """All migrations of a package, in order."""
    found = []
    for file in (files(package) / "migrations").iterdir():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            found.append(Migration(int(number), name, file.read_text("utf-8")))
    found.sort()
    assert [migration.number for migration in found] == list(range(1, len(found) + 1)), "migrations without gaps"
    return tuple(found)
