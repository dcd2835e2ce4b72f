"""What changes while a partition's past is read beside a list of work: kept from the list until all is read.

Else it would show, and sound for, calls that were answered long ago.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edges.desk.state import DeskState


class Unlisted:
    """The changes of such partitions."""

    def __init__(self, state: DeskState) -> None:
        self._state = state
        self._dirty: set[str] = set()
        self._moved: set[str] = set()

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Have the state take records within the block as before there was a list."""
        state = self._state
        listed = state.dirty, state.moved, state.is_listed
        state.dirty, state.moved, state.is_listed = self._dirty, self._moved, False
        try:
            yield
        finally:
            state.dirty, state.moved, state.is_listed = listed

    def list(self) -> None:
        """Hand all over to the list."""
        self._state.dirty |= self._dirty
        self._state.moved |= self._moved
