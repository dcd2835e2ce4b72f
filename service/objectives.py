"""How soon a centre wants first calls to be taken, by kind of alert: the desk and `ronde report` measure against it."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple, TypeAlias

from pydantic import Field

from schemas.contract.alert_kinds import BY_URGENCY
from service.fields import Section

Percent: TypeAlias = Annotated[float, Field(gt=0, le=100)]
Seconds: TypeAlias = Annotated[int, Field(ge=1, le=3600)]

URGENT: Final = frozenset({"HOLD_UP", "FIRE"})


class Target(NamedTuple):
    """So many percent of a kind's first calls within so many seconds."""

    seconds: int
    percent: float


class ObjectiveSettings(Section):
    """Two targets for the urgent kinds, HOLD_UP and FIRE, and two for all others."""

    first_percent: Percent = Field(default=80.0, description="the share that the first target is about: above 0 to 100")
    last_percent: Percent = Field(default=98.5, description="the share that the last target is about: above 0 to 100")
    urgent_first_seconds: Seconds = Field(
        default=30, description="the first target of hold-up and fire: a whole number of seconds from 1 to 3600"
    )
    urgent_last_seconds: Seconds = Field(
        default=60, description="the last target of hold-up and fire: a whole number of seconds from 1 to 3600"
    )
    first_seconds: Seconds = Field(
        default=90, description="the first target of all others: a whole number of seconds from 1 to 3600"
    )
    last_seconds: Seconds = Field(
        default=180, description="the last target of all others: a whole number of seconds from 1 to 3600"
    )

    def targets(self, kind: str) -> tuple[Target, Target]:
        """The targets of a kind."""
        first, last = (
            (self.urgent_first_seconds, self.urgent_last_seconds)
            if kind in URGENT
            else (self.first_seconds, self.last_seconds)
        )
        return Target(first, self.first_percent), Target(last, self.last_percent)

    @property
    def bounds(self) -> tuple[int, ...]:
        """All bounds in seconds, the shortest first."""
        return tuple(
            sorted({self.urgent_first_seconds, self.urgent_last_seconds, self.first_seconds, self.last_seconds})
        )


def counted_kind(kinds: tuple[str, ...] | list[str]) -> str:
    """The kind that a call is counted under: the most urgent one of its alerts."""
    return next((kind for kind in BY_URGENCY if kind in kinds), "OTHER")


def is_met(target: Target, within: int, calls: int) -> bool:
    """Whether ``within`` of ``calls`` are as many as the target wants."""
    return 100 * within >= target.percent * calls
