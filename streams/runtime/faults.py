"""Named points at which a test makes a worker fail.

Armed by the environment alone: ``TEST_RONDE_FAULT=point:passage[:action]`` acts at the n-th passage (from 1) of
that point: `kill` (SIGKILL, the default), `stop` (SIGSTOP), `stun` (the same, and once it is awake this thread comes
to itself later than the others), `term` (SIGTERM), `block` (this thread, for good), `raise`, or `refuse` (as the
broker refuses a transaction of an old generation); several with commas.
With ``TEST_RONDE_FAULT_WHEN=file`` only passages while that file exists count: a test chooses the moment.
(``RONDE_…`` is for settings, and refuses what is none.)
Unarmed, a point is a look into an empty dict, and a wrapped function is the function itself.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, ParamSpec, TypeAlias, TypeVar, cast, get_args

from confluent_kafka import KafkaError, KafkaException

Point: TypeAlias = Literal[
    "before_produce",
    "after_produce",
    "after_offsets",
    "after_commit",
    "during_restore",
    "during_revoke",
    "core_input",
    "core_deadline",
    "core_failed_deadline",
]
Action: TypeAlias = Literal["kill", "stop", "stun", "term", "block", "raise", "refuse"]

_SIGNALS: Final[Mapping[Action, signal.Signals]] = MappingProxyType(
    {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "stun": signal.SIGSTOP, "term": signal.SIGTERM}
)
_STUNNED_SECONDS: Final = 1.0

VARIABLE: Final = "TEST_RONDE_FAULT"
WHEN: Final = "TEST_RONDE_FAULT_WHEN"

P = ParamSpec("P")
R = TypeVar("R")


class FaultError(RuntimeError):
    """What an armed point raises."""


@dataclass(slots=True)
class ArmedFault:
    """Which point acts, at which passage, how, and while which file exists."""

    point: Point
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


def parse(text: str, when: str | None = None) -> dict[Point, ArmedFault]:
    """Read ``point:passage[:action],…``. Raises `ValueError` naming what is wrong."""
    armed = (_parse(part, Path(when) if when else None) for part in text.split(",") if part)
    return {fault.point: fault for fault in armed}


def _parse(text: str, when: Path | None) -> ArmedFault:
    point, _, rest = text.partition(":")
    passage, _, action = rest.partition(":")
    action = action or "kill"
    if point not in get_args(Point):
        raise ValueError(f"{VARIABLE}: no point {point!r}; there are {', '.join(get_args(Point))}")
    if action not in get_args(Action):
        raise ValueError(f"{VARIABLE}: no action {action!r}; there are {', '.join(get_args(Action))}")
    if not passage.isdecimal() or int(passage) < 1:
        raise ValueError(f"{VARIABLE}: the passage is a number from 1 on, not {passage!r}")
    return ArmedFault(cast("Point", point), int(passage), cast("Action", action), when)


_armed: Final = parse(os.environ.get(VARIABLE, ""), os.environ.get(WHEN))


def at(point: Point) -> None:
    """Pass a point."""
    if point in _armed:
        _armed[point].pass_by()


def around(point: Point, function: Callable[P, R]) -> Callable[P, R]:
    """Have every call of a function pass a point first."""
    if point not in _armed:
        return function

    def passing(*args: P.args, **kwargs: P.kwargs) -> R:
        at(point)
        return function(*args, **kwargs)

    return passing
