"""Looking into the ledger: what people read of an incident, and what they do not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from rich.console import Console

from ronde.local.ports import HOST
from ronde.local.postgres import Postgres
from ronde.shared.times import after, span
from ronde.views.incident.page import page
from ronde.views.incident.text import show
from ronde.views.incident.words import RULES, input_line, output_lines, rule
from sinks.ask.report import report
from sinks.ask.timeline import Attention, Dispatch, Timeline, timeline
from sinks.database.migrate import migrate
from sinks.forget.retention import retain
from streams.escalation.names import RULES as ALL_RULES
from tests.conftest import Ran, Run
from tests.sinks.compare import rows_from, rows_of
from tests.sinks.handling import check_handling
from tests.sinks.night import PERSONAL, night
from tests.sinks.records import MINUTE, Record, neighbourhoods
from tests.sinks.writing import messages, write
from tests.support.times import START

GOLDEN: Final = Path(__file__).with_name("golden") / "incident.txt"


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [*neighbourhoods(partitions=2, sites=40, minutes=26 * 60), *night()]


@pytest.fixture(scope="module")
def database(postgres: Postgres, records: list[Record]) -> Iterator[str]:
    """A database with a ledger that nobody changes."""
    name = "test-looking"
    with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        with psycopg.connect(postgres.conninfo(name), autocommit=True) as ledger:
            migrate(ledger)
            write(ledger, messages(records))
        yield name
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def ledger(postgres: Postgres, database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.conninfo(database), autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


@pytest.fixture
def settings(tmp_path: Path, postgres: Postgres, database: str) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(f'[postgres]\nhost = "{HOST}"\nport = {postgres.port}\ndatabase = "{database}"\n')
    return file


@pytest.fixture
def look(run: Run, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on this ledger, on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    return lambda *arguments: run(*arguments, "--settings", settings)


@pytest.fixture(scope="module")
def incident(records: list[Record]) -> str:
    """The incident of the night."""
    return next(
        str(record.value.incident_id)
        for record in records
        if record.topic == "decisions" and record.value.site_id == "S1"
    )


# --- show -----------------------------------------------------------------------------------------


def test_a_night_reads_like_this(look: Any, incident: str, request: pytest.FixtureRequest) -> None:
    """`pytest --rewrite` writes the golden text as it is now; read the difference."""
    seen = "\n".join(line.rstrip() for line in look("incident", "show", incident).out.splitlines()) + "\n"
    if request.config.getoption("rewrite"):
        GOLDEN.write_text(seen, encoding="utf-8")
    assert seen == GOLDEN.read_text(encoding="utf-8")


def test_every_incident_can_be_told_drawn_and_exported_and_nothing_is_missing(
    ledger: psycopg.Connection[Any], records: list[Record]
) -> None:
    for incident_id in rows_from([r for r in records if r.topic == "decisions"])["incidents"]:
        seen = timeline(ledger, incident_id, personal=True)
        assert seen is not None
        decisions = [r.value for r in records if r.topic == "decisions" and r.value.incident_id == incident_id]
        assert [step.version for step in seen.steps] == [decision.version for decision in decisions]
        assert [len(step.sent) for step in seen.steps] == [len(decision.outputs) for decision in decisions]
        lines = [line for step in seen.steps for line in (input_line(step), *output_lines(step))]
        assert not any("not in the ledger" in line for line in lines)
        assert WellFormed().check(page(seen)).count("svg") == 2


class WellFormed(HTMLParser):
    """Every tag of a page is closed, and it needs nothing from anywhere."""

    VOID: Final = frozenset({"meta", "br", "line", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._open: list[str] = []

    def check(self, text: str) -> list[str]:
        self.feed(text)
        self.close()
        assert self._open == []
        return self.seen

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(tag)
        assert self._open.pop() == tag


def test_nothing_personal_is_shown_unless_it_is_asked_for(look: Any, incident: str, tmp_path: Path) -> None:
    def everything(*personal: str) -> str:
        assert look("incident", "export", incident, "--to", tmp_path, *personal).exit == 0
        return "\n".join(
            [
                look("incident", "show", incident, *personal).out,
                look("incident", "show", incident, "--json", *personal).out,
                (tmp_path / f"{incident}.html").read_text(encoding="utf-8"),
                (tmp_path / f"{incident}.json").read_text(encoding="utf-8"),
                look("incidents").out,
                look("report", "--since", "2026-01-01T00:00:00Z").out,
            ]
        )

    assert not [words for words in PERSONAL if words in everything()]
    assert [words for words in PERSONAL if words not in everything("--personal")] == []


def test_json_has_the_whole_story_with_rfc_3339_instants(look: Any, incident: str) -> None:
    seen = json.loads(look("incident", "show", incident, "--json").out)
    assert seen["outcome"] == "INTERVENTION_CLOSED"
    assert seen["opened_at"] == "2026-01-01T00:01:00.000Z"
    first, *_, last = seen["steps"]
    assert first["came"] == {
        "type": "alert",
        "id": "A1",
        "kind": "INTRUSION",
        "zone": "hall",
        "raised_at": "2026-01-01T00:00:59.100Z",
        "detail": None,
    }
    assert [output["type"] for output in first["sent"]] == ["call"]
    assert last["came"]["type"] == "report"
    assert last["disposition"] == "a cat"


def test_an_incident_that_is_not_there_is_said(look: Any) -> None:
    ran: Ran = look("incident", "show", "nothing")
    assert (ran.exit, "the ledger has no incident nothing" in ran.err) == (1, True)


def test_a_folder_that_cannot_be_written_to_is_said(look: Any, incident: str, tmp_path: Path) -> None:
    ran: Ran = look("incident", "export", incident, "--to", tmp_path / "missing")
    assert (ran.exit, "(--to)" in ran.err) == (1, True)


# --- list and report ------------------------------------------------------------------------------


def test_incidents_are_found_by_what_people_ask(look: Any, records: list[Record]) -> None:
    expected = rows_from([record for record in records if record.topic == "decisions"])["incidents"].values()

    def ids(*options: str) -> list[str]:
        ran: Ran = look("incidents", "--json", "--limit", "1000", *options)
        return [row["incident_id"] for row in json.loads(ran.out)]

    latest = sorted(expected, key=lambda row: (-row["opened_at"], row["incident_id"]))
    assert ids() == [row["incident_id"] for row in latest]
    assert ids("--open") == [row["incident_id"] for row in latest if row["closed_at"] is None]
    assert ids("--site", "S1") == [row["incident_id"] for row in latest if row["site_id"] == "S1"]
    assert ids("--outcome", "resolved") == [row["incident_id"] for row in latest if row["outcome"] == "RESOLVED"]
    since = START + 30 * MINUTE
    assert ids("--since", "2026-01-01T00:30:00Z") == [r["incident_id"] for r in latest if r["opened_at"] >= since]
    assert look("incidents", "--limit", "2").out.endswith("the latest 2; there are more (--limit)\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("incidents", "--outcome", "GONE"), "--outcome: no rule 'GONE' closes an incident; there are RESOLVED, "),
        (("incidents", "--since", "yesterday"), "--since: not an RFC 3339 instant"),
        (("report", "--since", "7"), "--since: not an RFC 3339 instant"),
        (("ledger", "erase"), "name whom to forget: --contact ID, --site ID, or both"),
        (("ledger", "erase", "--contact", "x" * 1001), "a record can be about: an id that is too long"),
    ],
)
def test_wrong_use_says_what_would_be_right(look: Any, options: tuple[str, ...], said: str) -> None:
    ran: Ran = look(*options)
    assert ran.exit == 2
    assert said in ran.err


def test_a_report_sums_up_the_days(ledger: psycopg.Connection[Any], look: Any, records: list[Record]) -> None:
    incidents = rows_from([record for record in records if record.topic == "decisions"])["incidents"].values()
    days = report(ledger, START)
    assert {(day.day, day.procedure) for day in days} == {(date(2026, 1, 1), name) for name in ("FIRE", "SECURITY")}
    for day in days:
        of_day = [row for row in incidents if row["procedure"] == day.procedure]
        assert day.incidents == len(of_day)
        assert day.open == sum(row["closed_at"] is None for row in of_day)
        assert day.resolved == sum(row["outcome"] == "RESOLVED" for row in of_day)
        assert day.operator_closed == sum(row["outcome"] == "OPERATOR_CLOSED" for row in of_day)
        assert day.dispatches == sum(row["dispatches"] for row in of_day)
        assert day.waits == sum(row["waited"] is not None for row in of_day)
        ours = {row["incident_id"] for row in of_day}
        identified = {
            record.value.command_id.partition("-")[0]
            for record in records
            if record.topic == "call-results"
            and record.value.outcome in {"IDENTIFIED", "DURESS_CODE"}
            and "-c1." in record.value.command_id
        }
        assert day.reached_in_round_1 == len(identified & ours)
        assert day.response is not None
        assert day.response[0] <= day.response[1]
    check_handling(ledger, days, records)
    printed = json.loads(look("report", "--since", "2026-01-01T00:00:00Z", "--json").out)
    assert sum(row["calls"] for day in printed for row in day["handling"]) > 0
    assert "objective" in look("report", "--since", "2026-01-01T00:00:00Z").out
    assert [day["incidents"] for day in printed] == [day.incidents for day in days]
    assert "10 min / 10 min" in look("report", "--since", "2026-01-01T00:00:00Z").out
    left_out = next(iter(incidents))["site_id"]
    kept = [row for row in incidents if row["site_id"] != left_out]
    assert sum(day.incidents for day in report(ledger, START, left_out)) == len(kept) < len(incidents)


def test_a_database_without_a_ledger_says_how_to_make_one(run: Run, postgres: Postgres, tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    file.write_text(f'[postgres]\nhost = "{HOST}"\nport = {postgres.port}\ndatabase = "postgres"\n')
    for command in (("incidents",), ("report",), ("incident", "show", "x"), ("ledger", "retain", "--months", "3")):
        ran = run(*command, "--settings", file)
        assert (ran.exit, "make it with `ronde ledger migrate`" in ran.err) == (1, True), command


def test_postgresql_away_says_where_it_was_looked_for(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "away.toml"
    file.write_text(f'[postgres]\nhost = "{HOST}"\nport = 1\n')
    ran = run("incidents", "--settings", file)
    assert ran.exit == 1
    assert f"database ronde at {HOST}:1 cannot be used" in ran.err


def test_the_questions_of_the_document_can_be_asked(ledger: psycopg.Connection[Any], incident: str) -> None:
    document = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
    questions = re.findall(r"^```sql\n(.*?)^```$", document, re.DOTALL | re.MULTILINE)
    assert len(questions) == 6
    for question in questions:
        asked = re.sub(r"[0-9a-f]{24}", incident, question).replace("now()", "timestamptz '2026-01-02'")
        assert ledger.execute(asked).fetchall(), question


def test_every_table_is_in_the_document(ledger: psycopg.Connection[Any]) -> None:
    document = (Path(__file__).parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
    tables = ledger.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p', 'v')"
        " AND NOT relispartition"
    ).fetchall()
    assert [name for (name,) in tables if f"`{name}`" not in document] == []


# --- words ----------------------------------------------------------------------------------------


def test_every_rule_has_words() -> None:
    assert set(RULES) == set(ALL_RULES)


def test_no_guard_is_told_of_where_none_was_sent(ledger: psycopg.Connection[Any], records: list[Record]) -> None:
    """A rule that asks for a guard leads to operators where there is no partner left, or none is to be asked."""
    by_phase: dict[str, set[str]] = {"DISPATCHED": set(), "HANDED_OVER": set()}
    for incident_id in rows_from([r for r in records if r.topic == "decisions"])["incidents"]:
        seen = timeline(ledger, incident_id, personal=False)
        assert seen is not None
        for step in seen.steps:
            asked = any(isinstance(output, Dispatch) and output.action == "REQUEST" for output in step.sent)
            if step.phase_to in by_phase:
                by_phase[step.phase_to].add(step.rule)
            if "a guard" in rule(step) and "no guard" not in rule(step):
                assert asked or step.rule == "CANCEL_REQUESTED", (step, rule(step))
    assert by_phase["DISPATCHED"] >= {"NOBODY_REACHED", "DURESS", "CONFIRMED_ABNORMAL"}
    assert by_phase["HANDED_OVER"] >= {"PARTNER_REJECTED"}


@pytest.mark.parametrize("name", ["CONFIRMED_ABNORMAL", "NOBODY_REACHED", "OPERATOR_DISPATCH"])
def test_an_incident_that_was_handed_over_is_not_told_as_a_guard_s(
    name: str, ledger: psycopg.Connection[Any], incident: str
) -> None:
    seen = timeline(ledger, incident, personal=False)
    assert seen is not None
    last = next(step for step in seen.steps if step.rule == "NOBODY_REACHED")
    attention = Attention("x", "NO_PARTNER", 0, False, last.at)
    handed_over = last._replace(rule=name, phase_to="HANDED_OVER", sent=[attention])
    changed = Timeline(seen.incident._replace(phase="HANDED_OVER"), [seen.steps[0], handed_over])
    console = Console(record=True, width=200, file=StringIO())
    show(console, changed)
    for text in (console.export_text(), page(changed)):
        assert "send a guard" not in text
        assert "sends a guard" not in text
        assert "operators take over" in text


@pytest.mark.parametrize(
    ("milliseconds", "seen"),
    [
        (0, "0 s"),
        (400, "0.4 s"),
        (9_960, "10.0 s"),
        (59_600, "1 min"),
        (600_000, "10 min"),
        (2_978_000, "49 min 38 s"),
        (90_000_000, "1 d 1 h"),
        (-1_500, "-1.5 s"),
    ],
)
def test_spans_are_told_in_two_units(milliseconds: int, seen: str) -> None:
    assert span(milliseconds) == seen


def test_times_after_the_opening() -> None:
    assert [after(ms) for ms in (0, 61_000, 3_600_000, 90_061_000, -1_000)] == [
        "+0:00:00",
        "+0:01:01",
        "+1:00:00",
        "+1 d 1:01:01",
        "-0:00:01",
    ]


# --- retention ------------------------------------------------------------------------------------


def test_old_months_go_and_what_is_not_over_stays(postgres: Postgres, records: list[Record], prefix: str) -> None:
    name = f"{prefix}retain"
    with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        with psycopg.connect(postgres.conninfo(name), autocommit=True, options="-c timezone=UTC") as own:
            migrate(own)
            write(own, messages(records))
            own.execute("SELECT ledger.add_month('2026-02-01')")
            own.execute("UPDATE ledger.incidents SET closed_at = '2026-02-01' WHERE site_id = 'S1'")
            before = rows_of(own)
            assert retain(own, 1, date(2026, 2, 28)).partitions == []
            assert rows_of(own) == before

            removed = retain(own, 1, date(2026, 3, 1))
            assert removed.before == date(2026, 2, 1)
            assert len(removed.partitions) == 12
            rows = rows_of(own)
            assert {row["site_id"] for row in rows["incidents"].values() if row["closed_at"] is not None} == {"S1"}
            assert not rows["incident_events"]
            assert rows["sites_readiness"] == before["sites_readiness"]
            left = own.execute("SELECT ledger.months_before('infinity')::text").fetchall()
            assert len(left) == 12
            night_incident = next(key for key, row in rows["incidents"].items() if row["site_id"] == "S1")
            seen = timeline(own, night_incident, personal=False)
            assert seen is not None
            assert seen.steps == []
            assert WellFormed().check(page(seen))
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
