"""Seeds of a test that plays at random: a few in every run, the rest in `make test-long`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet


def seeds(few: int, many: int) -> list[ParameterSet]:
    """Return the parameters 0 to ``many`` - 1; those from ``few`` on are marked `long`."""
    return [pytest.param(seed, marks=pytest.mark.long if seed >= few else ()) for seed in range(many)]
