"""The schema registry of a running worker: what is asked at its start, and compared with it from then on.

A registry may be made again under the same address, while a worker is stopped, or while it runs. Its ids then name
other schemas, and values written with those of before are read as something else by its readers.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from schemas.avro.errors import RegistryRefused, RegistryUnreachable
from service.logs import logger
from service.registry import Registry, client
from streams.formats.codec import Codec
from streams.runtime.errors import WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.settings import Settings

_log = logger(__name__)

COMPARE_SECONDS: Final = 30.0
CONFIRM_SECONDS: Final = 2.0  # while ids of the disk are in use, as the registry was away at the start


class RegistryChangedError(WorkerError):
    """The schema registry has other ids or schemas than this worker goes by."""

    def __init__(self, changes: list[str]) -> None:
        super().__init__(
            f"the schema registry was made again: {'; '.join(changes)}. After a restart the worker goes by what it "
            "has now; values written before name ids of the old one"
        )


class RegistryWatch:
    """The registry of the settings; ``registry.url`` is set."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.prefix
        self._registry = Registry(client(settings.registry), settings.worker.data_dir)

    def codec(self) -> Codec:
        """The codec that frames by the registry's ids. RegistryUnreachable: call it again later.

        WorkerError: the registry refuses one of our schemas.
        """
        try:
            made = Codec(self._registry, self._prefix)
        except RegistryRefused as error:
            raise WorkerError(str(error)) from error
        self._log_warnings()
        if not self._registry.is_confirmed:
            _log.warning("the schema registry does not answer: outputs are framed by the ids it gave before")
        return made

    async def run(self, end: Callable[[RegistryChangedError], None]) -> None:
        """Compare again and again; ``end`` hears of the first difference."""
        while True:
            await asyncio.sleep(COMPARE_SECONDS if self._registry.is_confirmed else CONFIRM_SECONDS)
            self._log_warnings()
            try:
                changes = await asyncio.to_thread(self._registry.changes)
            except RegistryUnreachable:
                continue  # who needs an answer waits for it, and says so
            if changes:
                end(RegistryChangedError(changes))
                return

    def _log_warnings(self) -> None:
        for warning in self._registry.take_warnings():
            _log.warning("schema registry", reason=warning)
