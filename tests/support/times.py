"""The instant at which scripted stories begin."""

from __future__ import annotations

from typing import Final

START: Final = 1_767_225_600_000  # 2026-01-01T00:00:00Z
