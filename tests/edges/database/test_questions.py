"""Questions that nobody waits for any more."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from psycopg_pool import PoolClosed

from edges.database.questions import Questions
from edges.errors import DatabaseAwayError


def test_a_question_that_ends_with_its_process_leaves_no_traceback() -> None:
    said: list[dict[str, Any]] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise PoolClosed("the pool is already closed") from None

    async def process() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
        with pytest.raises(DatabaseAwayError):
            await Questions().answer(waits(), 0)

    asyncio.run(process())
    assert said == []
