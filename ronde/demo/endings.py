"""How a site's story has ended so far, compared with the ending that was planned."""

from itertools import takewhile

from ronde.demo.stories import Ending, Story
from ronde.views.site_timeline.board import SiteView


def ending_of(view: SiteView) -> Ending:
    """Return the site's ending so far."""
    last = view.last
    dispositions = [decision["disposition"] for decision in view.decisions if decision["disposition"]]
    requests = [command for command in view.dispatches if command["action"] == "REQUEST"]
    quarantined = view.quarantine[-1] if view.quarantine else None
    return Ending(
        rules=view.rules,
        phase=last["phase_to"] if last else None,
        disposition=dispositions[-1] if dispositions else None,
        partners=tuple(dict.fromkeys(command["partner_id"] for command in requests)),
        covert=bool(view.dispatches) and all(command["covert"] for command in view.dispatches),
        attention=tuple(raised["reason"] for raised in view.attention),
        quarantine=quarantined["reason"] if quarantined else None,
        missing=tuple(quarantined["missing"]) if quarantined else (),
    )


def is_as_planned(story: Story, view: SiteView) -> bool:
    """True once the site has reached the story's ending, and nothing else."""
    return ending_of(view) == story.ending


def has_strayed(story: Story, view: SiteView) -> bool:
    """True once the site can no longer reach the story's ending."""
    planned, came = story.ending, ending_of(view)
    return came.rules != planned.rules[: len(came.rules)] or came.quarantine not in {None, planned.quarantine}


def differences(planned: Ending, came: Ending) -> list[str]:
    """Return the differences from the story, one line a field; of the rules, from the first difference on."""
    lines = []
    pairs = zip(planned.rules, came.rules, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    for field in Ending._fields:
        expected, got = getattr(planned, field), getattr(came, field)
        if expected == got:
            continue
        after = ""
        if field == "rules" and same:
            after = f" after {planned.rules[same - 1]}"
            expected, got = expected[same:], got[same:]
        lines.append(f"{field}{after}: expected {_text(expected)}, came {_text(got)}")
    return lines


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(value) or "none"
    return "none" if value is None else str(value)
