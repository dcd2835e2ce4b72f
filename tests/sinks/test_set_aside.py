"""A site that the engine set aside: what was open there has ended, in any order of the records, and is shown so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from confluent_kafka import Message

from ronde.views.incident.edge_words import entries
from ronde.views.incident.page import page
from service.postgres_settings import PostgresSettings
from sinks.ask.report import report
from sinks.ask.timeline import timeline
from sinks.database.migrate import migrate
from sinks.forget.retention import retain
from streams.escalation.step import set_aside_attention
from streams.escalation.values import Source
from tests.conftest import Ran, Run
from tests.edges.desk.scene import T0, Desk, Recorded, Scene, read
from tests.sinks.conftest import connected
from tests.sinks.writing import FED, write

DAY: Final = 24 * 3600


class Night(Scene):
    """What happens at a site, in a partition of its own; times are seconds."""

    def __init__(self, number: int = 0) -> None:
        super().__init__(partition=number)
        self.site_id = f"S{number}"
        self.site(self.site_id)

    def alarm(self, at: float, kind: str = "INTRUSION") -> str:
        """An alert; the incident that was opened last."""
        self.alert(at, kind, f"A{at}", self.site_id)
        return self.incident_id

    def fail(self, at: float, incident_id: str) -> None:
        """The core fails on a deadline: the same reason, of an incident that goes on with the operators."""
        self.now = T0 + round(at * 1000)
        attention = set_aside_attention(self.site_id, None, Source("state", self._partition, 0), self.now)
        self._add("attention", attention._replace(attention_id=f"{incident_id}-t1", incident_id=incident_id))

    def go_on(self, at: float) -> None:
        """The incident is decided on although its site was set aside."""
        last = self.values("decisions")[-1]
        self.now = T0 + round(at * 1000)
        version = last.version + 1
        again = last._replace(version=version, decision_id=f"{last.incident_id}-v{version}", at=self.now, outputs=())
        self._add("decisions", again)

    def move(self, incident_id: str, to: int) -> None:
        """An incident's decisions lie in another partition."""
        self.records = [
            (place._replace(partition=to), data)
            if place.topic == "decisions" and read(place.topic)(data).incident_id == incident_id
            else (place, data)
            for place, data in self.records
        ]


def _open(night: Night) -> None:
    night.alarm(10)
    night.set_aside(20, night.site_id)


def _twice(night: Night) -> None:
    _open(night)
    night.set_aside(30, night.site_id)


def _opened_then(night: Night) -> None:
    _open(night)
    night.alarm(20, "FIRE")


def _opened_after(night: Night) -> None:
    _open(night)
    night.alarm(21, "FIRE")


def _before(night: Night) -> None:
    night.set_aside(9, night.site_id)
    night.alarm(10)


def _decided_at_that_instant(night: Night) -> None:
    night.alarm(10)
    night.alarm(20, "TAMPER")
    night.set_aside(20, night.site_id)


def _goes_on(night: Night) -> None:
    _open(night)
    night.go_on(25)


def _goes_on_until_the_next(night: Night) -> None:
    _goes_on(night)
    night.set_aside(40, night.site_id)


def _closed_before(night: Night) -> None:
    night.action(15, "CLOSE", night.alarm(10), f"O-{night.site_id}", night.site_id)
    night.set_aside(20, night.site_id)


def _elsewhere(night: Night) -> None:
    _open(night)
    night.move(night.incident_id, len(NIGHTS))


def _another_site(night: Night) -> None:
    night.alarm(10)
    night.set_aside(20, "another")


def _failed(night: Night) -> None:
    night.fail(20, night.alarm(10))


# What happens at sites, and when each of their incidents was set aside, in the order of opening: seconds, or None.
NIGHTS: Final[dict[str, tuple[Callable[[Night], None], list[float | None]]]] = {
    "open": (_open, [20]),
    "twice": (_twice, [20]),
    "another opened at that instant": (_opened_then, [20, None]),
    "another opened later": (_opened_after, [20, None]),
    "before": (_before, [None]),
    "decided on at that instant": (_decided_at_that_instant, [20]),
    "it goes on": (_goes_on, [None]),
    "it goes on until the next time": (_goes_on_until_the_next, [40]),
    "closed before": (_closed_before, [None]),
    "in another partition": (_elsewhere, [None]),
    "another site": (_another_site, [None]),
    "an incident that failed": (_failed, [None]),
}


def played(play: Callable[[Night], None], number: int = 0) -> Night:
    """One of them."""
    night = Night(number)
    play(night)
    return night


