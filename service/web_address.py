"""A setting that is the address of something on the web: one that no request fails to read."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field


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


WebAddress: TypeAlias = Annotated[
    str, AfterValidator(_checked), Field(json_schema_extra={"pattern": r"^https?://[^/]+"})
]
