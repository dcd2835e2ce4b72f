"""What the edges' web parts have in common in the settings: the table ``web`` (contracts.md, Settings)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class WebSettings(BaseModel):
    """`[web]`: the same for receiver, desk, portal and partners."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    tokens_file: Annotated[Path, Field(strict=False)] = Field(
        default=Path(".ronde/tokens.json"), description="the file of bearer tokens, that `ronde tokens` writes"
    )
