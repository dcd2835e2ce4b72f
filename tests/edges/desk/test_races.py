"""Two desks and two people on one call; desks killed amid a take and amid a word; words that are nowhere.

The long forms (`pytest -m soak`) do the same 200 times, or 20 times with a kill.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import httpx
import pytest

from tests.edges.desk.conftest import StartDesk
from tests.edges.desk.floor import THREAT, WORD, OperatorClient, code, contacts, now, written
from tests.kafka.world import World
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("engine")


def homes(world: World, engine: RondeProcess, *site_ids: str) -> None:
    """Homes whose alarms are to be taken."""
    engine.wait_ready()
    for site_id in site_ids:
        world.site(site_id, contacts=contacts(site_id))
    for site_id in site_ids:
        world.wait_for(site_id, "readiness")
    for site_id in site_ids:
        world.alert(site_id, "A1")


def test_one_call_two_desks_one_holder(
    world: World, engine: RondeProcess, start_desk: StartDesk, seed: int, is_soak: bool
) -> None:
    first, second = start_desk("desk-1"), start_desk("desk-2")
    homes(world, engine, "S1")
    ann, bob = first.operator("ann"), second.operator("bob")
    subject = ann.wait_call("S1")["subject"]
    bob.wait_call("S1")
    deadline = time.monotonic() + 100  # the call is over after two minutes
    rounds = 0
    with ThreadPoolExecutor(2) as pool:
        while rounds < (200 if is_soak else 20) and time.monotonic() < deadline:
            answers = list(pool.map(lambda client: client.take(subject), (ann, bob)))
            assert sorted(answer.status_code for answer in answers) == [200, 409]
            holders = {answer.json()["holder"]["by"] for answer in answers}
            assert len(holders) == 1
            winner: OperatorClient = next(client for client in (ann, bob) if client.name in holders)
            assert winner.post(f"/v1/work/{subject}/release").status_code == 200
            eventually(lambda: all(c.wait_call("S1")["holder"] is None for c in (ann, bob)), "released")
            rounds += 1
    assert rounds >= (200 if is_soak else 5)
    actions = Counter(claim.action for claim in written(world, "claims") if claim.subject == subject)
    assert actions == {"TAKE": 2 * rounds, "RELEASE": rounds}


def test_one_result_of_each_call(
    world: World, engine: RondeProcess, start_desk: StartDesk, seed: int, is_soak: bool
) -> None:
    first, second = start_desk("desk-1"), start_desk("desk-2")
    ann, bob = first.operator("ann"), second.operator("bob")
    site_ids = [f"S{number}" for number in range(200 if is_soak else 8)]
    for at in range(0, len(site_ids), 20):
        homes(world, engine, *site_ids[at : at + 20])
        with ThreadPoolExecutor(2) as pool:
            for site_id in site_ids[at : at + 20]:
                subject = ann.wait_call(site_id)["subject"]
                bob.wait_call(site_id)

                def answer(client: OperatorClient, subject: str = subject) -> tuple[int, int]:
                    taken = client.take(subject)
                    return taken.status_code, client.result(subject, "NOT_IDENTIFIED", "NORMAL").status_code

                assert sorted(pool.map(answer, (ann, bob))) == [(200, 202), (409, 409)]
    counted = Counter(result.site_id for result in written(world, "call-results"))
    assert counted == dict.fromkeys(site_ids, 1)


def cut(pool: ThreadPoolExecutor, request: Callable[[], httpx.Response], kill: Callable[[], None], wait: float) -> Any:
    """Kill a desk so long after a request began; the answer, or None where none came."""
    pending = pool.submit(request)
    time.sleep(wait)
    kill()
    with suppress(httpx.TransportError):
        return pending.result()
    return None


def test_a_desk_killed_amid_a_take(
    world: World, engine: RondeProcess, start_desk: StartDesk, seed: int, is_soak: bool
) -> None:
    desk, other = start_desk("desk-1"), start_desk("desk-2")
    site_ids = [f"S{number}" for number in range(20 if is_soak else 2)]
    for number, site_id in enumerate(site_ids):
        homes(world, engine, site_id)
        ann, bob, zoe = desk.operator("ann"), other.operator("bob"), other.operator("zoe")
        subject = ann.wait_call(site_id)["subject"]
        bob.wait_call(site_id)
        with ThreadPoolExecutor(1) as pool:
            took = cut(pool, partial(ann.take, subject), desk.kill, 0.004 + 0.003 * number)
        second = bob.take(subject)
        if took is not None and took.status_code == 200:  # said, so kept
            assert code(second) == "HELD"
            assert second.json()["holder"]["by"] == "ann"
        holder = second.json()["holder"]["by"]
        assert second.status_code == (200 if holder == "bob" else 409)
        desk.start()
        again = desk.operator("ann").wait_call(site_id)
        assert again["holder"]["by"] == holder  # who starts again comes to the same
        assert zoe.take(subject, over=True).json()["holder"]["by"] == "zoe"
        assert zoe.result(subject, "NOT_IDENTIFIED", "NORMAL").status_code == 202


def test_a_desk_killed_amid_a_word_for_threat(
    world: World, engine: RondeProcess, start_desk: StartDesk, seed: int, is_soak: bool
) -> None:
    desk, other = start_desk("desk-1"), start_desk("desk-2")
    for number in range(20 if is_soak else 2):
        site_id = f"S{number}"
        homes(world, engine, site_id)
        ann = desk.operator("ann")
        subject = ann.wait_call(site_id)["subject"]
        assert ann.take(subject).status_code == 200
        with ThreadPoolExecutor(1) as pool:
            judged = cut(pool, partial(ann.word, subject, THREAT), desk.kill, 0.06 + 0.06 * number)
        again = other.operator("ann").word(subject, THREAT)
        assert again.json()["duress"] is True
        if judged is not None:
            assert (judged.status_code, again.json()["tries_left"]) == (200, 1)
        world.wait_for(site_id, "decisions", rule="DURESS")
        tried = [event for event in written(world, "desk-log") if event.subject == subject]
        results = {result.result_id for result in written(world, "call-results") if result.command_id == subject}
        assert len(tried) == 3 - again.json()["tries_left"]
        assert len(results) == 1
        assert world.rules(site_id).count("DURESS") == 1
        desk.start()


def test_words_are_nowhere(world: World, engine: RondeProcess, start_desk: StartDesk) -> None:
    desk = start_desk("desk-1", log={"level": "debug"})
    homes(world, engine, "S1", "S2")
    ann = desk.operator("ann")
    heard: list[str] = []
    ann.http.event_hooks["response"].append(
        lambda answer: heard.append(f"{answer.url} {answer.headers} {answer.read().decode()}")
    )
    typed = ("Fluorescente-Wrong", f"  {WORD.upper()} ", THREAT)
    for site_id, words in (("S1", typed[:2]), ("S2", typed[2:])):
        subject = ann.wait_call(site_id)["subject"]
        assert ann.take(subject).status_code == 200
        for word in words:
            assert ann.word(subject, word).status_code == 200
        ann.result(subject, "IDENTIFIED", "NORMAL")
        for page in (f"/work/{subject}", f"/v1/incidents/{subject.partition('-')[0]}", "/", "/held", "/sites/S1"):
            assert ann.http.get(page, follow_redirects=True).status_code == 200
    assert ann.http.post("/v1/sites/S1/callbacks", json={"contact_id": "S1-1", "key": now()}).status_code == 201
    desk.stop()
    told = "\n".join([*heard, desk.log.read_text(encoding="utf-8")]).lower()
    kept = str([written(world, topic) for topic in ("claims", "desk-log", "call-results")]).lower()
    assert "word_tried" in kept
    for word in typed:
        assert word.strip().lower() not in told
        assert word.strip().lower() not in kept
    assert "argon2" not in told + kept
