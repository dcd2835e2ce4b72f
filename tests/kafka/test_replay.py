"""What a worker decided is decided the same again, from the topics alone; and what was falsified there is found."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from streams.escalation.procedures import DEFAULTS
from tests.conftest import MakeSettings, Run, SettingsFile
from tests.kafka.conftest import WorkerFile
from tests.kafka.published import publish
from tests.kafka.world import World, now_ms, worker
from tests.streams.logbook import Logbook, alert, callback, encode, no_answer, site
from tests.support.topics import create_kept
from tests.support.waiting import eventually

DAY = 24 * 3600
QUICK = {"wait_seconds": 1, "call_timeout_seconds": 2}


@pytest.fixture
def published(settings: MakeSettings, settings_file: SettingsFile, client_log: logging.Logger) -> Callable[..., Path]:
    """Put a logbook on the broker; the settings file that leads to it."""

    def put(book: Logbook, **sections: Any) -> Path:
        one = {"topics": {"partitions": 1}, **sections}
        made = settings(**one)
        create_kept(made)
        publish(book, made, client_log)
        return settings_file(**one)

    return put


def weeks() -> Logbook:
    """A site with an incident now and then, and another one whose incident never ends."""
    book = Logbook()
    book.chunk(0, site(), site("S2"), alert("B1", "FIRE", "S2"))
    for day in range(3):
        book.chunk(day * 2 * DAY + 10, alert(f"A{day}", raised=day), alert("O", "OTHER", raised=day))
        book.chunk(day * 2 * DAY + 20, no_answer(f"R{day}", book.last_id()))
        book.chunk(day * 2 * DAY + 30, callback(f"C{day}", "IDENTIFIED", "NORMAL"))
    return book


def incidents_of(book: Logbook, site_id: str) -> list[str]:
    """The incidents of a site, in order of opening."""
    return list(
        dict.fromkeys(one.incident_id for one in book.decisions() if one.site_id == site_id and one.incident_id)
    )


def test_a_site_is_decided_the_same_again(published: Callable[..., Path], run: Run) -> None:
    book = weeks()
    file = published(book)
    told = json.loads(run("replay", "--site", "S1", "--settings", file, "--json").out)
    decided = [one for one in book.decisions() if one.site_id == "S1"]
    assert told == {
        "site_id": "S1",
        "decisions": len(decided),
        "commands": sum(len(one.outputs) for one in decided),
        "quarantined": 3,
        "differences": [],
        "unchecked": [],
    }
    shown = run("replay", "--site", "S1", "--settings", file)
    assert (shown.exit, shown.err) == (0, "")
    assert "all the same" in shown.out
    assert shown.out.count("OPENED") == 3


def test_an_incident_is_found_and_only_what_it_needs_is_replayed(published: Callable[..., Path], run: Run) -> None:
    book = weeks()
    file = published(book)
    last = incidents_of(book, "S1")[-1]
    for where in ([], ["--site", "S1"]):
        ran = run("replay", "--incident", last, *where, "--settings", file, "--json")
        told = json.loads(ran.out)
        assert (ran.exit, told["site_id"], told["decisions"], told["differences"]) == (0, "S1", 3, [])
    assert run("replay", "--incident", last, "--settings", file).out.count("OPENED") == 1
    endless = json.loads(run("replay", "--incident", incidents_of(book, "S2")[0], "--settings", file, "--json").out)
    assert endless["differences"] == endless["unchecked"] == []


def deleted_site() -> Logbook:
    """Decided before and after the tombstone: both decisions on its incident name offset 0 of `sites`."""
    book = Logbook()
    book.chunk(0, site(), alert())
    book.chunk(10, "S1", callback("R1", "IDENTIFIED", "NORMAL"))
    book.chunk(20, callback("R2", "IDENTIFIED", "NORMAL"))
    return book


def test_what_was_decided_for_a_deleted_site_that_is_compacted_away_is_left_out(
    published: Callable[..., Path], run: Run, settings: MakeSettings, client_log: logging.Logger
) -> None:
    book = deleted_site()
    book.logs["sites"].clear()
    file = published(book)
    made = settings(topics={"partitions": 1})
    # Offsets of a compacted log have gaps, as those of an aborted transaction are.
    aborted = Producer({**made.client("producer"), "transactional.id": f"{made.prefix}gap"}, logger=client_log)
    aborted.init_transactions()
    aborted.begin_transaction()
    aborted.produce(made.topic("sites"), b"?", b"S1", 0)
    aborted.flush()
    aborted.abort_transaction()
    ran = run("replay", "--site", "S1", "--settings", file, "--json")
    told = json.loads(ran.out)
    assert (ran.exit, told["differences"], told["decisions"]) == (0, [], 1)
    assert [one["reason"] for one in told["unchecked"]] == ["its site record is not in the log any more"] * 2


def test_a_site_record_in_whose_place_there_is_another_sites_is_a_difference(
    published: Callable[..., Path], run: Run
) -> None:
    """Compaction leaves every record in its place: this one was never there."""
    book = deleted_site()
    book.logs["sites"] = [one._replace(key=b"S2", value=encode(site("S2"))) for one in book.logs["sites"]]
    ran = run("replay", "--site", "S1", "--settings", published(book), "--json")
    told = json.loads(ran.out)
    assert (ran.exit, [one["what"] for one in told["differences"]]) == (1, ["NO_SITE_RECORD"])


def test_the_first_that_differs_is_shown_without_what_is_personal(published: Callable[..., Path], run: Run) -> None:
    book = weeks()
    at = next(number for number, one in enumerate(book.logs["calls"]) if one.key == b"S1")
    book.change("calls", at, phone="+33699999999", position=2)
    file = published(book)
    ran = run("replay", "--site", "S1", "--settings", file)
    assert ran.exit == 1
    assert f"first calls-0-{at}" in ran.err
    assert "position: the log has 2, the core gives 1" in ran.out
    assert "phone: the log has (hidden), the core gives (hidden)" in ran.out
    assert "+336" not in ran.out + ran.err + run("replay", "--site", "S1", "--settings", file, "--json").out
    assert "+33699999999" in run("replay", "--site", "S1", "--settings", file, "--personal").out


def test_a_version_that_is_not_known_is_named(published: Callable[..., Path], run: Run) -> None:
    slower = {**DEFAULTS, "SECURITY": DEFAULTS["SECURITY"]._replace(version="security/7", call_timeout_seconds=300)}
    book = Logbook(slower)
    book.chunk(0, site(), alert())
    book.chunk(301)
    ran = run("replay", "--site", "S1", "--settings", published(book))
    assert (ran.exit, "the procedure security/7 is not known" in ran.err) == (1, True)
    known = {"procedures": {"SECURITY": {"version": "security/7", "call_timeout_seconds": 300}}}
    ran = run("replay", "--site", "S1", "--settings", published(Logbook(), **known))
    assert (ran.exit, ran.err) == (0, "")


def test_what_is_not_there_is_named(published: Callable[..., Path], run: Run) -> None:
    book = Logbook()
    book.chunk(0, alert(site_id="unknown"))
    file = published(book)
    assert json.loads(run("replay", "--site", "unknown", "--settings", file, "--json").out)["quarantined"] == 1
    ran = run("replay", "--site", "S9", "--settings", file)
    assert (ran.exit, "has nothing of site S9" in ran.err) == (1, True)
    ran = run("replay", "--incident", "I9", "--settings", file)
    assert (ran.exit, "has nothing of incident I9" in ran.err) == (1, True)
    assert run("replay", "--settings", file).exit == 2


def test_what_a_worker_decided_before_and_after_it_was_killed_is_decided_again(
    world: World, worker_file: WorkerFile, run: Run
) -> None:
    home = world.site_in(1)
    world.site(home)
    with worker(worker_file("a", QUICK)) as process:
        process.wait_ready()
        raised = now_ms()
        world.alert(home, "A1", raised_at=raised)
        world.answer(world.wait_for(home, "calls", position=1), "NO_ANSWER")
        world.alert(home, "A1", raised_at=raised)
        world.alert(home, "F1", kind="FIRE")
        world.wait_for(home, "decisions", rule="DUPLICATE_ALERT")
        process.kill()
    world.site(home, instructions="mind the dog")
    file = worker_file("b", QUICK)
    with worker(file) as process:
        process.wait_ready()
        world.wait_for(home, "dispatches", action="REQUEST")
        world.alert(home, "O1", kind="OTHER")
        eventually(lambda: world.of(home, "quarantine"), "a quarantined alert")
        assert process.stop() == 0
    ran = run("replay", "--site", home, "--settings", file, "--json")
    told = json.loads(ran.out)
    assert (ran.exit, told["differences"], told["unchecked"]) == (0, [], [])
    assert (told["decisions"], told["quarantined"]) == (len(world.of(home, "decisions")), 1)
    verified = run("verify", "--settings", file)
    assert verified.exit == 0, verified.err
    ran = run("whatif", "--settings", file, "--json")
    told = json.loads(ran.out)
    assert (ran.exit, told["not_judged"]["reasons"], told["listed"]) == (0, {}, []), told
    assert (told["incidents"], told["same"]) == (2, 2), told
