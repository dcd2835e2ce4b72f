"""Everybody outside: homes that raise alerts, a telephony, partners, operators, and the app that edits sites.

All of them by the seed, none with a clock: ``now`` is in ms since 1970, UTC. The same desks answer a live broker
(`tests.faults.load`) and a virtual one (`tests.faults.virtual`). The times fit `PROCEDURES`.
"""

from __future__ import annotations

import random
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, Final, NamedTuple

from streams.escalation.procedures import FIRE, SECURITY, Procedures
from tests.faults.records import Value

# The procedures of every day, sixty times as fast: what takes minutes takes seconds.
TIMES: Final[dict[str, Any]] = {
    "default_partner": "P9",
    "wait_seconds": 4,
    "call_timeout_seconds": 2,
    "response_timeout_seconds": 1,
    "requests": 2,
    "arrival_timeout_seconds": 3,
    "on_site_timeout_seconds": 3,
    "attention_interval_seconds": 2,
    "amend_interval_seconds": 1,
    "runaway_threshold": 12,
}
PROCEDURES: Final[Procedures] = {
    "SECURITY": SECURITY._replace(version="security/faults", **TIMES),
    "FIRE": FIRE._replace(version="fire/faults", **TIMES),
}
ADDRESS: Final = {
    "line1": "1 rue des Tilleuls",
    "line2": None,
    "postal_code": "74300",
    "city": "Cluses",
    "country": "FR",
}
RUNAWAYS: Final = 20  # sites whose panel does not stop


class Said(NamedTuple):
    """What somebody says: a value for a topic (without prefix)."""

    topic: str
    value: Value


