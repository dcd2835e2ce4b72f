"""The other procedure: values to replace, or the procedures of another settings file."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from streams.escalation.names import ProcedureName
from streams.escalation.procedures import Procedure, Procedures
from streams.replay.step import KnownProcedures

SUFFIX: Final = "+whatif"


class Change(NamedTuple):
    """What replaces the values of a procedure: ``whole`` procedures first, then single ``values``, by name."""

    values: Mapping[ProcedureName, Mapping[str, Any]] = MappingProxyType({})
    whole: Procedures = MappingProxyType({})

    def of(self, procedure: Procedure) -> Procedure:
        """Return the changed procedure; its version is ``<old>+whatif``."""
        base = self.whole.get(procedure.name, procedure)
        return base._replace(**self.values.get(procedure.name, {}), version=procedure.version + SUFFIX)


class ProceduresOfVersions:
    """The procedures under which incidents open, by the version that the log names; changed, or as recorded."""

    def __init__(self, known: KnownProcedures, current: Procedures, change: Change | None) -> None:
        self._known = known
        self._current = current  # where the log names none
        self._change = change
        self._made: dict[str | None, Procedures] = {}

    def named(self, version: str | None) -> Procedures:
        """Return both procedures; the one of ``version`` is the known one of that name."""
        procedures = self._made.get(version)
        if procedures is None:
            recorded = {name: self._known.get((name, version or ""), one) for name, one in self._current.items()}
            change = self._change
            procedures = recorded if change is None else {name: change.of(one) for name, one in recorded.items()}
            self._made[version] = procedures
        return procedures
