"""An app with people, made of the settings: what desk, portal and partners begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from edges.web.accounts import AccountFile, Directory
from edges.web.application import WebApplication
from edges.web.callers import People
from edges.web.oidc import oidc_routes
from edges.web.pages import Pages
from edges.web.problems import ProblemKind
from edges.web.sessions import Sessions
from edges.web.settings import WebSettings
from edges.web.sign_in import SignIn, session_routes
from edges.web.tokens import TokenFile


def website(
    process: str,
    version: str,
    web: WebSettings,
    *,
    folder: Path | None = None,
    places: Sequence[tuple[str, str]] = (),
    public_url: str | None = None,
    directory: Directory | None = None,
    sign_in: SignIn | None = None,
    errors: Mapping[type[Exception], ProblemKind] | None = None,
) -> WebApplication:
    """Return the app with sign-in, its pages' files, switches and errors; its own routes are the caller's to add.

    Args:
        process: ``desk``, ``portal`` or ``partners``.
        version: of the product.
        web: the settings.
        folder: of the process, with its ``templates``, ``static`` and ``locale``.
        places: addresses and names of what the head of its pages links to.
        public_url: where people reach it; None: at the address they typed.
        directory: where people are looked up; None: the file of `ronde users`.
        sign_in: who has signed in before, as `signing_in` made it, where a process makes its app again; None: nobody.
        errors: as for `WebApplication`.

    The handlers find `People` in ``app.state.people`` and `Pages` in ``app.state.pages``. Raises `ValueError` for a
    session key that is too short.

    """
    sign_in = sign_in or signing_in(process, web, public_url, directory)
    people = sign_in.people
    pages = Pages(f"ronde {process}", folder, people, places, has_provider=web.oidc_issuer is not None)
    app = WebApplication(
        f"ronde {process}",
        version,
        tokens=TokenFile(web.tokens_file),
        people=people,
        pages=pages,
        errors=errors,
        is_https=public_url is not None and urlsplit(public_url).scheme == "https",
    )
    app.add_routes(session_routes(people, sign_in))
    app.add_routes(pages.routes(sign_in))
    if web.oidc_issuer is not None:
        app.add_routes(oidc_routes(people, web, web.oidc_issuer))
    return app


def signing_in(
    process: str, web: WebSettings, public_url: str | None = None, directory: Directory | None = None
) -> SignIn:
    """The sign-ins of a process, its sessions with them. Raises `ValueError` as `website`."""
    sessions = Sessions(process, web.session_key, public_url)
    return SignIn(People(directory or AccountFile(web.users_file), sessions))
