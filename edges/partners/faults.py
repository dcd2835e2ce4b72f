"""The points at which a test makes the process fail (`service.faults`), armed by ``TEST_RONDE_PARTNERS_FAULT``."""

from typing import Final, Literal, TypeAlias, get_args

from service.faults import FaultPoints

Point: TypeAlias = Literal[
    "after_read", "after_store", "after_commit", "after_claim", "after_post", "after_note", "after_take", "after_report"
]

POINTS: Final[FaultPoints[Point]] = FaultPoints("TEST_RONDE_PARTNERS_FAULT", get_args(Point))
at = POINTS.at
