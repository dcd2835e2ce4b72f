"""The ledger's SQL: a file a query in `queries/`, a file a version in `migrations/`.

Statements that follow from a feed are in `sinks.database.feed_sql`.
"""

from functools import cache
from typing import Final

from psycopg.sql import SQL, Composed, Identifier, Placeholder

from service.sql import Schema
from sinks.errors import SinkError

LEDGER: Final = Schema(
    "sinks", "ledger", "What ronde decided, as its topics have it: docs/ledger.md.", "the ledger", SinkError
)
query, migrations = LEDGER.query, LEDGER.migrations


@cache
def composed(name: str, table: str, values: int = 0) -> Composed:
    """The statement of ``queries/<name>.sql`` for a table, with so many placeholders for values."""
    return SQL(query(name)).format(Identifier(table), SQL(", ").join([Placeholder()] * values))
