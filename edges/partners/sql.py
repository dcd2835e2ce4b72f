"""The SQL of partners, which is all in files: `queries/`, one a question, and `migrations/`, one a version."""

from __future__ import annotations

from typing import Final

from edges.errors import EdgeError
from service.sql import Schema

_SCHEMA: Final = Schema(
    "edges.partners",
    "partners",
    "Partners that are asked over HTTP: docs/partners.md.",
    "the schema partners",
    EdgeError,
)
query, migrate = _SCHEMA.query, _SCHEMA.migrate
