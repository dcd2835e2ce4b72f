"""A shift: incidents worked by scripted browsers at a desk beside an engine, compared with the core in virtual time.

What each contact says follows from the number of the incident. The long form (`make soak-desk`) has 200 incidents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from tests.conftest import SettingsFile
from tests.edges.desk.conftest import StartDesk
from tests.edges.desk.floor import PARTITIONS, PASSWORD, THREAT, WORD, contacts, written
from tests.edges.desk.scene import Scene, contact
from tests.kafka.world import World, worker
from tests.support.browser import browser, sign_in
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
pytestmark = pytest.mark.slow

WRONG: Final = "emeraude"
SITUATIONS: Final = {"NORMAL": "g", "ABNORMAL": "b", "UNKNOWN": "u"}
OUTCOMES: Final = {"IDENTIFIED": "1", "NOT_IDENTIFIED": "2", "WRONG_CODE": "3", "NO_ANSWER": "4"}
FIRST, SECOND = "Hélène Durand", "Bob Durand"  # of each home, in the order in which they are called
CALL_SECONDS: Final = 900  # no call times out, however slow the machine is


class Answer(NamedTuple):
    """What comes of a call: the words that are said, then the outcome; a word for threat is the outcome."""

    words: tuple[str, ...]
    outcome: str
    situation: str = "UNKNOWN"


RIGHT: Final = Answer((WORD,), "IDENTIFIED", "NORMAL")
NOBODY: Final = Answer((), "NO_ANSWER")
# Per kind of story: an alarm's kind, and what each contact says, by name.
STORIES: Final[tuple[tuple[str, dict[str, Answer]], ...]] = (
    ("INTRUSION", {FIRST: RIGHT}),
    ("FIRE", {FIRST: NOBODY, SECOND: RIGHT}),
    ("INTRUSION", {FIRST: Answer((WRONG, THREAT), "DURESS_CODE")}),
    ("HOLD_UP", {FIRST: Answer((WRONG, WORD), "IDENTIFIED", "ABNORMAL")}),
    ("TAMPER", {FIRST: NOBODY, SECOND: Answer((WRONG,), "WRONG_CODE", "NORMAL")}),
    ("INTRUSION", {FIRST: Answer((), "NOT_IDENTIFIED", "NORMAL")}),
)


class Course(NamedTuple):
    """What becomes of a story in the core: the rules that decided, and the answers to its calls."""

    rules: list[str]
    answers: list[Answer]


def course(number: int) -> Course:
    """A story in virtual time, with answers a second apart."""
    kind, sayings = STORIES[number % len(STORIES)]
    scene = Scene()
    answers: list[Answer] = []
    scene.site("S1", contact("ann"), contact("bob", "OWNER", "+33639980002"))
    scene.alert(0, kind)
    while True:
        decision = scene.values("decisions")[-1]
        commands = {call.command_id: call for call in scene.values("calls")}
        asked = [commands[output] for output in decision.outputs if output in commands]
        if not asked or asked[0].action == "CANCEL":
            return Course([str(decision.rule) for decision in scene.values("decisions")], answers)
        answer = sayings.get((FIRST, SECOND)[asked[0].position - 1], RIGHT)
        answers.append(answer)
        scene.result(len(answers), asked[0].command_id, answer.outcome, answer.situation)


@pytest.fixture
def engine(settings_file: SettingsFile, world: World) -> Iterator[RondeProcess]:
    """A worker that waits long for answers."""
    procedures = {
        name: {"version": f"{name.lower()}/shift", "call_timeout_seconds": CALL_SECONDS}
        for name in ("SECURITY", "FIRE")
    }
    made = settings_file(topics={"partitions": PARTITIONS}, worker={"catch_up_seconds": 1}, procedures=procedures)
    with worker(made) as process:
        yield process


class Operator:
    """Somebody at a browser, who knows keys alone."""

    def __init__(self, page: Page, address: str, name: str) -> None:
        self.page = page
        self.answered: list[str] = []
        sign_in(page, address, name, PASSWORD)
        page.wait_for_selector("#next")

    def work(self, stories: dict[str, dict[str, Answer]]) -> bool:
        """Take the next piece of work and do it; False: there is none."""
        page = self.page
        if page.query_selector("#next"):
            page.wait_for_selector("html[data-keys]")
            page.keyboard.press("n")
            page.wait_for_function(
                "() => document.getElementById('status')?.textContent || !document.getElementById('next')"
            )
            if page.query_selector("#next"):
                page.evaluate("() => { document.getElementById('status').textContent = '' }")
                return False
        page.wait_for_selector("#holder.good")
        if page.query_selector("#seen-form"):
            page.keyboard.press("Escape")
            page.evaluate("() => document.activeElement.blur()")  # the note has the focus
            page.keyboard.press("s")
            page.wait_for_selector("#next")
            return True
        site_id = page.inner_text("[aria-labelledby=whom] dd a")
        name = page.inner_text("h1").partition(": ")[2]
        self._answer(stories[site_id].get(name, RIGHT))
        self.answered.append(page.url)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: url != self.answered[-1])
        page.wait_for_selector("#next, #holder")
        return True

    def _answer(self, answer: Answer) -> None:
        page = self.page
        for word in answer.words:
            page.fill("#word", "")
            page.keyboard.type(word)
            page.keyboard.press("Enter")
            page.wait_for_selector("#verdict.warning" if word == WRONG else "#verdict.good")
        if answer.outcome != "DURESS_CODE":
            page.evaluate("() => document.activeElement.blur()")
            page.keyboard.press(SITUATIONS[answer.situation])
            page.keyboard.press(OUTCOMES[answer.outcome])
        page.wait_for_selector("#after:not([hidden])")


def test_a_shift(
    world: World, engine: RondeProcess, start_desk: StartDesk, browser: Browser, seed: int, is_soak: bool
) -> None:
    count, names = (200, ("ann", "bob", "zoe")) if is_soak else (5, ("ann", "zoe"))
    desk = start_desk()
    engine.wait_ready()
    stories = {}
    for number in range(count):
        stories[f"S{number}"] = STORIES[number % len(STORIES)][1]
        world.site(f"S{number}", contacts=contacts(f"S{number}"))
    for number in range(count):
        world.wait_for(f"S{number}", "readiness")
        world.alert(f"S{number}", f"A{number}", kind=STORIES[number % len(STORIES)][0])
    with ExitStack() as stack:
        operators = []
        for name in names:
            context = browser.new_context(locale="en-GB")
            stack.callback(context.close)
            operators.append(Operator(context.new_page(), desk.wait_listening(), name))
        courses = {f"S{number}": course(number) for number in range(count)}

        def has_ended() -> bool:
            busy = [operator.work(stories) for operator in operators]
            return not any(busy) and all(
                len(world.rules(site_id)) >= len(rules) for site_id, (rules, _) in courses.items()
            )

        eventually(has_ended, "the shift ends", 120 * count)
    for site_id, (rules, _) in courses.items():
        assert world.rules(site_id)[: len(rules)] == rules, site_id
    answers = [answer for course in courses.values() for answer in course.answers]
    results = Counter(result.command_id for result in written(world, "call-results"))
    assert set(results.values()) == {1}, "each call has one answer"
    assert len(results) == len(answers)
    tried = Counter(event.detail for event in written(world, "desk-log") if event.action == "WORD_TRIED")
    said = Counter(word for answer in answers for word in answer.words)
    assert tried == {"RIGHT": said[WORD], "WRONG": said[WRONG], "DURESS": said[THREAT]}
    assert all(len(operator.answered) > 0 for operator in operators), "each had their share"