def messages(records: Iterable[Recorded]) -> list[Message]:
    """The records that a sink gets."""
    return [
        Message(
            topic=f"ronde.{place.topic}",
            partition=place.partition,
            offset=place.offset,
            key=read(place.topic)(data).site_id.encode(),
            value=data,
            timestamp=(1, place.timestamp),
        )
        for place, data in records
        if place.topic in FED
    ]


def _at_once(connection: psycopg.Connection[Any], _other: Any, records: list[Recorded]) -> None:
    write(connection, messages(records))


def _topic_first(topic: str) -> Callable[..., None]:
    def run(connection: psycopg.Connection[Any], _other: Any, records: list[Recorded]) -> None:
        for is_first in (True, False):
            write(connection, messages(record for record in records if (record[0].topic == topic) is is_first))

    return run


def _step_by_step(connection: psycopg.Connection[Any], _other: Any, records: list[Recorded]) -> None:
    for at in sorted({place.timestamp for place, _ in records}):
        write(connection, messages(record for record in records if record[0].timestamp == at))


def _again(connection: psycopg.Connection[Any], _other: Any, records: list[Recorded]) -> None:
    for _ in range(2):
        write(connection, messages(records))
        connection.execute("UPDATE ledger.positions SET next_offset = 0")


def _from_the_beginning(connection: psycopg.Connection[Any], _other: Any, records: list[Recorded]) -> None:
    write(connection, messages(records))
    connection.execute("DROP SCHEMA ledger CASCADE")
    migrate(connection)
    write(connection, messages(records))


def _two_sinks(connection: psycopg.Connection[Any], other: psycopg.Connection[Any], records: list[Recorded]) -> None:
    """Each commits without having seen what the other wrote."""
    connection.execute("SELECT ledger.add_month('2026-01-01')")
    with connection.transaction(), other.transaction():
        write(connection, messages(record for record in records if record[0].topic != "attention"))
        write(other, messages(record for record in records if record[0].topic == "attention"))


WAYS: Final = {
    "at once": _at_once,
    "decisions first": _topic_first("decisions"),
    "attentions first": _topic_first("attention"),
    "step by step": _step_by_step,
    "again": _again,
    "from the beginning": _from_the_beginning,
    "two sinks at a time": _two_sinks,
}


def ends(connection: psycopg.Connection[Any]) -> list[tuple[str, str, float | None, bool]]:
    """Each incident, its site, when that was set aside, and whether it is open; in the order of opening."""
    rows = connection.execute("""
        SELECT incident_id, site_id, extract(epoch FROM set_aside_at), ended_at IS NULL,
            ended_at IS NOT DISTINCT FROM coalesce(closed_at, set_aside_at)
                AND open_for IS NOT DISTINCT FROM ended_at - opened_at
                AND (deadline IS NULL) = (ended_at IS NOT NULL)
        FROM ledger.incident_ends ORDER BY opened_at
    """).fetchall()
    assert all(is_sound for *_, is_sound in rows)
    return [(name, site, None if at is None else float(at) - T0 / 1000, is_open) for name, site, at, is_open, _ in rows]


@pytest.mark.parametrize("way", WAYS)
def test_what_was_open_has_ended_in_any_order(
    way: str, ledger: psycopg.Connection[Any], database: PostgresSettings
) -> None:
    """As a desk has it."""
    nights = [played(play, number) for number, (play, _) in enumerate(NIGHTS.values())]
    records = [record for night in nights for record in night.records]
    migrate(ledger)
    with connected(database) as other:
        WAYS[way](ledger, other, records)
    found = ends(ledger)
    expected = {name: at for name, (_, at) in NIGHTS.items()}
    of_sites = {name: [at for _, site, at, _ in found if site == f"S{number}"] for number, name in enumerate(NIGHTS)}
    assert of_sites == expected
    desk = Desk(records, at=3600)
    assert {incident for incident, *_, is_open in found if is_open} == {one.id for one in desk.state.open_incidents()}


def test_a_ledger_of_before_is_right_once_it_is_migrated_and_its_readers_may_read_that(
    ledger: psycopg.Connection[Any], stranger: str
) -> None:
    migrate(ledger, to=9)
    write(ledger, messages(played(_opened_after).records))
    ledger.execute(f'GRANT USAGE ON SCHEMA ledger TO "{stranger}"; GRANT SELECT ON ledger.incidents TO "{stranger}"')
    migrate(ledger)
    assert [at for *_, at, _ in ends(ledger)] == [20, None]
    ledger.execute(f'SET ROLE "{stranger}"')
    assert len(ends(ledger)) == 2
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ledger.execute("SELECT FROM ledger.attention")


