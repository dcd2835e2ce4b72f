"""One site that a test plays by itself, among all the others of a load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count

from schemas.contract.murmur2 import partition
from tests.faults.bench import Bench, now_ms
from tests.faults.desks import ADDRESS
from tests.faults.records import Value, decode

PATIENCE_SECONDS = 120.0


class Household:
    """A site in a partition, with contacts of a name; what it says and what is said to it. Partners: P1."""

    def __init__(self, bench: Bench, number: int, contacts: int = 1, name: str = "Martin") -> None:
        self._bench = bench
        self._numbers = count(1)
        names = (f"home-{number}-{attempt}" for attempt in count())
        self.name = next(name for name in names if partition(name.encode(), bench.partitions) == number)
        bench.load.outside.left_alone.add(self.name)
        people = [
            {
                "contact_id": f"{self.name}-{place}",
                "role": "OWNER",
                "first_name": name,
                "last_name": name,
                "phone": "+33639980001",
                "password_hash": "hash",
                "duress_hash": None,
                "language": None,
            }
            for place in range(contacts)
        ]
        self._say(
            "sites",
            subscribed=True,
            contacts=people,
            address=ADDRESS,
            instructions=None,
            intervention={"enabled": True, "partners": ["P1"]},
            test_until=None,
            updated_at=now_ms(),
        )
        bench.journal.flush()

    def alert(self, kind: str = "INTRUSION") -> None:
        """Something is wrong there."""
        name = f"{self.name}-{next(self._numbers)}"
        self._say("alerts", alert_id=name, kind=kind, raised_at=now_ms(), zone=None, detail=None, source=None)

    def answer(self, command: Value, outcome: str, situation: str = "NORMAL") -> None:
        """A call is answered."""
        self._say(
            "call-results",
            result_id=f"{command['command_id']}-result",
            incident_id=command["incident_id"],
            command_id=command["command_id"],
            contact_id=command["contact_id"],
            direction="OUTBOUND",
            outcome=outcome,
            situation=situation,
            message_left=False,
            detail=None,
            operator=None,
            ended_at=now_ms(),
        )

    def close(self) -> None:
        """An operator ends what is open."""
        for decision in self.open():
            self._say(
                "operator-actions",
                action_id=f"{decision['incident_id']}-close",
                incident_id=decision["incident_id"],
                action="CLOSE",
                reason="over",
                operator="olga",
                taken_at=now_ms(),
            )

    def open(self) -> list[Value]:
        """The last decision of each open incident, as far as was read."""
        last = {decision["incident_id"]: decision for decision in self.told("decisions")}
        return [decision for name, decision in last.items() if name and decision["phase_to"] != "CLOSED"]

    def told(self, topic: str) -> Iterator[Value]:
        """What was said to it, as far as was read."""
        key = self.name.encode()
        return (decode(topic, raw.value or b"") for raw in self._bench.tail.topics.of(topic) if raw.key == key)

    def wait_for(self, topic: str, fits: Callable[[Value], bool], seconds: float = PATIENCE_SECONDS) -> Value:
        """Read until something fits."""
        give_up = time.monotonic() + seconds
        while True:
            found = next((value for value in self.told(topic) if fits(value)), None)
            if found is not None:
                return found
            assert time.monotonic() < give_up, f"{self.name}: nothing of {topic} fits: {list(self.told(topic))[-3:]}"
            self._bench.tail.read(0.05)

    def wait_for_rule(self, rule: str, seconds: float = PATIENCE_SECONDS) -> Value:
        """Read until a decision was made by this rule."""
        return self.wait_for("decisions", lambda value: value["rule"] == rule, seconds)

    def _say(self, topic: str, **value: object) -> None:
        self._bench.journal.say(topic, {"site_id": self.name, **value})
        self._bench.journal.poll()
