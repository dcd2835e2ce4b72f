"""The demonstration in virtual time, and commands as its outside systems read them."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

from ronde.demo import partner, stories, telephony
from ronde.demo.agenda import Record
from ronde.demo.alarms import Alarms
from ronde.demo.stories import BACKGROUND, STORIES, Story
from ronde.views.site_timeline.board import Board, InputPosition
from streams.escalation.procedures import DEFAULTS, Procedures
from streams.escalation.values import Alert, CallResult, DispatchReport, Site, Source
from streams.formats.json_values import reader
from streams.simulation.simulation import Record as Emitted
from streams.simulation.simulation import Simulation
from tests.cli.demo.virtual_receiver import VirtualReceiver

START = 1_767_225_600_000  # 2026-01-01T00:00:00Z
TICK = 50  # ms between two looks of the outside systems
LONGEST = 40_000  # ms a story may take
ROOT = Path(__file__).parents[3]
EVERY = (*STORIES, *BACKGROUND)


def shipped_sites() -> list[Site]:
    lines = (files("ronde.demo") / "sites.jsonl").read_text(encoding="utf-8").splitlines()
    return [reader(Site)(json.loads(line)) for line in lines]


def shipped_procedures() -> Procedures:
    settings = tomllib.loads((files("ronde.demo") / "settings.toml").read_text(encoding="utf-8"))
    return {name: DEFAULTS[name]._replace(**changed) for name, changed in settings["procedures"].items()}


class World:
    """The demonstration in virtual time: the core, panels and receiver, the telephony, the partners, no Kafka."""

    def __init__(self, told: tuple[Story, ...] = EVERY) -> None:
        self.simulation = Simulation(shipped_procedures())
        self.telephony = telephony.Telephony(stories.telephony_script(told))
        self.partner = partner.Partner(stories.partner_script(told))
        self.alarms = Alarms(told, START)
        self.receiver = VirtualReceiver()
        self.board = Board()
        self.inputs: dict[InputPosition, Record] = {}
        self.offsets: Counter[str] = Counter()

    def run(self) -> Board:
        for site in shipped_sites():
            self.see(self.simulation.site(site.site_id, site, self.source("sites"), START))
        for now in range(START, START + LONGEST, TICK):
            self.see(self.simulation.advance(now))
            for due in self.alarms.due(self.board, now):
                for alert in self.receiver.take(due, now):
                    self.feed("alerts", Alert(**alert._asdict()), now)
            for result in self.telephony.agenda.due(now):
                self.feed("call-results", CallResult(**result), now)
            for reported in self.partner.agenda.due(now):
                self.feed("dispatch-reports", DispatchReport(**reported), now)
        return self.board

    def source(self, topic: str) -> Source:
        self.offsets[topic] += 1
        return Source(topic, 0, self.offsets[topic] - 1)

    def feed(self, topic: str, event: Alert | CallResult | DispatchReport, now: int) -> None:
        source = self.source(topic)
        self.inputs[InputPosition(*source)] = as_read(event)
        self.see(self.simulation.event(event, source, now))

    def see(self, emitted: Any) -> None:
        record: Emitted
        for record in emitted:
            value = as_read(record.value)
            self.board.take(record.topic, value)
            if record.topic == "calls":
                self.telephony.take(value, record.at)
            elif record.topic == "dispatches":
                self.partner.take(value, record.at)


def as_read(value: Any) -> Any:
    """A value of the core as a reader of its topic gets it."""
    if hasattr(value, "_asdict"):
        return {name: as_read(field) for name, field in value._asdict().items()}
    return [as_read(item) for item in value] if isinstance(value, tuple) else value


def call(command_id: str = "i-c1.1", **changed: Any) -> Record:
    target = command_id.removesuffix("-cancel") if changed.get("action") == "CANCEL" else None
    command = {
        "command_id": command_id,
        "action": "CALL",
        "target_command_id": target,
        "incident_id": "i",
        "site_id": "S01",
        "procedure": "SECURITY",
        "round": 1,
        "position": 1,
        "contact_id": "claire",
        "leave_message": True,
        "issued_at": START,
        "expires_at": START + 5_000,
    }
    return command | changed


def request(command_id: str = "i-d1-r1", **changed: Any) -> Record:
    command = {
        "command_id": command_id,
        "dispatch_id": "i-d1",
        "action": "REQUEST",
        "incident_id": "i",
        "site_id": "S01",
        "partner_id": "garde-alpes",
        "respond_by": START + 3_000,
    }
    return command | changed