def test_it_is_shown_as_what_it_is(
    ledger: psycopg.Connection[Any],
    database: PostgresSettings,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "dumb")
    night = played(_opened_after)
    for at in (15, 25):
        night.signal(at, site_id=night.site_id)
    migrate(ledger)
    write(ledger, messages(night.records))
    (first, *_), (second, *_) = ends(ledger)
    file = tmp_path / "settings.toml"
    file.write_text(
        "[postgres]\n"
        + "".join(f"{name} = {json.dumps(getattr(database, name))}\n" for name in ("host", "port", "database", "user"))
    )

    def look(*arguments: str) -> str:
        ran: Ran = run(*arguments, "--settings", file)
        assert ran.exit == 0, ran.err
        return ran.out

    assert [one["incident_id"] for one in json.loads(look("incidents", "--open", "--json"))] == [second]
    assert first not in look("incidents", "--open")
    (line,) = [line for line in look("incidents").splitlines() if first in line]
    assert "set aside" in line
    assert " 10 s " in line
    told = json.loads(look("incident", "show", first, "--json"))
    assert told["set_aside_at"] == "2026-01-01T00:00:20.000Z"
    assert (told["phase"], told["closed_at"], told["outcome"], told["deadline"]) == ("CALLING", None, None, None)
    assert len(told["signals"]) == 1

    shown = look("incident", "show", first)
    assert "set aside by the engine 00:00:20, after 10 s: it stood at CALLING" in shown
    assert "the engine sets the site aside" in shown.splitlines()[-2]
    assert "goes on by itself" not in shown
    assert "closed" not in shown
    assert "goes on by itself" in look("incident", "show", second)

    seen = timeline(ledger, first, personal=False)
    assert seen is not None
    drawn = page(seen)
    assert 'class="badge set_aside">set aside<' in drawn
    assert "<dt>set aside after</dt><dd>10 s</dd>" in drawn
    assert "SET ASIDE" in drawn
    assert "closed after" not in drawn

    days = report(ledger, T0)
    assert [(day.procedure, day.incidents, day.open, day.set_aside) for day in days] == [
        ("FIRE", 1, 1, 0),
        ("SECURITY", 1, 0, 1),
    ]
    assert "set aside" in look("report", "--since", "2026-01-01T00:00:00Z")
    ledger.execute("DELETE FROM ledger.attention WHERE reason = 'FAILED'")
    assert "set aside" not in look("report", "--since", "2026-01-01T00:00:00Z")


def test_who_took_its_attention_is_shown_though_that_names_no_incident(ledger: psycopg.Connection[Any]) -> None:
    """At any time: it is taken once the incident has ended."""
    night = Night()
    night.alarm(10)
    first = night.set_aside(20, night.site_id)
    night.claim(25, "TAKE", first, "zoe", site_id=night.site_id)
    night.event(26, "NOTE", first, "rang the home", site_id=night.site_id, operator="zoe")
    second = night.set_aside(40, night.site_id)
    for subject in (second, "another"):
        night.claim(45, "TAKE", subject, "paul", site_id=night.site_id)
        night.event(46, "ATTENTION_SEEN", subject, site_id=night.site_id, operator="paul")
    night.claim(47, "TAKE", first, "paul", site_id="S9")
    night.claim(20 + 3 * DAY, "TAKE", first, "olga", site_id=night.site_id)
    migrate(ledger)
    write(ledger, messages(night.records))
    ((incident, *_),) = ends(ledger)
    seen = timeline(ledger, incident, personal=True)
    assert seen is not None
    assert [words for at, words in entries(seen) if at > T0 + 20_000] == [
        f"zoe takes {first}, after 5 s",
        f"zoe notes on {first}, rang the home",
        f"olga takes {first}, after 3 d",
    ]


def test_it_goes_with_its_month(ledger: psycopg.Connection[Any]) -> None:
    """Opened at the end of January, set aside in February, beside one that is open."""
    night = Night()
    night.site("S9")
    first = night.alarm(31 * DAY - 10)
    night.alert(31 * DAY - 5, "FIRE", "A2", "S9")
    second = night.incident_id
    night.set_aside(31 * DAY + 10, night.site_id)
    migrate(ledger)
    write(ledger, messages(night.records))

    assert retain(ledger, 1, date(2026, 3, 1)).incidents == 0
    assert ledger.execute("SELECT count(*) FROM ledger.incident_events").fetchone() == (0,)
    assert [(name, is_open) for name, *_, is_open in ends(ledger)] == [(first, False), (second, True)]
    assert retain(ledger, 1, date(2026, 4, 1)).incidents == 1
    assert [(name, is_open) for name, *_, is_open in ends(ledger)] == [(second, True)]
