"""How many examples hypothesis tries: in `make quick` a tenth of what `make test` does."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import settings

_QUICK_SHARE: Final = 10
_FEWEST: Final = 8


def examples(count: int) -> settings:
    """Settings of a property's test: so many examples, none with a deadline, as the machine may be busy."""
    if os.environ.get("TEST_RONDE_QUICK"):
        count = min(count, max(count // _QUICK_SHARE, _FEWEST))
    return settings(max_examples=count, deadline=None)
