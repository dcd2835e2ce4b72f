"""The drawing of the phases shows the changes of phase that the tables make."""

from tests.timelines import phases


def test_the_drawing_is_up_to_date() -> None:
    assert phases.DRAWING.read_text(encoding="utf-8") == phases.drawn(), "make diagrams"
