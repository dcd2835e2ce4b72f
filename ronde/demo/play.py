"""Play the stories: send alerts, follow the outputs on the board, until every story has ended."""

import time
from typing import Final

from confluent_kafka import Producer

import schemas
from ronde.demo.agenda import Record
from ronde.demo.alarms import Alarms
from ronde.demo.board import Board
from ronde.demo.processes import Child
from ronde.demo.report import Inputs
from ronde.demo.screen import Screen
from ronde.demo.stage import EVERY, Stage
from ronde.demo.watch import EVENTS, SILENT, TopicWatch, read_inputs
from ronde.shared.errors import Failed

LONGEST_SECONDS: Final = 40.0  # the longest story takes about 18
SETTLE_SECONDS: Final = 1.0  # to catch records that must not follow
ENDS_SECONDS: Final = 5.0  # for the last inputs to be handled
LOOK_SECONDS: Final = 0.05


class Receiver:
    """The alarm receiver's producer. Created early: a client takes a second to warm up."""

    def __init__(self, stage: Stage) -> None:
        self._topic = f"{stage.prefix}alerts"
        self._producer = Producer(
            {"bootstrap.servers": stage.kafka, "partitioner": "murmur2_random", "enable.idempotence": True},
            logger=SILENT,
        )
        self._producer.list_topics(self._topic, timeout=ENDS_SECONDS)

    def send(self, alert: Record) -> None:
        """Send an alert; `flush` checks its delivery."""
        self._producer.produce(self._topic, key=alert["site_id"].encode(), value=schemas.encode("Alert", alert))
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait for what was sent. `Failed` when Kafka has not acknowledged it in time."""
        if self._producer.flush(ENDS_SECONDS):
            raise Failed(f"Kafka has not acknowledged every alert sent to {self._topic}")


def play(
    receiver: Receiver, watch: TopicWatch, board: Board, screen: Screen, children: list[Child], started_at: int
) -> None:
    """Raise the alerts and show the outputs; end with the last story, or after `LONGEST_SECONDS`.

    ``started_at`` in ms since 1970, UTC. Raises `Failed` when one of the processes ends.
    """
    alarms = Alarms(EVERY, started_at)
    give_up = time.monotonic() + LONGEST_SECONDS
    over_at: float | None = None
    with screen:
        while time.monotonic() < give_up and (over_at is None or time.monotonic() < over_at + SETTLE_SECONDS):
            for alert in alarms.due(board, now_ms()):
                receiver.send(alert)
            screen.show(watch.look(LOOK_SECONDS), now_ms())
            for child in children:
                child.check()
            if not _is_over(board):
                over_at = None
            elif over_at is None:
                over_at = time.monotonic()
    receiver.flush()


def last_ends(stage: Stage, watch: TopicWatch, board: Board) -> Inputs:
    """Return every input by its place, once each has its end on the board or `ENDS_SECONDS` have passed."""
    give_up = time.monotonic() + ENDS_SECONDS
    while True:
        inputs = read_inputs(stage.kafka, stage.prefix, *EVENTS)
        if inputs.keys() <= board.ended or time.monotonic() > give_up:
            return inputs
        watch.look(LOOK_SECONDS)


def now_ms() -> int:
    """The wall clock, in milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def _is_over(board: Board) -> bool:
    """True once every story has reached its ending, or can no longer."""
    views = [(story, board.site(story.site_id)) for story in EVERY]
    return all(view.is_as_planned(story) or view.has_strayed(story) for story, view in views)
