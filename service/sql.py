"""A package's SQL, which is all in files: `queries/`, one a question, and `migrations/`, one a version."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from service.postgres import Session

_LOCK_TIMEOUT: Final = "5s"  # others would wait behind this one


class Migration(NamedTuple):
    """One step of a schema's shape: its number, from 1 without gaps, and what it does."""

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


class Schema(NamedTuple):
    """A schema of PostgreSQL, and the package that has its SQL.

    Attributes:
        about: its comment.
        called: what a message calls it.
        error: raised when a newer version of ronde has migrated it.

    """

    package: str
    name: str
    about: str
    called: str
    error: type[Exception]

    def query(self, name: str) -> str:
        """The statements of ``queries/<name>.sql``."""
        return query(self.package, name)

    def migrations(self) -> tuple[Migration, ...]:
        """All migrations, in order."""
        return migrations(self.package)

    def migrate(self, connection: Session, to: int | None = None) -> list[Migration]:
        """Apply the missing migrations, all or none; return them.

        Of several processes at once, one works and the others wait for it. ``to`` is the number of the last migration
        (default: all). Raises ``error``, and `psycopg.Error`.
        """

        def noting(name: str) -> str:
            return query("service", name).format(schema=self.name, about=self.about)

        # A lock of the transaction: one of the session would outlive its owner in the connection of a pooler.
        with connection.transaction():
            connection.execute(noting("lock_migrations"))
            connection.execute("SELECT set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,))
            connection.execute(noting("migrations"))
            row = connection.execute(noting("last_migration")).fetchone()
            assert row is not None
            done, known = row[0], self.migrations()
            if done > len(known):
                raise self.error(
                    f"{self.called} is at migration {done}, this version of ronde knows {len(known)}: "
                    "a newer one migrated it, run that one"
                )
            missing = [migration for migration in known[:to] if migration.number > done]
            for migration in missing:
                connection.execute(migration.sql)
                connection.execute(noting("note_migration"), (migration.number, migration.name))
        return missing
