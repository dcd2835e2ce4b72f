"""``make diagrams``: draw docs/phases.svg from the tables.

``phases.svg.in`` beside this file has boxes and arrows. Which rules stand at an arrow, and which times in a box, comes
from the core: the stories reach every row of every table in each of its phases, so the phases that their decisions
lead from and to are all there are.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from streams.escalation.names import OPEN_PHASES, RULES, Phase, Rule
from streams.escalation.procedures import SECURITY
from streams.escalation.values import Decision
from tests.timelines.story import Story

TEMPLATE: Final = Path(__file__).parent / "phases.svg.in"
DRAWING: Final = Path(__file__).parents[2] / "docs" / "phases.svg"
STORIES: Final = Path(__file__).parent / "stories"

Change: TypeAlias = tuple[str, str]  # from a phase, or START, to another
_START: Final = "START"
_ARROW: Final = re.compile(r" *<rules ((?:[\w-]+=\"[^\"]*\" ?)+)/>\n")


def changes() -> dict[Change, set[Rule]]:
    """The rules that lead from one phase to another."""
    rules: dict[Change, set[Rule]] = defaultdict(set)
    for path in sorted(STORIES.glob("*.txt")):
        story = Story(path.read_text(encoding="utf-8"))
        story.tell()
        for decision in (output.value for output in story.outputs if isinstance(output.value, Decision)):
            if decision.phase_to is not None and decision.phase_from != decision.phase_to:
                rules[decision.phase_from or _START, decision.phase_to].add(decision.rule)
    handed_over: Phase = "HANDED_OVER"
    for phase in OPEN_PHASES:
        if phase != handed_over:
            rules[phase, handed_over].add("FAILED")  # of a core that raises, which no story has
    return rules


def drawn() -> str:
    """The drawing. Raises `AssertionError` when the template has no arrow for a change of phase."""
    rules = changes()
    arrows: set[Change] = set()

    def labels(match: re.Match[str]) -> str:
        arrow = dict(re.findall(r'([\w-]+)="([^"]*)"', match[1]))
        arrows.update((phase, arrow["to"]) for phase in arrow["from"].split())
        return _labels(arrow, rules)

    drawing = _ARROW.sub(labels, TEMPLATE.read_text(encoding="utf-8"))
    assert not rules.keys() - arrows, f"{TEMPLATE} has no arrow for {rules.keys() - arrows}"
    times = {name: _words(value) for name, value in SECURITY._asdict().items() if name.endswith("_seconds")}
    return re.sub(r"\{(\w+_seconds)\}", lambda match: times[match[1]], drawing)


def _labels(arrow: Mapping[str, str], rules: Mapping[Change, set[Rule]]) -> str:
    """An arrow's rules, a line each; those that lead to the phase ``without`` as well are left out."""
    phases = arrow["from"].split()
    named = set[Rule]().union(*(rules.get((phase, arrow["to"]), set()) for phase in phases))
    named -= set[Rule]().union(*(rules.get((phase, arrow.get("without", "")), set()) for phase in phases))
    assert named, f"{TEMPLATE} has an arrow that no rule takes: {arrow}"
    place, step = int(arrow["y"]), int(arrow["step"])
    return "".join(
        f'  <text class="{arrow["class"]}" x="{arrow["x"]}" y="{place + step * number}">{rule}</text>\n'
        for number, rule in enumerate(rule for rule in RULES if rule in named)
    )


def _words(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds % 3600 == 0 and seconds > 3600 else f"{seconds // 60} min"


if __name__ == "__main__":
    DRAWING.write_text(drawn(), encoding="utf-8")
