"""What the edges' web parts have in common in the settings: the table ``web`` (contracts.md, Settings)."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from service.fields import File, Section


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
    trusted_proxies: str = Field(
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
        return [part.strip() for part in self.trusted_proxies.split(",") if part.strip()]
