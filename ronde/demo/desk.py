"""The story that `ronde desk` answers: its call is taken over the API, as a centre's own program does it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.text import Text

from edges.web.values import write_instant
from ronde.demo import portal, stories
from ronde.demo.api import ANSWER_SECONDS, Api
from ronde.demo.stage import DESK, EVERY, Stage, add_settings, address
from ronde.local.ports import free_port
from ronde.shared.errors import Failed
from ronde.views.site_timeline.board import Record
from ronde.views.site_timeline.moments import Inputs
from service.clock import now_ms
from service.words import normal

ANSWERED: Final = portal.CONFIGURED  # the one whose words are known; the telephony answers the others
OPERATOR: Final = "operator"  # the name of its token, so that of the operator in records
SECONDS: Final = 30.0  # from the start of the stories until its call is answered
_LOOK_SECONDS: Final = 0.2
_REPLY: Final = next(story.replies[0] for story in EVERY if story.site_id == ANSWERED)


class Answer(NamedTuple):
    """A call that was answered, and what it was answered with, by their ids."""

    command_id: str
    result_id: str


def with_desk(stage: Stage) -> Stage:
    """The stage, which has a portal, with a desk, and a telephony that leaves one story to it."""
    api, pages = (free_port(usual) for usual in (6080, 6090))
    own = {"id": stage.folder.name, "port": api, "pages_port": pages, "data_dir": str(stage.folder / DESK)}
    add_settings(stage, {"desk": own})
    script = stories.telephony_script(EVERY) | {ANSWERED: []}  # named, as it answers for those it does not know
    (stage.folder / "telephony.json").write_text(stories.as_json(script), encoding="utf-8")
    return stage._replace(desk=address(api), pages={**stage.pages, DESK: address(pages)})


class Operator:
    """Waits for the story's call from the start on, and answers it as the story has it; in a thread of its own."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._give_up = time.monotonic() + SECONDS
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(1, "operator")
        self._answering = self._threads.submit(self._answer)

    def check(self) -> None:
        """Raise `Failed` when the call could not be answered."""
        if self._answering.done():
            self._answering.result()

    def finish(self) -> Answer:
        """Return what was answered, once it is. Raises `Failed` as `check` does."""
        try:
            return self._answering.result(SECONDS + ANSWER_SECONDS)
        except TimeoutError:
            raise Failed(f"the operator of {ANSWERED} has not come to an end at the desk") from None

    def close(self) -> None:
        """Stop waiting. A request that is on its way ends with the desk, at the latest."""
        self._stop.set()
        self._threads.shutdown(wait=False)

    def _answer(self) -> Answer:
        assert self._stage.desk is not None
        pause, give_up = self._stop.wait, self._give_up
        with closing(Api(self._stage, DESK, self._stage.desk, name=OPERATOR, scope="desk", pause=pause)) as api:
            command_id = self._call(api)
            api.ask("POST", f"/v1/work/{command_id}/take", give_up=give_up)
            word = {"word": normal(portal.WORDS[0])}  # in its normal form a desk has half as much to hash
            judged = api.ask("POST", f"/v1/calls/{command_id}/word", word, give_up=give_up)
            if not judged["right"] or judged["duress"]:
                raise Failed(f"the desk says that the word of {ANSWERED} is wrong: {judged}")
            taken = api.ask("PUT", f"/v1/calls/{command_id}/result", _said(), give_up=give_up)
            if taken["late"]:
                raise Failed(f"the call of {ANSWERED} was over before its answer came to the desk")
        return Answer(command_id, taken["result_id"])

    def _call(self, api: Api) -> str:
        """The call's command, once the desk shows it."""
        while True:
            work = api.ask("GET", "/v1/work", give_up=self._give_up)
            for item in work:
                if item["site_id"] == ANSWERED and item["item"] == "CALL":
                    return str(item["subject"])
            if time.monotonic() > self._give_up or self._stop.wait(_LOOK_SECONDS):
                log = self._stage.folder / f"{DESK}.log"
                raise Failed(f"the desk has not shown the call of {ANSWERED} within {SECONDS:.0f} s; its log: {log}")


def print_answer(
    console: Console, answer: Answer, claims: Iterable[Record], events: Iterable[Record], inputs: Inputs
) -> bool:
    """Print how the call was answered, by the records of it, and each that there is not; True if there are all."""
    results = [record for record in inputs.values() if record.get("result_id") == answer.result_id]
    is_there = {
        "taken": any(
            (claim["subject"], claim["action"], claim["by"]) == (answer.command_id, "TAKE", OPERATOR)
            for claim in claims
        ),
        "the word was right": any(
            (event["subject"], event["action"], event["detail"]) == (answer.command_id, "WORD_TRIED", "RIGHT")
            for event in events
        ),
        str(_REPLY.outcome): bool(results) and all(_is_of(result, answer) for result in results),
    }
    is_right = all(is_there.values())
    mark = ("✓", "green") if is_right else ("✗", "red")
    call = answer.command_id.rpartition("-c")[2]
    console.print(Text.assemble(mark, f" {ANSWERED} answered by the desk's API: call {call} {', '.join(is_there)}"))
    for what in (what for what, is_said in is_there.items() if not is_said):
        console.print(Text(f"  no record says: {what}", "red"))
    return is_right


def _is_of(result: Record, answer: Answer) -> bool:
    expected = (answer.command_id, _REPLY.outcome, _REPLY.situation, OPERATOR)
    return expected == tuple(result[name] for name in ("command_id", "outcome", "situation", "operator"))


def _said() -> dict[str, Any]:
    at = write_instant(now_ms())
    return {"outcome": _REPLY.outcome, "situation": _REPLY.situation, "detail": _REPLY.detail, "at": at}
