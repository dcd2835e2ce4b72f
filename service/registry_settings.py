"""The settings of the schema registry, the same for every process (contracts.md, Settings)."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from service.fields import File, Section
from service.web_address import WebAddress


def _checked_certificates(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        raise ValueError("it holds no certificate in PEM") from None
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from None
    return path


Authorities: TypeAlias = Annotated[File, AfterValidator(_checked_certificates)]


class RegistrySettings(Section):
    """The schema registry; without one, records carry the fingerprint of their schema."""

    url: WebAddress | None = Field(
        default=None, repr=False, description="its address, beginning with http:// or https:// (default: no registry)"
    )
    ca_file: Authorities | None = Field(
        default=None,
        description="the file of the authorities that its certificate may be from, PEM "
        "(default: those of certifi, or of SSL_CERT_FILE)",
    )
