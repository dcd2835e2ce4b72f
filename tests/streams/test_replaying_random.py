"""Random inputs at two sites: what was decided is decided the same again."""

import random
from typing import Any

import pytest

from streams.escalation.values import DispatchReport, Intervention, OperatorAction
from tests.streams.logbook import Input, Logbook, alert, callback, no_answer, seconds, site
from tests.support.seeds import seeds


@pytest.mark.parametrize("most", [None, 1, 0])
@pytest.mark.parametrize("story", seeds(5, 15))
def test_random_inputs_are_decided_the_same_again(story: int, most: int | None) -> None:
    """Also where fewer deadlines go before inputs than are due, but for those of the inputs' own sites."""
    book = Logbook()
    world = random.Random(story)
    at = 0.0
    for number in range(100):
        at += world.choice([0.0, 0.5, 30.0, 121.0, 700.0])
        random_chunk(world, book, number, at, most)
    verdict = book.replay()
    assert (verdict.differences, verdict.unchecked) == ([], [])
    assert verdict.decisions == len(book.logs["decisions"])
    assert verdict.quarantined == len(book.logs["quarantine"])


def random_chunk(world: random.Random, book: Logbook, number: int, at: float, most: int | None = None) -> None:
    """Some inputs, and at times the worker is a new one and some of them have waited for it."""

    def some(kind: str) -> list[Input]:
        return [anything(world, book, f"{number}.{kind}{place}", at) for place in range(world.choice([0, 1, 1, 3]))]

    is_new = world.random() < 0.2
    waited = some("w") if is_new else ()
    is_caught_up = not is_new or world.random() < 0.8
    book.chunk(at, *some("n"), waited=waited, is_caught_up=is_caught_up, most=most)


def anything(world: random.Random, book: Logbook, name: str, at: float) -> Input:
    """Some input at one of two sites."""
    site_id = world.choice(["S1", "S2"])
    kind = world.choices(["site", "delete", "alert", "result", "report", "action"], [2, 1, 8, 8, 4, 1])[0]
    decisions = [one for one in book.decisions() if one.site_id == site_id and one.outputs]
    command = world.choice(decisions[-3:]).outputs[-1] if decisions else "none-c1.1"
    incident = command.partition("-")[0]
    match kind:
        case "site":
            partners = world.choice([(), ("P1",), ("P1", "P2")])
            intervention = Intervention(world.random() < 0.9, partners)
            return site(site_id, subscribed=world.random() < 0.8, intervention=intervention)
        case "delete":
            return site_id
        case "alert":
            alert_kind = world.choice(["INTRUSION", "FIRE", "TAMPER", "OTHER"])
            return alert(f"A{world.randint(1, 30)}", alert_kind, site_id, at)
        case "result":
            said = world.choice(
                [
                    ("NO_ANSWER", "UNKNOWN"),
                    ("IDENTIFIED", "NORMAL"),
                    ("WRONG_CODE", "NORMAL"),
                    ("DURESS_CODE", "NORMAL"),
                ]
            )
            if world.random() < 0.6:
                return no_answer(f"R{name}", command, site_id)
            return callback(f"R{name}", *said, site_id=site_id, incident=world.choice([None, incident]))
        case "report":
            status: Any = world.choice(["ACCEPTED", "REJECTED", "EN_ROUTE", "ON_SITE", "CLOSED"])
            return DispatchReport(
                f"D{name}", site_id, incident, f"{incident}-d1", "P1", status, None, None, seconds(at)
            )
    verb: Any = world.choice(["CLOSE", "DISPATCH"])
    return OperatorAction(f"O{name}", site_id, incident if verb == "CLOSE" else None, verb, "", "zoe", seconds(at))
