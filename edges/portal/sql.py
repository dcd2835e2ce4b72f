"""The portal's SQL, which is all in files: `queries/`, one a question, and `migrations/`, one a version."""

from __future__ import annotations

from typing import Final

from edges.errors import EdgeError
from service.sql import Schema

_SCHEMA: Final = Schema(
    "edges.portal", "portal", "What customers configured: docs/portal.md.", "the schema portal", EdgeError
)
query, migrations, migrate = _SCHEMA.query, _SCHEMA.migrations, _SCHEMA.migrate
