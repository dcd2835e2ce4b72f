"""pysiaalarm's asyncio server, which acknowledges a frame and then hands it to its caller; ours drops it."""

from __future__ import annotations

import asyncio
import sys

from pysiaalarm.account import SIAAccount
from pysiaalarm.aio.client import SIAClient
from pysiaalarm.event import SIAEvent

from benchmarks.receiver.sender import account


async def drop(_event: SIAEvent) -> None:
    """Store nothing: what storing would cost is not measured."""


async def serve(port: int, panels: int, key: str) -> None:
    """Serve until the process is ended."""
    accounts = [SIAAccount(account(number), key or None, (80, 40)) for number in range(panels)]
    async with SIAClient("127.0.0.1", port, accounts, drop):  # type: ignore[abstract]  # it makes one of its subclass
        sys.stdout.write("listens\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""))
