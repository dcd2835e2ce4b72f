"""Named points at which a test makes a sink fail.

Armed by the environment alone: ``TEST_RONDE_SINK_FAULT=point:passage[:action]`` acts at the n-th passage (from 1) of
that point: `kill` (SIGKILL, the default) or `pause` (SIGSTOP: the test lets it go on). Unarmed, a point is a test of
None.
"""

import os
import signal
from typing import Final, Literal, NamedTuple, TypeAlias, cast, get_args

Point: TypeAlias = Literal[
    "after_erasure",
    "after_claim",
    "after_poll",
    "after_decode",
    "after_month",
    "after_copy",
    "after_begin",
    "after_put",
    "after_refused",
    "after_positions",
    "after_commit",
]
Action: TypeAlias = Literal["kill", "pause"]

POINTS: Final[tuple[Point, ...]] = get_args(Point)
VARIABLE: Final = "TEST_RONDE_SINK_FAULT"
_SIGNALS: Final = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP}


class ArmedSinkFault(NamedTuple):
    """Which point acts, at which passage, how."""

    point: Point
    passage: int
    action: Action


def parse(text: str) -> ArmedSinkFault:
    """Read ``point:passage[:action]``. Raises `ValueError` naming what is wrong."""
    point, _, rest = text.partition(":")
    passage, _, action = rest.partition(":")
    action = action or "kill"
    if point not in POINTS:
        raise ValueError(f"{VARIABLE}: no point {point!r}; there are {', '.join(POINTS)}")
    if action not in _SIGNALS:
        raise ValueError(f"{VARIABLE}: no action {action!r}; there are {', '.join(_SIGNALS)}")
    if not passage.isdecimal() or int(passage) < 1:
        raise ValueError(f"{VARIABLE}: the passage is a number from 1 on, not {passage!r}")
    return ArmedSinkFault(point, int(passage), cast("Action", action))


_armed: Final = parse(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None
_passages = 0


def at(point: Point) -> None:
    """Pass a point."""
    global _passages  # noqa: PLW0603  # one process, one fault
    if _armed is not None and _armed.point == point:
        _passages += 1
        if _passages == _armed.passage:
            os.kill(os.getpid(), _SIGNALS[_armed.action])
