"""The watchdog's settings: its own table of the settings (contracts.md, Settings)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from service.aes_keys import key_of
from service.fields import File, Port, ProcessName, Section, data_dir, name_of, pages_host, pages_port
from service.hosts import Host, HostAndPort
from service.web_address import WebAddress

if TYPE_CHECKING:
    from edges.settings import Connection

_MARK: Final = "whsec_"
_SHORTEST_SECRET: Final = 24  # bytes, by Standard Webhooks


def _is_secret(text: str) -> str:
    try:
        secret = base64.b64decode(text.removeprefix(_MARK), validate=True)
    except (ValueError, binascii.Error):
        secret = b""
    if not text.startswith(_MARK) or len(secret) < _SHORTEST_SECRET:
        raise ValueError(f"it is not {_MARK} and 24 bytes or more in base64")
    return text


def _is_key(text: str) -> str:
    if key_of(text) is None:
        raise ValueError("it is not 16, 24 or 32 bytes in hex")
    return text


Seconds: TypeAlias = Annotated[int, Field(ge=1)]


class WatchdogConfiguration(NamedTuple):
    """Everything that the watchdog needs; secrets included, never log it."""

    watchdog: WatchdogSettings
    connection: Connection
    catch_up_seconds: int
    canary_site: str | None
    lookback_ms: int


class WatchdogSettings(Section):
    """`ronde watchdog`."""

    id: ProcessName = name_of("watchdog")
    pages_host: Host = pages_host()
    pages_port: Port = pages_port(6093)
    data_dir: File = data_dir("watchdog")
    deadline_seconds: Seconds = Field(
        default=15, description="how long after a deadline and worker.catch_up_seconds a decision may take"
    )
    input_seconds: Seconds = Field(default=45, description="how long an input may be without an end")
    call_seconds: Seconds = Field(default=45, description="how long a call may be neither held nor answered")
    blocked_seconds: Seconds = Field(
        default=15, description="how long an output's last stable offset may stand behind its end"
    )
    kafka_seconds: Seconds = Field(default=20, description="how long Kafka may be silent, or not read to its end")
    desk: bool | None = Field(
        default=None,
        description="whether operators take calls at a desk (default: if a person took anything within 7 days)",
    )
    webhook_url: WebAddress | None = Field(default=None, description="where findings are posted (default: nowhere)")
    webhook_secret: Annotated[str, AfterValidator(_is_secret)] | None = Field(
        default=None, repr=False, description="what the posts are signed by: whsec_ and base64"
    )
    ping_url: WebAddress | None = Field(
        default=None, repr=False, description="the address of a dead man's switch, asked while all is well"
    )
    ping_seconds: Seconds = Field(default=30, description="how often it is asked")
    canary_account: Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{1,16}$")] | None = Field(
        default=None, description="the account of the canary's transmitter"
    )
    canary_receiver: HostAndPort | None = Field(
        default=None, description="the receiver's address for panels, by TCP: HOST:PORT"
    )
    canary_key: Annotated[str, AfterValidator(_is_key)] | None = Field(
        default=None, repr=False, description="the AES key of the canary's transmitter, in hex"
    )
    canary_every_seconds: Annotated[int, Field(ge=2)] = Field(
        default=60, description="how often the canary raises an alarm"
    )
    canary_within_seconds: Seconds = Field(default=20, description="within how long it must be resolved")
    link_seconds: Seconds = Field(
        default=10, description="how often the receiver must acknowledge a link test, and how fast"
    )

    @model_validator(mode="after")
    def _parts_belong_together(self) -> WatchdogSettings:
        if (self.canary_account is None) != (self.canary_receiver is None):
            raise ValueError("set canary_account and canary_receiver together, and canary.site")
        if self.canary_within_seconds >= self.canary_every_seconds:
            raise ValueError("canary_within_seconds must be less than canary_every_seconds")
        if self.webhook_url is not None and self.webhook_secret is None:
            raise ValueError("set webhook_secret too: posts are signed")
        return self
