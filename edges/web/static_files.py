"""Files for browsers, each at an address that has its hash: so they are kept for good, and a new one is another."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import APIRouter
from starlette.responses import Response

from edges.web.problems import NOT_FOUND

PREFIX: Final = "/static/"
FOREVER: Final = "public, max-age=31536000, immutable"


class _File(NamedTuple):
    content: bytes
    media_type: str


class StaticFiles:
    """The files of some folders named ``static``, read once."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._addresses: dict[str, str] = {}
        self._files: dict[str, _File] = {}
        for folder in folders:
            for path in sorted((folder / "static").glob("*")) if (folder / "static").is_dir() else ():
                content = path.read_bytes()
                address = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
                media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                self._files[address] = _File(content, media_type)
                self._addresses[path.name] = PREFIX + address

    def address(self, name: str) -> str:
        """Where a file is. Raises `KeyError` for one that there is not."""
        return self._addresses[name]

    def text(self, name: str) -> str:
        """What is in a file. Raises `KeyError` for one that there is not."""
        return self._files[self._addresses[name].removeprefix(PREFIX)].content.decode()

    def routes(self) -> APIRouter:
        """The route of all files."""
        router = APIRouter(include_in_schema=False)

        @router.get(PREFIX + "{name}")
        async def static(name: str) -> Response:
            file = self._files.get(name)
            if file is None:
                raise NOT_FOUND.error()
            return Response(file.content, media_type=file.media_type, headers={"Cache-Control": FOREVER})

        return router
