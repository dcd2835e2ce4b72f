"""The points at which a test makes a worker fail (`service.faults`), armed by ``TEST_RONDE_FAULT``."""

from typing import Final, Literal, TypeAlias, get_args

from service.faults import FaultPoints

Point: TypeAlias = Literal[
    "before_produce",
    "after_produce",
    "after_offsets",
    "after_commit",
    "during_restore",
    "during_revoke",
    "core_input",
    "core_site",
    "core_deadline",
    "core_failed_deadline",
]

VARIABLE: Final = "TEST_RONDE_FAULT"
WHEN: Final = f"{VARIABLE}_WHEN"

POINTS: Final[FaultPoints[Point]] = FaultPoints(VARIABLE, get_args(Point))
at = POINTS.at
around = POINTS.around
parse = POINTS.parse
