"""The app of the partners' port."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from edges.kafka.errors import UnconfirmedError
from edges.partners import api
from edges.partners.errors import DatabaseAwayError
from edges.web.application import WebApplication
from edges.web.problems import UNCONFIRMED
from edges.web.tokens import TokenFile

if TYPE_CHECKING:
    from pathlib import Path

    from edges.partners.reporting import Reporter
    from edges.partners.store import Store


def application(store: Store, reporter: Reporter, tokens_file: Path, public_url: str | None) -> WebApplication:
    """Make the app."""
    app = WebApplication(
        "ronde partners",
        version("ronde"),
        tokens=TokenFile(tokens_file),
        errors={UnconfirmedError: UNCONFIRMED, DatabaseAwayError: UNCONFIRMED},
        is_https=public_url is not None and public_url.startswith("https:"),
    )
    app.include_router(api.routes(store, reporter))
    return app
