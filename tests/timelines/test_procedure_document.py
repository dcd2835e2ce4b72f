"""procedure.md shows what the core tells, and names all that the core names."""

import re
from pathlib import Path

from streams.escalation.attention_reasons import ATTENTION_REASONS
from streams.escalation.names import QUARANTINE_REASONS, RULES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "procedure.md").read_text("utf-8")
STORIES = Path(__file__).parent / "stories"


def scenes(text: str) -> list[str]:
    """Each input with all that came of it."""
    return re.findall(r"^\S.*\n(?:    .*\n)*", text, re.MULTILINE)


def tells(story: list[str], example: list[str]) -> bool:
    """Whether the story has all scenes of the example, in their order."""
    rest = iter(story)
    return all(scene in rest for scene in example)


def test_every_example_is_an_excerpt_of_one_story() -> None:
    stories = [scenes(path.read_text("utf-8")) for path in STORIES.glob("*.txt")]
    examples = re.findall(r"^```\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert examples
    assert [text for text in examples if not any(tells(story, scenes(text)) for story in stories)] == []


def test_the_list_of_names_is_the_cores() -> None:
    listed = DOCUMENT.partition("\n## 8. All names\n")[2].partition("\n## ")[0]
    rules, _, rest = listed.partition("**Reasons of an attention**")
    attentions, _, quarantines = rest.partition("**Reasons of a quarantine**")
    for text, names in ((rules, RULES), (attentions, ATTENTION_REASONS), (quarantines, QUARANTINE_REASONS)):
        named = re.findall(r"`([A-Z_]+)`", text)
        assert len(named) == len(set(named))
        assert set(named) == set(names)
