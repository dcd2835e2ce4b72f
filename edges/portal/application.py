"""The app of the portal's port."""

from __future__ import annotations

from importlib.metadata import version

from edges.kafka.errors import UnconfirmedError
from edges.portal import api
from edges.portal.callers import PortalDirectory
from edges.portal.errors import DatabaseAwayError
from edges.portal.service import Portal
from edges.portal.settings import PortalConfiguration
from edges.portal.transmitter_api import transmitter_routes
from edges.portal.transmitters import Transmitters
from edges.receiver.settings import wrapping_key_of
from edges.receiver.wrapping import Wrapping
from edges.web.application import WebApplication
from edges.web.callers import People
from edges.web.oidc import Provider, oidc_routes
from edges.web.problems import UNCONFIRMED
from edges.web.sessions import Sessions
from edges.web.sign_in import SignIn, session_routes
from edges.web.tokens import TokenFile


def application(portal: Portal, configuration: PortalConfiguration) -> WebApplication:
    """Make the app."""
    web, own = configuration.web, configuration.portal
    people = People(PortalDirectory(web.users_file, portal.store), Sessions("portal", web.session_key, own.public_url))
    app = WebApplication(
        "ronde portal",
        version("ronde"),
        tokens=TokenFile(web.tokens_file),
        people=people,
        errors={UnconfirmedError: UNCONFIRMED, DatabaseAwayError: UNCONFIRMED},
        is_https=(own.public_url or "").startswith("https://"),
    )
    app.include_router(session_routes(people, SignIn(people)))
    if web.oidc_issuer is not None:
        provider = Provider(web.oidc_issuer, web.oidc_client_id, web.oidc_client_secret, web.oidc_name_claim)
        app.include_router(oidc_routes(people, provider))
    for routes in (
        api.site_routes,
        api.support_routes,
        api.service_routes,
        api.contact_routes,
        api.place_routes,
    ):
        app.include_router(routes(portal))
    key = configuration.wrapping_key
    wrapping = None if key is None else Wrapping(wrapping_key_of(key))
    app.include_router(transmitter_routes(Transmitters(portal.store, wrapping)))
    return app
