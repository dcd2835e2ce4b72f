"""How far a run has come: which inputs have no end yet, which incidents are open."""

from __future__ import annotations

from collections import Counter

from tests.faults.records import EVENT_TOPICS, Place, Raw, Topics, decode


class Progress:
    """Follows the topics as they are read; nothing is looked at twice."""

    def __init__(self, topics: Topics) -> None:
        self.open: dict[str, Raw] = {}  # incidents, with their last decision
        self._topics = topics
        self._seen: Counter[str] = Counter()
        self._ended: set[Place] = set()

    def look(self) -> None:
        """Take in what has come."""
        for raw in self._new("decisions"):
            decision = decode("decisions", raw.value or b"")
            given = decision["input"]
            if given["topic"] is not None:
                self._ended.add((given["topic"], given["partition"], given["offset"]))
            if decision["phase_to"] == "CLOSED":
                self.open.pop(decision["incident_id"], None)
            elif decision["incident_id"] is not None:
                self.open[decision["incident_id"]] = raw
        for raw in self._new("quarantine"):
            given = decode("quarantine", raw.value or b"")["input"]
            self._ended.add((given["topic"], given["partition"], given["offset"]))
        for raw in self._new("dead-letters"):
            told = {name: value or b"" for name, value in raw.headers}
            topic = told["dlq.topic"].decode()
            if topic == "state":  # the site was set aside, its incidents with it
                aside = (raw.partition, raw.key)
                self.open = {name: last for name, last in self.open.items() if (last.partition, last.key) != aside}
            elif topic in EVENT_TOPICS:
                self._ended.add((topic, int(told["dlq.partition"]), int(told["dlq.offset"])))

    @property
    def unended(self) -> int:
        """How many inputs have no end yet."""
        return sum(len(self._topics.of(topic)) for topic in EVENT_TOPICS) - len(self._ended)

    def _new(self, topic: str) -> list[Raw]:
        raws = self._topics.of(topic)[self._seen[topic] :]
        self._seen[topic] += len(raws)
        return raws
