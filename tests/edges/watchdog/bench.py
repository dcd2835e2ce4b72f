"""A judge on a bench: records by hand, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from edges.values import Alert, Attention, CallCommand, CallResult, Claim, Decision, InputRef, Quarantined, Source
from edges.watchdog.findings import Kind, Summary
from edges.watchdog.judge import READ, TOPICS, Judge, Limits, Place
from schemas.contract.topics import Log

START: Final = 1_790_000_000_000
LIMITS: Final = Limits(deadline=45_000)


class Bench:
    """``now`` is in seconds from the start; partition 0 unless a test says otherwise."""

    def __init__(self, limits: Limits = LIMITS, partitions: int = 1) -> None:
        self.partitions = partitions
        self.judge = Judge(partitions, limits, START, canary_site="canary")
        self.now = 0.0
        self.offsets: dict[Log, int] = {}
        self.ages: dict[Log, float] = dict.fromkeys(
            ((topic, number) for topic in READ for number in range(partitions)), 0.0
        )
        self.stable: dict[Log, int] = {}  # where a log's readers stop, if before its end
        self.away = False
        self.jump = 0.0

    @property
    def ms(self) -> int:
        return START + round((self.now + self.jump) * 1000)

    @property
    def monotonic(self) -> int:
        return START + round(self.now * 1000)

    def put(
        self, topic: str, value: Any, partition: int = 0, offset: int | None = None, timestamp: int | None = None
    ) -> int:
        """Have the watchdog read a record; its offset. Kafka's clock is right unless a test gives a timestamp."""
        at = self.offsets.get((topic, partition), 0) if offset is None else offset
        self.offsets[topic, partition] = at + 1
        stamped = self.monotonic if timestamp is None else timestamp
        self.judge.take(Place(topic, partition, at, stamped, self.ms, self.monotonic), value)
        return at

    def look(self, seconds: float = 0.0, step: float = 1.0) -> Mapping[Kind, Summary]:
        """Let time pass, and judge each second; the last report."""
        until = self.now + seconds
        report = self._judge()
        while self.now < until:
            self.now = min(self.now + step, until)
            report = self._judge()
        return report

    def counts(self, seconds: float = 0.0) -> dict[str, int]:
        """The last report as counts."""
        return {kind.value: listed.count for kind, listed in self.look(seconds).items()}

    def _judge(self) -> Mapping[Kind, Summary]:
        if not self.away:
            for topic in TOPICS:
                for number in range(self.partitions):
                    end = self.offsets.get((topic, number), 0)
                    self.judge.ends.high((topic, number), end, self.monotonic)
                    self.judge.ends.stable((topic, number), self.stable.get((topic, number), end), self.monotonic)
        return self.judge.judge(self.ms, self.monotonic, self.ages)

    # --- records ----------------------------------------------------------------------------------

    def alert(self, partition: int = 0, offset: int | None = None) -> int:
        return self.put("alerts", Alert("a", "S1", "INTRUSION", self.ms, None, None, None), partition, offset)

    def decide(
        self,
        version: int,
        deadline: float | None,
        *,
        of: int | None = None,
        incident: str | None = "i1",
        site: str = "S1",
        partition: int = 0,
    ) -> None:
        """A decision at ``now``; ``of``: the offset of the alert that it decides; no ``deadline``: it closes."""
        ref = InputRef("DEADLINE", "i1", None, None, None)
        if of is not None:
            ref = InputRef("ALERT", "a", "alerts", partition, of)
        at = None if deadline is None else START + round(deadline * 1000)
        phase = "CLOSED" if deadline is None else "CALLING"
        self.put(
            "decisions",
            Decision(
                f"{incident}-v{version}", incident, "security/1", site, version, self.ms, ref, 0, "OPENED", None,
                phase, None, None, at, None, (),
            ),
            partition,
        )  # fmt: skip

    def end(self, offset: int, topic: str = "quarantine", of: str = "alerts", partition: int = 0) -> None:
        value: Any = Source(of, partition, offset)
        if topic == "quarantine":
            alert = Alert("a", "S1", "INTRUSION", self.ms, None, None, None)
            value = Quarantined("S1", "a", "NOT_READY", (), self.ms, alert, value, None)
        self.put(topic, value, partition)

    def fail(self, site: str = "S1") -> None:
        self.put(
            "attention",
            Attention("state-0-1-t1", None, site, None, "FAILED", 0, "FAILED", False, (), 0, None, self.ms),
        )

    def call(
        self,
        command: str = "c1",
        action: str = "CALL",
        target: str | None = None,
        site: str = "S1",
        *,
        seconds: int = 120,
    ) -> None:
        """A command; it expires in so many seconds."""
        self.put(
            "calls",
            CallCommand(
                command, action, target, "i1", site, "SECURITY", 1, 1, "p1", None, None, None, (), True,
                self.ms, self.ms + 1000 * seconds,
            ),
        )  # fmt: skip

    def answer(self, command: str = "c1") -> int:
        value = CallResult(
            f"{command}-r", "S1", "i1", command, None, "OUTBOUND", "NO_ANSWER", "UNKNOWN", False, None, None, self.ms
        )
        return self.put("call-results", value)

    def claim(
        self,
        subject: str = "c1",
        action: str = "TAKE",
        who: str = "PERSON",
        seconds: int = 60,
        *,
        by: str = "ann",
        at: float | None = None,
    ) -> None:
        """A claim; ``at``: when it was stamped by the broker, in seconds from the start."""
        value = Claim(f"k{self.now}", "S1", "i1", subject, by, who, action, seconds)
        self.put("claims", value, timestamp=None if at is None else START + round(at * 1000))
