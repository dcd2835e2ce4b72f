"""All stories of the demonstration at once on a real broker, record by record the same as in virtual time.

Equal per site and topic, in order, every field, once incident ids are named by order of opening and offsets
left out (sites share partitions). From decision to decision, and to each deadline, it takes as long as simulated,
within 1 s; every other instant stands exactly as far from its decision.
"""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from edges.panel.dialler import Way
from ronde.demo.agenda import Record
from ronde.demo.panels import Panels, import_transmitters, shipped
from ronde.demo.play import last_ends, play
from ronde.demo.stage import EVERY, PROCESSES, SITES, prepare, start, wait_until_ready
from ronde.demo.watch import TopicWatch
from ronde.input_files.loading import load as load_lines
from ronde.input_files.site_lines import SiteLines
from ronde.local.kafka import Kafka
from ronde.local.ports import HOST
from ronde.shared.whole_settings import WholeSettings
from ronde.views.site_timeline.board import Board, SiteView
from service.clock import now_ms
from streams.kafka import topics
from streams.settings import load
from tests.cli.demo.virtual import World
from tests.machine import stretched

TOPICS: Final = ("decisions", "calls", "dispatches", "attention", "quarantine", "readiness")
# Of an alert: compared by which alert of the site it is.
RAISED: Final = {"first_alert_at", "last_alert_at"}
# Of the decision or after it: compared by their distance to it.
DECIDED: Final = {"at", "expires_at", "issued_at", "raised_at", "respond_by"}
LEFT_OUT: Final = {"alert", "deadline", "offset", "partition", "site_offset"}
TOLERANCE_MS: Final = 1000


class NoScreen:
    """Nobody watches."""

    def show(self, seen: list[tuple[str, Record]], now: int) -> None:
        return None

    def close(self) -> None:
        return None


@pytest.fixture(scope="module")
def live(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """What came of the stories on the broker."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.chdir(tmp_path_factory.mktemp("stories"))
        stage = prepare(kafka.bootstrap_servers)
        settings = load(stage.settings, {}, WholeSettings)
        topics.create(settings)
        import_transmitters(settings)
        children = []
        for name in PROCESSES:
            children.append(start(stage, name))
            stack.callback(children[-1].stop)
        board = Board()
        watch = stack.enter_context(closing(TopicWatch(stage.kafka, stage.prefix, board)))
        with Path(str(SITES)).open("rb") as lines:
            sites = load_lines(SiteLines(lines), settings, "sites")
        wait_until_ready(stage, children)

        def judged() -> bool:
            watch.look(0.05)
            return board.judged >= sites

        children[0].wait_until(judged, 20, "did not judge every site")
        panels = stack.enter_context(closing(Panels(Way(HOST, stage.receiver_port), shipped())))
        play(panels, watch, board, NoScreen(), children, now_ms())
        last_ends(stage, watch, board)
        return board


@pytest.fixture(scope="module")
def simulated() -> Board:
    return World().run()


@pytest.mark.parametrize("site_id", [story.site_id for story in EVERY])
def test_a_site_lives_as_it_was_simulated(live: Board, simulated: Board, site_id: str) -> None:
    came, expected = live.site(site_id), simulated.site(site_id)
    for topic in TOPICS:
        assert list(told(came, topic)) == list(told(expected, topic))
    late = [step - planned for step, planned in zip(steps(came), steps(expected), strict=True)]
    assert min(late, default=0) > -TOLERANCE_MS
    assert max(late, default=0) < stretched(TOLERANCE_MS), "a busy machine may be late, but decides nothing early"
    assert deadlines(came) == pytest.approx(deadlines(expected), abs=TOLERANCE_MS)


def steps(view: SiteView) -> list[int]:
    """The time between each decision and the one before, ms."""
    times = [decision["at"] for decision in view.decisions]
    return [after - before for before, after in pairwise(times)]


def deadlines(view: SiteView) -> list[int | None]:
    """How far the next deadline lies ahead of each decision, ms; None: the incident is closed."""
    return [decision["deadline"] and decision["deadline"] - decision["at"] for decision in view.decisions]


def told(view: SiteView, topic: str) -> Iterator[Record]:
    """A site's records of a topic without what differs rightly; each at the time of the decision that names it."""
    opened = [decision["incident_id"] for decision in view.decisions if decision["version"] == 1]
    names = {incident: f"#{number}" for number, incident in enumerate(opened, start=1)}
    decided = {name: decision["at"] for decision in view.decisions for name in decision["outputs"]}
    alerts = sorted({record[field] for record in view.dispatches for field in RAISED} - {None})
    for record in getattr(view, topic):
        at = decided.get(record.get("command_id", record.get("attention_id")), record.get("at"))
        assert at is not None, "a decision names every command and attention"

        def plain(name: str, value: Any, at: int = at) -> Any:
            if name in RAISED:
                return None if value is None else f"alert {alerts.index(value)}" if value in alerts else "alert"
            if name in DECIDED:
                return None if value is None else value - at
            if isinstance(value, dict):
                return {inner: plain(inner, field) for inner, field in value.items() if inner not in LEFT_OUT}
            if isinstance(value, list):
                return [plain(name, item) for item in value]
            return _named(value, names) if isinstance(value, str) else value

        yield plain(topic, record)


def _named(text: str, names: dict[str, str]) -> str:
    for incident, name in names.items():
        text = text.replace(incident, name)
    return text
