"""The records of the output topics so far, site by site, compared with the planned story.

Knows only values of contracts.md; instants are milliseconds since 1970, UTC.
"""

from itertools import takewhile
from typing import NamedTuple

from ronde.demo.agenda import Record
from ronde.demo.stories import Ending, Story


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

    def ending(self) -> Ending:
        """The site's ending so far."""
        last = self.last
        dispositions = [decision["disposition"] for decision in self.decisions if decision["disposition"]]
        requests = [command for command in self.dispatches if command["action"] == "REQUEST"]
        quarantined = self.quarantine[-1] if self.quarantine else None
        return Ending(
            rules=self.rules,
            phase=last["phase_to"] if last else None,
            disposition=dispositions[-1] if dispositions else None,
            partners=tuple(dict.fromkeys(command["partner_id"] for command in requests)),
            covert=bool(self.dispatches) and all(command["covert"] for command in self.dispatches),
            attention=tuple(raised["reason"] for raised in self.attention),
            quarantine=quarantined["reason"] if quarantined else None,
            missing=tuple(quarantined["missing"]) if quarantined else (),
        )

    def is_as_planned(self, story: Story) -> bool:
        """True once the site has reached the story's ending, and nothing else."""
        return self.ending() == story.ending

    def has_strayed(self, story: Story) -> bool:
        """True once the site can no longer reach the story's ending."""
        planned, came = story.ending, self.ending()
        return came.rules != planned.rules[: len(came.rules)] or came.quarantine not in {None, planned.quarantine}


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


def differences(planned: Ending, came: Ending) -> list[str]:
    """Return the differences from the story, one line a field; of the rules, from the first difference on."""
    lines = []
    pairs = zip(planned.rules, came.rules, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    for field in Ending._fields:
        expected, got = getattr(planned, field), getattr(came, field)
        if expected == got:
            continue
        after = ""
        if field == "rules" and same:
            after = f" after {planned.rules[same - 1]}"
            expected, got = expected[same:], got[same:]
        lines.append(f"{field}{after}: expected {_text(expected)}, came {_text(got)}")
    return lines


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    return "none" if value is None else str(value)
