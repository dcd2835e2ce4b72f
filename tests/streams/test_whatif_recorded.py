"""Nothing changed gives the golden stories and the random worlds of the core again, decision by decision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.escalation.procedures import DEFAULTS, Procedure
from streams.escalation.state import Deadline
from streams.escalation.step import Step
from streams.escalation.values import Event
from streams.whatif.change import Change
from tests.escalation.world import TOPICS, World
from tests.streams.logbook import Logbook, encode
from tests.streams.test_whatif import compare
from tests.support.seeds import seeds
from tests.timelines.phases import STORIES
from tests.timelines.story import Story

FILES = sorted(STORIES.glob("*.txt"))


class LoggedStory(Story):
    """A story that writes the log of its partition."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.book = Logbook()
        self.versions: dict[Any, Procedure] = {(name, one.version): one for name, one in DEFAULTS.items()}

    def _play(self, line: str) -> Iterator[str]:
        yield from super()._play(line)
        if line.startswith("settings "):  # a story may have several; each needs a version of its own
            for name, procedure in self._procedures.items():
                named = procedure._replace(version=f"{procedure.version}.{len(self.versions)}")
                self._procedures[name] = self.versions[name, named.version] = named

    def _site(self, now: int, words: list[str]) -> tuple[str, Step]:
        site_id, step = super()._site(now, words)
        self.book.append("sites", now, site_id.encode(), encode(self._records[site_id].site))
        return self._logged(site_id, step, now)

    def _delete(self, now: int, words: list[str]) -> tuple[str, Step]:
        site_id, step = super()._delete(now, words)
        self.book.append("sites", now, site_id.encode(), None)
        return self._logged(site_id, step, now)

    def _event(self, now: int, topic: str, event: Event) -> tuple[str, Step]:
        site_id, step = super()._event(now, topic, event)
        self.book.append(topic, now, site_id.encode(), encode(event))
        return self._logged(site_id, step, now)

    def _fire(self, deadline: Deadline, site_id: str) -> Step:
        return self._logged(site_id, super()._fire(deadline, site_id), deadline.at)[1]

    def _logged(self, site_id: str, step: Step, now: int) -> tuple[str, Step]:
        self.book.write(step.outputs, site_id, now)
        return site_id, step


class LoggedWorld(World):
    """A random world that writes the log of its partition."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.book = Logbook()

    def known(self) -> Any:
        return self._procedures

    def _take(self, step: Step, event: Event | None) -> None:
        if event is not None:
            self.book.append(TOPICS[type(event)], self.now, b"S1", encode(event))
        elif any(output.topic == "readiness" for output in step.outputs):
            self.book.append("sites", self.now, b"S1", None if self.record is None else encode(self.record.site))
        super()._take(step, event)
        self.book.write(step.outputs, "S1", self.now)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_changed_gives_a_golden_story_again(file: Path) -> None:
    story = LoggedStory(file.read_text(encoding="utf-8"))
    story.tell()
    comparison = compare(story.book, versions=story.versions)
    incidents = {one.incident_id for one in story.book.decisions() if one.incident_id}
    assert comparison.verdicts == ({"SAME": len(incidents)} if incidents else {})
    assert (comparison.additional, comparison.listed) == (0, [])


@pytest.mark.slow
@pytest.mark.parametrize("number", seeds(4, 12))
def test_nothing_changed_gives_a_random_world_again(number: int) -> None:
    world = LoggedWorld(number)
    world.run(300)
    comparison = compare(world.book, known=world.known())
    assert comparison.incidents > 3
    assert comparison.verdicts == {"SAME": comparison.incidents}
    changed = compare(world.book, Change({"SECURITY": {"wait_seconds": 7}}), known=world.known())
    assert changed.verdicts["NOT_JUDGED"] == 0
