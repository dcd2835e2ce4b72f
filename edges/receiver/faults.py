"""The points at which a test makes a receiver fail (`service.faults`), armed by ``TEST_RONDE_RECEIVER_FAULT``."""

from typing import Final, Literal, TypeAlias, get_args

from service.faults import FaultPoints

Point: TypeAlias = Literal[
    "before_signals",
    "after_signals",
    "before_alerts",
    "after_alerts",
    "after_answer",
]

POINTS: Final[FaultPoints[Point]] = FaultPoints("TEST_RONDE_RECEIVER_FAULT", get_args(Point))
at = POINTS.at
