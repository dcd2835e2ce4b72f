"""How a command runs a process of the edges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edges.errors import EdgeError
from ronde.shared.errors import failing_on
from ronde.shared.settings import in_force
from ronde.shared.whole_settings import WholeSettings
from service import logs

if TYPE_CHECKING:
    from edges.process import EdgeProcess


def serve(
    settings: Path | None,
    make: Callable[[WholeSettings], EdgeProcess[Any, Any]],
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Run a process by the settings in force, until its end. Raises `WrongUse`, `Failed`."""
    effective = in_force(settings)
    logs.configure(effective.log.format, effective.log.level)

    async def run() -> None:
        await make(effective).run()

    with failing_on(EdgeError), asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())
