"""The app of the partners' port."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from edges.kafka.errors import UnconfirmedError
from edges.partners import api, guard
from edges.partners.errors import DatabaseAwayError
from edges.web.application import WebApplication
from edges.web.pages import Pages
from edges.web.problems import UNCONFIRMED
from edges.web.tokens import TokenFile

if TYPE_CHECKING:
    from edges.partners.reporting import Reporter
    from edges.partners.store import Store


def application(store: Store, reporter: Reporter, tokens_file: Path, public_url: str | None) -> WebApplication:
    """Make the app."""
    pages = Pages("ronde partners", Path(__file__).parent)
    app = WebApplication(
        "ronde partners",
        version("ronde"),
        tokens=TokenFile(tokens_file),
        pages=pages,
        errors={UnconfirmedError: UNCONFIRMED, DatabaseAwayError: UNCONFIRMED},
        is_https=public_url is not None and public_url.startswith("https:"),
    )
    app.include_router(api.routes(store, reporter))
    app.include_router(guard.routes(store, reporter, pages))
    app.include_router(pages.routes())
    return app
