"""The app of the portal's port."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Final

from edges.errors import DatabaseAwayError
from edges.kafka.errors import UnconfirmedError
from edges.portal import api
from edges.portal.callers import PortalDirectory
from edges.portal.form_pages import FormPages
from edges.portal.incident_api import incident_routes
from edges.portal.incident_pages import IncidentPages
from edges.portal.incidents import Incidents
from edges.portal.pages import PortalPages
from edges.portal.service import Portal
from edges.portal.settings import PortalConfiguration
from edges.portal.transmitter_api import transmitter_routes
from edges.portal.transmitters import Transmitters
from edges.receiver.settings import wrapping_key_of
from edges.receiver.wrapping import Wrapping
from edges.web.application import WebApplication
from edges.web.problems import UNCONFIRMED
from edges.web.website import website

HERE: Final = Path(__file__).parent
PLACES: Final = (("/", "My services"),)


def application(portal: Portal, configuration: PortalConfiguration) -> WebApplication:
    """Make the app."""
    web = configuration.web
    app = website(
        "portal",
        version("ronde"),
        web,
        folder=HERE,
        places=PLACES,
        public_url=configuration.portal.public_url,
        directory=PortalDirectory(web.users_file, portal.store),
        errors={UnconfirmedError: UNCONFIRMED, DatabaseAwayError: UNCONFIRMED},
    )
    for routes in (
        api.site_routes,
        api.support_routes,
        api.service_routes,
        api.contact_routes,
        api.place_routes,
    ):
        app.add_routes(routes(portal))
    key = configuration.wrapping_key
    wrapping = None if key is None else Wrapping(wrapping_key_of(key))
    app.add_routes(transmitter_routes(Transmitters(portal.store, wrapping)))
    incidents = Incidents(portal.store)
    app.add_routes(incident_routes(incidents))
    app.add_routes(IncidentPages(incidents, app.state.pages).routes())
    app.add_routes(PortalPages(portal, app.state.pages).routes())
    app.add_routes(FormPages(portal, app.state.pages).routes())
    return app
