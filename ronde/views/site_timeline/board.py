"""The records of the output topics so far, site by site, and the inputs that have come to an end.

Knows only values of contracts.md; instants are milliseconds since 1970, UTC.
"""

from typing import Any, NamedTuple, TypeAlias

Record: TypeAlias = dict[str, Any]  # a value of contracts.md, field by field


class InputPosition(NamedTuple):
    """Where an input lies: topic without prefix, partition, offset."""

    topic: str
    partition: int
    offset: int


class SiteView:
    """One site's records of the output topics, in the order of their topic."""

    def __init__(self) -> None:
        self.decisions: list[Record] = []
        self.calls: list[Record] = []
        self.dispatches: list[Record] = []
        self.attention: list[Record] = []
        self.quarantine: list[Record] = []
        self.readiness: list[Record] = []

    @property
    def last(self) -> Record | None:
        """The last decision; None before the first."""
        return self.decisions[-1] if self.decisions else None

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules of all decisions, in order."""
        return tuple(decision["rule"] for decision in self.decisions)


class Board:
    """Every site's view, and the end of every input."""

    def __init__(self) -> None:
        self.decided: set[InputPosition] = set()
        self.quarantined: set[InputPosition] = set()
        self.dead: dict[InputPosition, str] = {}  # with its reason
        self._sites: dict[str, SiteView] = {}

    def site(self, site_id: str) -> SiteView:
        """Return the view of a site; empty without records."""
        return self._sites.setdefault(site_id, SiteView())

    def take(self, topic: str, record: Record) -> None:
        """Take a record of an output topic other than a dead letter (`take_dead_letter`)."""
        records: list[Record] = getattr(self.site(record["site_id"]), topic)
        records.append(record)
        if topic == "quarantine":
            self.quarantined.add(InputPosition(**record["input"]))
        elif topic == "decisions" and record["input"]["topic"] is not None:
            origin = record["input"]
            self.decided.add(InputPosition(origin["topic"], origin["partition"], origin["offset"]))

    def take_dead_letter(self, place: InputPosition, reason: str) -> None:
        """Take a dead letter: the place of its record, and the reason."""
        self.dead[place] = reason

    @property
    def ended(self) -> set[InputPosition]:
        """The inputs that have an end."""
        return self.decided | self.quarantined | set(self.dead)

    @property
    def judged(self) -> int:
        """The number of readiness records."""
        return sum(len(view.readiness) for view in self._sites.values())


def as_record(value: Any) -> Any:
    """Return a value of the core as a dict, instants in ms since 1970, UTC."""
    if hasattr(value, "_asdict"):
        return {name: as_record(held) for name, held in value._asdict().items()}
    return [as_record(item) for item in value] if isinstance(value, tuple) else value
