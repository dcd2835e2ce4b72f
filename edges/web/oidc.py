"""Sign-in by OpenID Connect: code flow with PKCE, by authlib. The provider says who it is; roles are ours."""

from __future__ import annotations

import re
import warnings
from typing import Any, Final

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.deprecate import AuthlibDeprecationWarning
from fastapi import APIRouter, Request, Response
from joserfc.errors import JoseError
from starlette.responses import RedirectResponse

from edges.web.callers import People
from edges.web.files import FileError
from edges.web.problems import FORBIDDEN, UNREADABLE, ProblemKind
from edges.web.settings import WebSettings
from service import logs

with warnings.catch_warnings(action="ignore", category=AuthlibDeprecationWarning):  # it names a rename of httpx
    from authlib.integrations.starlette_client import OAuth

_log: Final = logs.logger(__name__)
_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,128}")  # as accounts are named
_NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")

START: Final = "/sign-in/oidc"
CALLBACK: Final = "/sign-in/oidc/callback"
OIDC_FAILED: Final = ProblemKind(401, "OIDC_FAILED", "The provider did not sign you in. Try again.")
PROVIDER_AWAY: Final = ProblemKind(503, "PROVIDER_AWAY", "The provider of sign-ins does not answer. Try again.")


def own_path(target: str | None) -> str:
    """Return a local path to go on to, ``/`` for anything that could lead elsewhere."""
    is_own = target and target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if is_own and target and "\\" not in target else "/"


def oidc_routes(known: People, web: WebSettings, issuer: str) -> APIRouter:
    """The way to the provider, and back from it; ``issuer``: its address."""
    router = APIRouter(include_in_schema=False)
    sessions = known.sessions
    client: Any = OAuth().register(
        name="oidc",
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_id=web.oidc_client_id,
        client_secret=web.oidc_client_secret,
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "timeout": 5.0,
            **({} if web.oidc_client_secret else {"token_endpoint_auth_method": "none"}),
        },
    )

    @router.get(START)
    async def start(request: Request) -> Response:
        state: dict[str, Any] = {}
        request.scope["session"] = state
        await _describe(client)
        try:
            response: Response = await client.authorize_redirect(request, sessions.origin(request) + CALLBACK)
        except (httpx.HTTPError, AuthlibBaseError, ValueError) as error:
            raise _away(error) from None
        state["next"] = own_path(request.query_params.get("next"))
        sessions.remember(request, response, state)
        return response

    @router.get(CALLBACK)
    async def callback(request: Request) -> Response:
        state = sessions.recall(request)
        request.scope["session"] = state
        await _describe(client)
        try:
            token = await client.authorize_access_token(request)
        except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:  # refused, forged, broken, late
            if not isinstance(error, AuthlibBaseError):
                # Perhaps the provider has another key. Without a `kid` that shows here alone: ask for it next time.
                client.server_metadata.pop("jwks", None)
            _log.warning("a sign-in by OpenID Connect failed", error=logs.places(error))
            raise OIDC_FAILED.error() from None
        except httpx.HTTPError as error:
            raise _away(error) from None
        name = _name(token.get("userinfo") or {}, web.oidc_name_claim)
        try:
            person = await known.directory.find(name) if name else None
        except FileError as error:
            _log.error("accounts cannot be read", reason=str(error))
            raise UNREADABLE.error() from None
        if person is None:
            raise FORBIDDEN.error("You are signed in at the provider, and have no account here.")
        response = RedirectResponse(own_path(state.get("next")), status_code=303)
        sessions.recall(request, response)
        sessions.begin(request, response, person.name, person.stamp)
        return response

    return router


async def _describe(client: Any) -> None:
    """Have the provider's description, which is asked for once. Raises PROVIDER_AWAY."""
    try:
        description = await client.load_server_metadata()
    except (httpx.HTTPError, ValueError, TypeError) as error:  # no answer, no JSON, no object
        raise _away(error) from None
    if not all(isinstance(description.get(name), str) for name in _NEEDED):
        description.pop("_loaded_at")  # else it would be in force until the process ends
        _log.warning("the provider of sign-ins does not say what a sign-in needs", needed=_NEEDED)
        raise PROVIDER_AWAY.error()


def _name(claims: Any, name_claim: str) -> str | None:
    name = claims.get(name_claim)
    if name_claim == "email" and claims.get("email_verified") is not True:
        return None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def _away(error: Exception) -> Exception:
    _log.warning("the provider of sign-ins does not answer", error=logs.places(error))
    return PROVIDER_AWAY.error()
