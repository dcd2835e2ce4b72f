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

POINTS: Final[FaultPoints[Point]] = FaultPoints("TEST_RONDE_SINK_FAULT", get_args(Point))
at = POINTS.at
