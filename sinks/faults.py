"""The points at which a test makes a sink fail (`service.faults`), armed by ``TEST_RONDE_SINK_FAULT``."""

from typing import Final, Literal, TypeAlias, get_args

from service.faults import FaultPoints

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

VARIABLE: Final = "TEST_RONDE_SINK_FAULT"

POINTS: Final[tuple[Point, ...]] = get_args(Point)
_points: Final[FaultPoints[Point]] = FaultPoints(VARIABLE, POINTS)
at = _points.at
