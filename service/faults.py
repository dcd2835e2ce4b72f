"""Named points at which a test makes a process fail.

Armed by the environment alone: ``<VARIABLE>=point:passage[:action]`` acts at the n-th passage (from 1) of that point:
`kill` (SIGKILL, the default), `stop` (SIGSTOP), `stun` (the same, and once it is awake this thread comes to itself
later than the others), `term` (SIGTERM), `block` (this thread, for good), `raise`, or `refuse` (as the broker refuses
a transaction of an old generation); several with commas.
With ``<VARIABLE>_WHEN=file`` only passages while that file exists count: a test chooses the moment.
(``RONDE_…`` is for settings, and refuses what is none: the variables begin with ``TEST_``.)
Unarmed, a point is a look into an empty dict, and a wrapped function is the function itself.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Generic, Literal, ParamSpec, TypeAlias, TypeVar, cast, get_args

from confluent_kafka import KafkaError, KafkaException

Action: TypeAlias = Literal["kill", "stop", "stun", "term", "block", "raise", "refuse"]

_SIGNALS: Final[Mapping[Action, signal.Signals]] = MappingProxyType(
    {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "stun": signal.SIGSTOP, "term": signal.SIGTERM}
)
_STUNNED_SECONDS: Final = 1.0

Point = TypeVar("Point", bound=str)
P = ParamSpec("P")
R = TypeVar("R")


class FaultError(RuntimeError):
    """Raised by an armed point."""


@dataclass(slots=True)
class ArmedFault:
    """Which point acts, at which passage, how, and while which file exists."""

    point: str
    passage: int
    action: Action
    when: Path | None
    passed: int = 0

    def pass_by(self) -> None:
        """Count a passage, and act if it is the one."""
        if self.when is not None and not self.when.exists():
            return
        self.passed += 1
        if self.passed != self.passage:
            return
        if self.action in _SIGNALS:
            os.kill(os.getpid(), _SIGNALS[self.action])
            if self.action == "stun":
                time.sleep(_STUNNED_SECONDS)
        elif self.action == "block":
            threading.Event().wait()
        elif self.action == "refuse":
            raise KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION, txn_requires_abort=True))
        else:
            raise FaultError(f"the test's fault at {self.point}")


class FaultPoints(Generic[Point]):
    """The points of one kind of process, and what ``variable`` of the environment arms of them.

    Raises `ValueError` naming what is wrong with the variable.
    """

    def __init__(self, variable: str, points: Collection[str]) -> None:
        self.variable = variable
        self.points = tuple(points)
        self.arm()

    def arm(self) -> None:
        """Arm what the environment says now."""
        self._armed = self.parse(os.environ.get(self.variable, ""), os.environ.get(f"{self.variable}_WHEN"))

    def at(self, point: Point) -> None:
        """Pass a point."""
        if point in self._armed:
            self._armed[point].pass_by()

    def around(self, point: Point, function: Callable[P, R]) -> Callable[P, R]:
        """Wrap a function so that each call passes a point first."""
        if point not in self._armed:
            return function

        def passing(*args: P.args, **kwargs: P.kwargs) -> R:
            self.at(point)
            return function(*args, **kwargs)

        return passing

    def parse(self, text: str, when: str | None = None) -> dict[str, ArmedFault]:
        """Read ``point:passage[:action],…``. Raises `ValueError` naming what is wrong."""
        armed = (self._parse(part, Path(when) if when else None) for part in text.split(",") if part)
        return {fault.point: fault for fault in armed}

    def _parse(self, text: str, when: Path | None) -> ArmedFault:
        point, _, rest = text.partition(":")
        passage, _, action = rest.partition(":")
        action = action or "kill"
        if point not in self.points:
            raise ValueError(f"{self.variable}: no point {point!r}; there are {', '.join(self.points)}")
        if action not in get_args(Action):
            raise ValueError(f"{self.variable}: no action {action!r}; there are {', '.join(get_args(Action))}")
        if not passage.isdecimal() or int(passage) < 1:
            raise ValueError(f"{self.variable}: the passage is a number from 1 on, not {passage!r}")
        return ArmedFault(point, int(passage), cast("Action", action), when)
