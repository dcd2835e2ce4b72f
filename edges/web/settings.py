"""What the edges' web parts have in common in the settings: the table ``web`` (contracts.md, Settings)."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from service.fields import File, Section


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _are_networks(text: str) -> str:
    """What is no network would be believed of nobody: all people would have the proxy's address, and its limits."""
    for part in _parts(text):
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise ValueError(f"{part} is no address, and no network as 10.1.2.0/28") from None
    return text


class WebSettings(Section):
    """`[web]`: the same for receiver, desk, portal and partners."""

    tokens_file: File = Field(
        default=Path(".ronde/tokens.json"), description="the file of bearer tokens, that `ronde tokens` writes"
    )
    users_file: File = Field(
        default=Path(".ronde/users.json"), description="the file of accounts of people, that `ronde users` writes"
    )
    session_key: str | None = Field(
        default=None,
        repr=False,
        min_length=32,
        description="the secret that signs sessions, the same for all replicas: 32 characters or more",
    )
    trusted_proxies: Annotated[str, AfterValidator(_are_networks)] = Field(
        default="",
        description="addresses or networks of proxies whose X-Forwarded-For and -Proto are believed, with commas",
    )
    oidc_issuer: str | None = Field(
        default=None, pattern="^https?://", description="the address of an OpenID Connect provider"
    )
    oidc_client_id: str = Field(default="ronde", description="our name at the provider")
    oidc_client_secret: str | None = Field(default=None, repr=False, description="our secret at the provider")
    oidc_name_claim: str = Field(
        default="preferred_username", description="the claim that names people as `ronde users` does"
    )

    @property
    def proxies(self) -> list[str]:
        """The proxies, one by one."""
        return _parts(self.trusted_proxies)
