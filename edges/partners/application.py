"""The app of the partners' port."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edges.errors import DatabaseAwayError
from edges.kafka.errors import UnconfirmedError
from edges.partners import api, guard, listing, webhook_document
from edges.web.application import WebApplication
from edges.web.problems import UNCONFIRMED
from edges.web.website import website

if TYPE_CHECKING:
    from edges.partners.reports_to_kafka import Reporter
    from edges.partners.store import Store
    from edges.web.settings import WebSettings

HERE: Final = Path(__file__).parent
PLACES: Final = (("/", "Open dispatches"),)


def application(store: Store, reporter: Reporter, web: WebSettings, public_url: str | None) -> WebApplication:
    """Make the app."""
    app = website(
        "partners",
        version("ronde"),
        web,
        folder=HERE,
        places=PLACES,
        public_url=public_url,
        errors={UnconfirmedError: UNCONFIRMED, DatabaseAwayError: UNCONFIRMED},
    )
    webhook_document.describe(app)
    app.state.store = store
    app.add_routes(api.routes(store, reporter))
    app.add_routes(guard.routes(store, reporter, app.state.pages))
    app.add_routes(listing.routes(store, app.state.pages))
    return app
