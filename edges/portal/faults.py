"""The points at which a test makes a portal's relay fail (`service.faults`), armed by ``TEST_RONDE_PORTAL_FAULT``."""

from typing import Final, Literal, TypeAlias, get_args

from service.faults import FaultPoints

Point: TypeAlias = Literal[
    "after_take", "after_init", "after_read", "after_produce", "after_flush", "after_commit", "after_note"
]

VARIABLE: Final = "TEST_RONDE_PORTAL_FAULT"

POINTS: Final[tuple[Point, ...]] = get_args(Point)
_points: Final[FaultPoints[Point]] = FaultPoints(VARIABLE, POINTS)
at = _points.at
