"""`ronde whatif` over a log on a broker: its text, its JSON, its page; what it refuses."""

from __future__ import annotations

import json
import logging
from html.parser import HTMLParser
from pathlib import Path

from tests.conftest import MakeSettings, Run, SettingsFile
from tests.kafka.published import publish
from tests.streams.logbook import alert, callback, site
from tests.streams.test_whatif import answer, end, waiting
from tests.support.topics import create_kept

SINCE = ("--since", "2025-12-31T00:00:00Z")


class Page(HTMLParser):
    """What a page has, and what it would ask a network for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_a_night_with_a_known_answer(
    settings: MakeSettings,
    settings_file: SettingsFile,
    client_log: logging.Logger,
    run: Run,
    tmp_path: Path,
) -> None:
    book = waiting()
    book.chunk(50 + 7 * 60, callback("C", "IDENTIFIED", "NORMAL"))
    book.chunk(2000, alert("A2", raised=2000))
    book.chunk(2010, answer("R9", book.last_id(), "IDENTIFIED", "NORMAL"))
    end(book, 9000)
    book.chunk(9100, site("CANARY"))
    for minute in range(3):
        book.chunk(9200 + 60 * minute, alert(f"C{minute}", site_id="CANARY", raised=9200 + 60 * minute))
        book.chunk(9210 + 60 * minute, answer(f"R{minute}", book.last_id(), "IDENTIFIED", "NORMAL", site_id="CANARY"))
    made = settings(topics={"partitions": 1})
    create_kept(made)
    publish(book, made, client_log)
    assert (
        json.loads(run("whatif", *SINCE, "--settings", settings_file(topics={"partitions": 1}), "--json").out)[
            "incidents"
        ]
        == 5
    )
    file = settings_file(topics={"partitions": 1}, canary={"site": "CANARY"})  # that one lives in nobody's house
    same = json.loads(run("whatif", *SINCE, "--settings", file, "--json").out)
    assert (same["incidents"], same["same"], same["changes"], same["listed"]) == (2, 2, [], [])

    page = tmp_path / "whatif.html"
    shorter = ("whatif", *SINCE, "--set", "SECURITY.wait_seconds=300", "--settings", file)
    told = json.loads(run(*shorter, "--page", page, "--json").out)
    assert told["changes"] == [{"name": "SECURITY.wait_seconds", "recorded": 600, "played": 300}]
    assert told["guards"] == {"recorded": 0, "played": [0, 1], "more": [0, 1], "fewer": [0, 0]}
    assert told["undetermined"]["share"] == 1.0  # the next one may have been part of it
    assert told["first_call_ms"]["played"]["p95"] == 0
    assert [one["procedure_version"] for one in told["listed"][0]["played"]][-1] == "security/1+whatif"
    shown = Page(page.read_text(encoding="utf-8"))
    assert shown.tags.count("svg") == 2
    assert shown.tags.count("details") == 2
    assert shown.links == []

    text = run(*shorter)
    assert (text.exit, text.err) == (0, "")
    assert "guards: 0 to 1 more, 0 fewer" in text.out
    assert "+0:05:40  WAIT_ENDED: the wait is over: round 2" in text.out
    other = settings_file(procedures={"SECURITY": {"version": "security/2", "wait_seconds": 421}})
    ran = json.loads(run("whatif", *SINCE, "--set-file", other, "--settings", file, "--json").out)
    assert (ran["same"], ran["other_times"]) == (2, 0)
    assert ran["listed"] == []


def test_what_cannot_be_asked_is_refused(settings_file: SettingsFile, run: Run) -> None:
    file = settings_file()
    for wrong, words in (
        ("SECURITY.wait_second=3", "did you mean wait_seconds?"),
        ("SECURITY.wait_seconds=0", "whole seconds from 1"),
        ("SECURITY.wait_seconds=" + "9" * 5000, "whole seconds from 1"),
        ("POLICE.wait_seconds=3", "procedures are SECURITY and FIRE"),
        ("SECURITY.version=x", "a procedure has no 'version'"),
    ):
        ran = run("whatif", "--set", wrong, "--settings", file)
        assert (ran.exit, words in ran.err) == (2, True)
    ran = run("whatif", "--set", "FIRE.requests=3", "--set", "FIRE.requests=4", "--settings", file)
    assert (ran.exit, "FIRE.requests: it is there twice" in ran.err) == (2, True)
