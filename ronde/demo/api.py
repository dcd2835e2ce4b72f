"""An edge's HTTP API, as a program with a token uses it: what was not confirmed is asked again, the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import httpx

from edges.web import tokens
from ronde.demo.stage import Stage
from ronde.shared.errors import Failed

ANSWER_SECONDS: Final = 15.0
_AGAIN_SECONDS: Final = 0.5


class Api:
    """The API of a process. ``pause`` waits between two requests, and is true where to stop."""

    def __init__(
        self,
        stage: Stage,
        process: str,
        address: str,
        *,
        name: str,
        scope: str,
        pause: Callable[[float], bool | None] = time.sleep,
    ) -> None:
        """``name`` and ``scope`` are those of its token, which is made here."""
        assert stage.portal is not None
        token = tokens.add(stage.portal.tokens_file, name, (scope,))
        self._client = httpx.Client(
            base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=ANSWER_SECONDS
        )
        self._process, self._log, self._pause = process, stage.folder / f"{process}.log", pause

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def ask(
        self, method: str, path: str, body: Any = None, *, give_up: float, headers: dict[str, str] | None = None
    ) -> Any:
        """Return what a request is answered with, once it is taken; ``give_up`` is a moment of the monotonic clock.

        Raises `Failed` when it is refused, or not confirmed until then.
        """
        while True:
            try:
                answer = self._client.request(method, path, json=body, headers=headers)
            except httpx.HTTPError as error:
                raise Failed(f"the {self._process} does not answer: {error!r}; its log: {self._log}") from error
            if answer.is_success:
                return answer.json()
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > give_up:
                raise Failed(f"the {self._process} refuses {method} {path}: {answer.text}; its log: {self._log}")
            if self._pause(_AGAIN_SECONDS):
                raise Failed(f"stopped before the {self._process} confirmed {method} {path}")
