"""Settings that are addresses on the web: one that no request fails to read, and one that browsers know us by."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from service.hosts import host_name

_NOT_IN_AN_ORIGIN: Final = frozenset("@?#\\")


def _checked(url: str) -> str:
    import httpx  # noqa: PLC0415 - heavy, and most have no such setting

    if not url.startswith(("http://", "https://")):
        raise ValueError("it does not begin with http:// or https://")
    try:
        host = httpx.URL(url).host
    except httpx.InvalidURL:  # its words quote the address
        host = ""
    if not host:
        raise ValueError("it cannot be read (in a name or password, '/', '@', ':' are written %2F, %40, %3A)")
    return url


def _origin(url: str) -> str:
    """The same, without a slash at its end. Browsers name an origin in ASCII, so no other is ever equal to theirs."""
    origin = url.removesuffix("/")
    try:
        parts = urlsplit(origin)
        is_one = parts.scheme in {"http", "https"} and parts.port != 0 and host_name(parts.hostname or "") != ""
    except ValueError:
        is_one = False
    if not (is_one and origin.isascii() and origin.isprintable()) or " " in origin or _NOT_IN_AN_ORIGIN & set(origin):
        raise ValueError("it is no scheme, host and, if need be, port, in the ASCII form that browsers send")
    return origin


PublicUrl: TypeAlias = Annotated[str, Field(pattern=r"^https?://[^/]+/?$"), AfterValidator(_origin)]
WebAddress: TypeAlias = Annotated[
    str, AfterValidator(_checked), Field(json_schema_extra={"pattern": r"^https?://[^/]+"})
]
