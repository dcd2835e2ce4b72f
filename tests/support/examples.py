"""How many examples hypothesis tries: in `make quick` a sixth of what `make test` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

from hypothesis import settings

_QUICK_SHARE: Final = 6
_FEWEST: Final = 10


def examples(count: int) -> Callable[[Any], Any]:
    """Settings of a property's test: so many examples, none with a deadline, as the machine may be busy."""
    if os.environ.get("TEST_RONDE_QUICK"):
        count = min(count, max(count // _QUICK_SHARE, _FEWEST))
    return settings(max_examples=count, deadline=None)
