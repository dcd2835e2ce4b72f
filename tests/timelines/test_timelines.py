"""The core reproduces every story exactly, and together they leave no rule out.

`pytest tests/timelines --rewrite` writes down what the core tells now; the diff is the review.
"""

from pathlib import Path
from typing import Any

import pytest

from streams.escalation.attention_reasons import ATTENTION_REASONS
from streams.escalation.names import QUARANTINE_REASONS, RULES
from streams.escalation.procedures import DEFAULTS
from streams.escalation.tables.answers import ANSWERS
from streams.escalation.tables.callbacks import CALLBACKS
from streams.escalation.tables.deadlines import AMEND_DEADLINES, PHASE_DEADLINES
from streams.escalation.tables.merges import MERGES
from streams.escalation.tables.operators import OPERATIONS
from streams.escalation.tables.partner_reports import REPORTS
from streams.escalation.tables.table import Table
from streams.escalation.values import Attention, Decision, Quarantined
from tests.timelines.story import Story

STORIES = sorted((Path(__file__).parent / "stories").glob("*.txt"))
TABLES: tuple[Table[Any], ...] = (ANSWERS, CALLBACKS, MERGES, OPERATIONS, REPORTS, PHASE_DEADLINES, AMEND_DEADLINES)


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_core_tells_the_story_as_it_is_written(path: Path, pytestconfig: pytest.Config) -> None:
    written = path.read_text(encoding="utf-8")
    told = Story(written).tell()
    if pytestconfig.getoption("--rewrite", default=False) and told != written:
        path.write_text(told, encoding="utf-8")
        written = told
    assert told == written


@pytest.fixture(scope="module")
def told() -> list[Story]:
    stories = [Story(path.read_text(encoding="utf-8")) for path in STORIES]
    for story in stories:
        story.tell()
    return stories


def test_every_row_of_every_table_is_told_in_each_of_its_phases_and_for_both_procedures(told: list[Story]) -> None:
    seen = {row for story in told for row in story.rows}
    declared = {(name, *row) for table in TABLES for row in table.declared() for name in DEFAULTS}
    assert sorted(declared - seen) == []


def test_every_name_of_the_procedure_is_told(told: list[Story]) -> None:
    values = [output.value for story in told for output in story.outputs]
    rules = {value.rule for value in values if isinstance(value, Decision)}
    reasons = {value.reason for value in values if isinstance(value, Attention)}
    refusals = {value.reason for value in values if isinstance(value, Quarantined)}
    # FAILED takes a core that raises: tests/escalation/test_failed.py.
    assert sorted(set(RULES) - rules) == ["FAILED"]
    assert sorted(set(ATTENTION_REASONS) - reasons) == ["FAILED"]
    assert sorted(set(QUARANTINE_REASONS) - refusals) == []