class Agenda:
    """What will be said, and when."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, str, Said]] = []
        self._numbers = count()

    def plan(self, at: float, owner: str, said: Said) -> None:
        """Say it at ``at`` (ms), unless its owner is withdrawn before."""
        heappush(self._heap, (round(at), next(self._numbers), owner, said))

    def withdraw(self, owner: str) -> None:
        """Say nothing more of this."""
        kept = [planned for planned in self._heap if planned[2] != owner]
        if len(kept) != len(self._heap):
            heapify(kept)
            self._heap = kept

    def due(self, now: int) -> list[Said]:
        """What is to be said now."""
        said = []
        while self._heap and self._heap[0][0] <= now:
            said.append(heappop(self._heap)[3])
        return said

    def next_at(self) -> int | None:
        """When the next is due."""
        return self._heap[0][0] if self._heap else None


class Outside:
    """Telephony, partners and operators.

    ``calm``: everybody answers at once and well, so that everything under way comes to its end. ``silent``: the
    telephony places no call. ``left_alone``: sites that a test plays itself. ``late_seconds`` is how late the
    latest answers come.
    """

    def __init__(self, seed: int, late_seconds: float = 6.0) -> None:
        self.agenda = Agenda()
        self.calm = False
        self.silent = False
        self.left_alone: set[str] = set()
        self._seed = seed
        self._late_seconds = late_seconds
        self._seen: set[str] = set()
        self._guards: set[str] = set()  # dispatches that a guard was found for

    def take(self, topic: str, value: Value, now: int) -> None:
        """A command or an attention comes in; one seen before is dropped."""
        name = value["attention_id" if topic == "attention" else "command_id"]
        if name in self._seen or value["site_id"] in self.left_alone:
            return
        self._seen.add(name)
        dice = random.Random(f"{self._seed}/{name}")
        {"calls": self._call, "dispatches": self._dispatch, "attention": self._attention}[topic](value, now, dice)

    # --- the telephony ----------------------------------------------------------------------------

    def _call(self, command: Value, now: int, dice: random.Random) -> None:
        name = command["command_id"]
        if command["action"] == "CANCEL":
            self.agenda.withdraw(command["target_command_id"])
            return
        if self.silent or now > command["expires_at"]:
            return
        if self.calm:
            self._result(command, name, now + 50, "IDENTIFIED", "NORMAL")
            return
        if dice.random() < 0.08:
            return  # it rings on
        outcome = dice.choices(
            ["IDENTIFIED", "NO_ANSWER", "WRONG_CODE", "NOT_IDENTIFIED", "DURESS_CODE"], [50, 25, 14, 8, 3]
        )[0]
        situation = dice.choices(["NORMAL", "ABNORMAL", "UNKNOWN"], [86, 6, 8])[0]
        at = now + dice.uniform(50, 1000)
        if dice.random() < 0.05:
            at += dice.uniform(1000, self._late_seconds * 1000)  # the call has long timed out
        self._result(command, name, at, outcome, situation)
        if dice.random() < 0.05:
            self._result(command, name, at + dice.uniform(0, 1500), outcome, situation)  # said twice
        if outcome == "NO_ANSWER" and dice.random() < 0.4:
            self._callback(command, at + dice.uniform(100, 4000), dice)

    def _result(self, command: Value, name: str, at: float, outcome: str, situation: str) -> None:
        result = {
            "result_id": f"{name}-result",
            "site_id": command["site_id"],
            "incident_id": command["incident_id"],
            "command_id": command["command_id"],
            "contact_id": command["contact_id"],
            "direction": "OUTBOUND",
            "outcome": outcome,
            "situation": situation,
            "message_left": outcome == "NO_ANSWER",
            "detail": None,
            "operator": None,
            "ended_at": round(at),
        }
        self.agenda.plan(at, command["command_id"], Said("call-results", result))

    def _callback(self, command: Value, at: float, dice: random.Random) -> None:
        callback = {
            "result_id": f"{command['command_id']}-callback",
            "site_id": command["site_id"],
            "incident_id": dice.choice([command["incident_id"], None]),
            "command_id": None,
            "contact_id": command["contact_id"],
            "direction": "INBOUND",
            "outcome": dice.choices(["IDENTIFIED", "NOT_IDENTIFIED", "DURESS_CODE"], [80, 15, 5])[0],
            "situation": dice.choices(["NORMAL", "ABNORMAL"], [90, 10])[0],
            "message_left": False,
            "detail": "called back",
            "operator": None,
            "ended_at": round(at) - dice.choice([0, 0, 0, 3000]),
        }
        self.agenda.plan(at, f"{command['command_id']}-callback", Said("call-results", callback))

    # --- the partners -----------------------------------------------------------------------------

    def _dispatch(self, command: Value, now: int, dice: random.Random) -> None:
        dispatch = command["dispatch_id"]
        if command["action"] == "CANCEL":
            self.agenda.withdraw(dispatch)
            if dispatch in self._guards and (self.calm or dice.random() < 0.8):
                self._report(command, now + 100, "CLOSED", "CANCELLED")
            return
        if command["action"] != "REQUEST" or dispatch in self._guards:
            return
        if self.calm:
            steps = ["ACCEPTED", "ON_SITE", "CLOSED"]
        else:
            steps = dice.choices(
                [
                    ["ACCEPTED", "EN_ROUTE", "ON_SITE", "CLOSED"],
                    ["ACCEPTED", "ON_SITE", "CLOSED"],
                    ["REJECTED"],
                    [],  # silence
                    ["ACCEPTED"],  # and never again
                    ["ACCEPTED", "ON_SITE"],
                    ["CLOSED"],  # nobody was there
                    ["EN_ROUTE", "ACCEPTED", "ON_SITE", "ON_SITE", "UNKNOWN", "CLOSED"],
                ],
                [40, 20, 10, 12, 5, 4, 4, 5],
            )[0]
        if steps:
            self._guards.add(dispatch)
        at = float(now)
        for number, status in enumerate(steps):
            at += 40 if self.calm else dice.uniform(50, 600)
            self._report(command, at, status, "nothing seen" if status == "CLOSED" else None, number)
            if dice.random() < 0.06 and not self.calm:  # said twice, as a repeat or as news
                self._report(command, at + dice.uniform(0, 500), status, None, dice.choice([number, number + 100]))

    def _report(self, command: Value, at: float, status: str, disposition: str | None, number: int = 0) -> None:
        report = {
            "report_id": f"{command['command_id']}-{status.lower()}-{number}",
            "site_id": command["site_id"],
            "incident_id": command["incident_id"],
            "dispatch_id": command["dispatch_id"],
            "partner_id": command["partner_id"],
            "status": status,
            "disposition": disposition,
            "reason": None,
            "reported_at": round(at),
        }
        self.agenda.plan(at, command["dispatch_id"], Said("dispatch-reports", report))

    # --- the operators ----------------------------------------------------------------------------

    def _attention(self, attention: Value, now: int, dice: random.Random) -> None:
        reason, incident = attention["reason"], attention["incident_id"]
        if incident is None:
            if reason == "CALL_FOR_HELP" and dice.random() < 0.5 and not self.calm:
                self._action(attention, now + 300, "DISPATCH", None)
        elif reason not in {"RUNAWAY", "DURESS", "PARTNER_SILENT"}:
            if self.calm or attention["repeat"] or dice.random() < 0.7:
                self._action(attention, now + (50 if self.calm else dice.uniform(200, 1200)), "CLOSE", incident)
            elif dice.random() < 0.5:
                self._action(attention, now + dice.uniform(200, 1200), "DISPATCH", incident)

    def _action(self, attention: Value, at: float, verb: str, incident: str | None) -> None:
        action = {
            "action_id": f"{attention['attention_id']}-{verb.lower()}",
            "site_id": attention["site_id"],
            "incident_id": incident,
            "action": verb,
            "reason": "seen",
            "operator": "olga",
            "taken_at": round(at),
        }
        self.agenda.plan(at, attention["attention_id"], Said("operator-actions", action))


class Homes:
    """The sites, what is edited of them, and their alerts."""

    def __init__(self, seed: int, count: int) -> None:
        self.names = [f"S{number}" for number in range(count)]
        self._dice = random.Random(f"{seed}/homes")
        self._alerts = 0
        self._recent: list[Value] = []

    def site(self, name: str, now: int) -> Value:
        """A site's record as it is configured now."""
        dice = self._dice
        contacts = [
            {
                "contact_id": f"{name}-{number}",
                "role": "OWNER" if number == 0 else dice.choice(["MEMBER", "EXTERNAL"]),
                "first_name": "Ann",
                "last_name": "Martin",
                "phone": f"+336399800{number:02}" if number == 0 or dice.random() < 0.9 else None,
                "password_hash": "hash",
                "duress_hash": None,
                "language": "fr",
            }
            for number in range(dice.choice([1, 1, 2, 3]))
        ]
        return {
            "site_id": name,
            "subscribed": dice.random() < 0.96,
            "contacts": contacts if dice.random() < 0.97 else [],
            "address": ADDRESS,
            "instructions": dice.choice([None, "mind the dog"]),
            "intervention": {
                "enabled": dice.random() < 0.92,
                "partners": dice.choice([[], ["P1"], ["P1", "P2"], ["P2", "", "P3"]]),
            },
            "test_until": now + 5000 if dice.random() < 0.02 else None,
            "updated_at": now,
        }

    def edit(self, now: int) -> tuple[str, Value | None]:
        """Some site is edited or, seldom, deleted (None); one that was deleted may come back."""
        name = self._dice.choice(self.names)
        return name, None if self._dice.random() < 0.1 else self.site(name, now)

    def alert(self, now: int) -> Value:
        """The next alert of some site; one in twenty is a repeat of an earlier one."""
        dice = self._dice
        if self._recent and dice.random() < 0.05:
            return dice.choice(self._recent)
        self._alerts += 1
        chance = dice.random()
        names = (
            self.names[:RUNAWAYS] if chance < 0.1 else [f"nobody{dice.randrange(100)}"] if chance > 0.98 else self.names
        )
        alert = {
            "alert_id": f"A{self._alerts}",
            "site_id": dice.choice(names),
            "kind": dice.choices(["INTRUSION", "HOLD_UP", "TAMPER", "FIRE", "OTHER"], [55, 5, 10, 26, 4])[0],
            "raised_at": now,
            "zone": "hall",
            "detail": None,
            "source": "panel",
        }
        self._recent = [*self._recent[-99:], alert]
        return alert
