"""The points at which a test makes a portal's relay fail (`service.faults`), armed by ``TEST_RONDE_PORTAL_FAULT``."""

from typing import Final, Literal, TypeAlias, get_args

from service.faults import FaultPoints

Point: TypeAlias = Literal[
    "after_take", "after_init", "after_read", "after_produce", "after_flush", "after_commit", "after_note"
]

POINTS: Final[FaultPoints[Point]] = FaultPoints("TEST_RONDE_PORTAL_FAULT", get_args(Point))
at = POINTS.at
