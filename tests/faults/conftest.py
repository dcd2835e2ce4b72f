"""A broker for the fault tests alone, because they stop, kill and freeze it; and benches on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from ronde.local.kafka import Kafka
    from tests.faults.bench import Bench

__all__ = ["MakeBench"]

MakeBench: TypeAlias = Callable[..., "Bench"]


@pytest.fixture
def bench(
    broker: Kafka, tmp_path: Path, seed: int, record_property: Callable[[str, object], None]
) -> Iterator[MakeBench]:
    """Make a `Bench` on the broker, by the test's seed; it is ended with the test.

    With ``--junitxml`` the figures of each run stand in the report (docs/reliability.md).
    """
    from tests.faults.bench import Bench  # noqa: PLC0415 - heavy

    with ExitStack() as stack:

        def make(**options: Any) -> Bench:
            made = Bench(broker.bootstrap_servers, tmp_path, seed, **options)
            stack.callback(tell, made)
            return stack.enter_context(made)

        def tell(made: Bench) -> None:
            for name, figure in made.figures().items():
                record_property(name, figure)

        yield make
