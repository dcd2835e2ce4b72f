"""Sites in a real PostgreSQL: whole, in order of their revisions, never with a word."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
import pytest

from edges.database.postgres import AsyncSession, opened, pool
from edges.errors import DatabaseAwayError, EdgeError
from edges.portal import changes
from edges.portal.changes import Refused
from edges.portal.configuration import Configuration, Person
from edges.portal.core import Address, Contact, Intervention, Site
from edges.portal.problems import EXISTS, REVISION_STALE
from edges.portal.rows import Edit
from edges.portal.sql import migrate, migrations, query
from edges.portal.store import Store
from edges.web.problems import NOT_FOUND, Problem
from service.postgres import connect
from service.postgres_settings import PostgresSettings
from tests.support.times import START

ANN: Final = Person("ann", "OWNER", "Ann", "Martin", "ann@example.org")
BOB: Final = Person("bob", "MEMBER", "Bob", "Martin")
HOME: Final = Address("1 rue des Lilas", None, "74300", "Cluses", "FR")
CONTACT: Final = Contact("ann", "OWNER", "Ann", "Martin", "+33639980001", "$p", "$d", "fr")


def edit(what: str, by: str = "ann", now: int = START) -> Edit:
    return Edit(by, what, hashlib.sha256(what.encode()).digest(), now)


def new(site_id: str = "S1") -> Configuration:
    return changes.created(site_id, "Home", (ANN, BOB), ("P1",))


def imported(site_id: str = "S1", **fields: Any) -> Site:
    values: dict[str, Any] = {
        "subscribed": True,
        "contacts": (CONTACT, *(CONTACT._replace(contact_id=f"x{n}", role="EXTERNAL") for n in (1, 2))),
        "address": HOME,
        "instructions": "mind the dog",
        "intervention": Intervention(enabled=False, partners=("P1", "P2")),
        "test_until": START + 1000,
        "updated_at": START,
    }
    return Site(site_id=site_id, **{**values, **fields})


def outcome(result: object) -> str:
    return result.kind.code if isinstance(result, Problem) else type(result).__name__


@pytest.mark.asyncio
async def test_a_site_is_read_as_it_was_written(store: Store) -> None:
    made = await store.create(new(), edit("site", "support"))
    assert made.configuration.revision == 1
    assert await store.site("S1") == made
    step = await store.change("S1", 1, edit("address"), lambda site: changes.with_address(site, HOME))
    step = await store.change("S1", 2, edit("people"), lambda site: changes.without_person(site, "bob"))
    assert (await store.site("S1")) == step
    assert (step.configuration.people, step.configuration.address) == ((ANN,), HOME)
    assert (step.last_by, step.published_at) == ("ann", None)


@pytest.mark.asyncio
async def test_an_imported_site_keeps_all_of_its_record(store: Store) -> None:
    await store.load_sites([imported()], edit("import"))
    await store.load_sites([imported(), imported("S2")], edit("import", now=START + 5))
    found = await store.site("S1")
    assert found is not None
    assert found.configuration.revision == 2
    assert found.configuration.record() == imported(updated_at=START + 5)


@pytest.mark.asyncio
async def test_a_stale_revision_changes_nothing(store: Store) -> None:
    await store.create(new(), edit("site"))
    await store.change("S1", 1, edit("subscription"), lambda site: changes.with_subscription(site, subscribed=True))
    with pytest.raises(Problem) as stale:
        await store.change("S1", 1, edit("intervention"), lambda site: changes.with_intervention(site, enabled=False))
    assert (stale.value.kind, stale.value.members) == (REVISION_STALE, {"revision": 2})
    found = await store.site("S1")
    assert found is not None
    assert found.configuration.intervention.enabled


@pytest.mark.asyncio
async def test_of_two_at_once_one_is_stale(store: Store) -> None:
    await store.create(new(), edit("site"))
    both = [store.change("S1", 1, edit("people", by), lambda site: site) for by in ("ann", "bob")]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(map(outcome, results)) == ["REVISION_STALE", "Stored"]


@pytest.mark.asyncio
async def test_what_is_refused_changes_nothing(store: Store) -> None:
    await store.create(new(), edit("site"))
    with pytest.raises(Refused):
        await store.change("S1", 1, edit("people"), lambda site: changes.without_person(site, "nobody"))
    assert len(await store.history("S1")) == 1


@pytest.mark.asyncio
async def test_a_site_is_made_once_and_the_same_request_is_safe(store: Store) -> None:
    made = await store.create(new(), edit("site"))
    assert await store.create(new(), edit("site")) == made
    with pytest.raises(Problem, match=EXISTS.code):
        await store.create(new(), edit("site", "another"))
    results = await asyncio.gather(*(store.create(new("S2"), edit("site", by)) for by in "ab"), return_exceptions=True)
    assert sorted(map(outcome, results)) == ["EXISTS", "Stored"]


@pytest.mark.asyncio
async def test_a_deleted_site_goes_on_with_its_next_revision(store: Store) -> None:
    await store.load_sites([imported()], edit("import"))
    await store.delete("S1", 1, edit("deletion"))
    assert await store.site("S1") is None
    assert await store.sites_of("ann@example.org") == []
    with pytest.raises(Problem, match=NOT_FOUND.code):
        await store.delete("S1", 2, edit("deletion"))
    made = await store.create(new(), edit("site"))
    assert (made.configuration.revision, made.configuration.updated_at) == (3, START + 2)


@pytest.mark.asyncio
async def test_history_names_who_and_what_and_holds_no_hash(store: Store) -> None:
    await store.load_sites([imported()], edit("import"))
    await store.change("S1", 1, edit("second-contact", "ann"), lambda site: changes.with_second_contact(site, None))
    newest, oldest = await store.history("S1")
    assert (newest.revision, newest.by, newest.what, newest.after) == (2, "ann", "second-contact", None)
    assert newest.before["phone"] == "+33639980001"
    assert newest.before["has_password"] is True
    assert (oldest.what, oldest.before) == ("import", None)
    assert "$" not in str((newest, oldest))


def everything(rows: psycopg.Connection[Any]) -> str:
    """All tables of the portal, as text."""
    tables = rows.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'portal' ORDER BY 1").fetchall()
    return str([rows.execute(f"SELECT * FROM portal.{name}").fetchall() for (name,) in tables])


@pytest.mark.asyncio
async def test_a_deleted_site_leaves_nothing_personal_behind(store: Store, rows: psycopg.Connection[Any]) -> None:
    """What stays of it: that it was, when which part was changed, and by support or by a person who left."""
    personal = ("Martin", "ann@example.org", "+33639980001", "Lilas", "Cluses", "mind the dog", "Home", "$")
    await store.create(new(), edit("site", "support"))
    await store.change("S1", 1, edit("address", "ann@example.org"), lambda site: changes.with_address(site, HOME))
    await store.change("S1", 2, edit("import"), lambda site: changes.imported(imported(), site))
    held = everything(rows)
    assert [word for word in personal if word not in held] == []
    await store.delete("S1", 3, edit("deletion", "support"))
    assert [word for word in personal if word in everything(rows)] == []
    lines = [(line.revision, line.by, line.what, line.before, line.after) for line in await store.history("S1")]
    assert lines == [
        (4, "support", "deletion", None, None),
        (3, "ann", "import", None, None),
        (2, "a person who left", "address", None, None),
        (1, "support", "site", None, None),
    ]


@pytest.mark.asyncio
async def test_a_person_who_left_is_in_no_line_of_the_history(store: Store, rows: psycopg.Connection[Any]) -> None:
    await store.create(new()._replace(people=(ANN, BOB._replace(last_name="Leduc", login="bob@x"))), edit("site"))
    await store.change(
        "S1", 1, edit("subscription", "bob@x"), lambda site: changes.with_subscription(site, subscribed=True)
    )
    await store.change("S1", 2, edit("people"), lambda site: changes.without_person(site, "bob"))
    assert "Leduc" not in everything(rows)
    assert "bob@x" not in everything(rows)
    left, changed, made = await store.history("S1")
    assert [person["person_id"] for person in left.before] == ["ann", "bob"]
    assert (changed.by, changed.after) == ("a person who left", {"subscribed": True})
    assert made.after["people"][0]["last_name"] == "Martin"  # of others it keeps all


@pytest.mark.asyncio
async def test_a_person_who_left_is_forgotten_under_each_account_of_theirs(
    store: Store, rows: psycopg.Connection[Any]
) -> None:
    leduc = BOB._replace(last_name="Leduc", login="first@x")
    await store.create(new()._replace(people=(ANN, leduc)), edit("site", "support"))

    def called(site: Configuration) -> Configuration:
        return changes.with_second_contact(
            site, changes.ContactForm("MEMBER", "bob", None, None, "+33639980077", "fr", "$p", None)
        )

    await store.change("S1", 1, edit("second-contact", "first@x"), called)
    await store.change(
        "S1", 2, edit("people"), lambda site: changes.with_person(site, leduc._replace(login="second@x"))
    )
    await store.change("S1", 3, edit("second-contact"), lambda site: changes.with_second_contact(site, None))
    await store.change("S1", 4, edit("people"), lambda site: changes.without_person(site, "bob"))
    for personal in ("Leduc", "first@x", "second@x", "639980077"):
        assert personal not in everything(rows)
    # Nor a quick hash of what was asked for, from which a number is found by trying all.
    kept = rows.execute("SELECT revision FROM portal.revisions WHERE request <> ''").fetchall()
    assert kept == [(5,)]  # the removal itself, by which the same request again is known


@pytest.mark.asyncio
async def test_a_deleted_site_names_no_account_of_a_customer(store: Store) -> None:
    await store.create(new(), edit("site", "sue"))
    accounts = ("gone@x", "carl", "token:crm", "sue")
    for revision, (by, what) in enumerate(zip(accounts, ("address", "test", "test", "partners"), strict=True), start=1):
        await store.change("S1", revision, edit(what, by), lambda site: site)
    await store.delete("S1", 5, edit("deletion", "zoe"))
    left = "a person who left"
    assert [line.by for line in await store.history("S1")] == ["zoe", "sue", "token:crm", left, left, "sue"]


@pytest.mark.asyncio
async def test_a_history_is_read_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.create(new(), edit("site"))
    for revision in range(1, 5):
        await store.change("S1", revision, edit("test"), lambda site: site)
    monkeypatch.setattr("edges.portal.store.LINES", 2)
    parts = [await store.history("S1", **part) for part in ({}, {"before": 4}, {"since": 4}, {"before": 1})]
    assert [[line.revision for line in part] for part in parts] == [[5, 4], [3, 2], [5], []]


@pytest.mark.asyncio
async def test_by_which_change_a_service_was_stopped(store: Store) -> None:
    async def subscribe(revision: int, *, subscribed: bool) -> None:
        what = edit("subscription")
        await store.change("S1", revision, what, lambda site: changes.with_subscription(site, subscribed=subscribed))

    async def stopped_by() -> int | None:
        stop = await store.stop("S1")
        return None if stop is None else stop.revision

    await store.create(new(), edit("site"))
    await subscribe(1, subscribed=False)
    assert await stopped_by() is None  # it never was subscribed
    await subscribe(2, subscribed=True)
    assert await stopped_by() is None
    await subscribe(3, subscribed=False)
    await subscribe(4, subscribed=False)
    await store.change("S1", 5, edit("address"), lambda site: changes.with_address(site, HOME))
    assert await stopped_by() == 4
    await store.load_sites([imported()], edit("import"))
    assert await stopped_by() is None
    await store.load_sites([imported(subscribed=False)], edit("import"))
    assert await stopped_by() == 8
    await store.delete("S1", 8, edit("deletion"))
    await store.create(new(), edit("site"))
    assert await stopped_by() is None


@pytest.mark.asyncio
async def test_who_has_which_sites(store: Store) -> None:
    await store.create(new(), edit("site"))
    await store.create(new("S2")._replace(people=(BOB._replace(login="ann@example.org"),)), edit("site"))
    assert await store.sites_of("ann@example.org") == ["S1", "S2"]
    assert await store.role("S1", "ann@example.org") == "OWNER"
    assert await store.role("S2", "ann@example.org") == "MEMBER"
    assert await store.role("S1", "zoe") is None
    assert await store.find_sites("hom") == ["S1", "S2"]
    await store.create(new("S3")._replace(name="Beside S2"), edit("site"))
    assert await store.find_sites("S2") == ["S2"]
    assert await store.find_sites("s2") == ["S3"]


class OnePool:
    """A pool whose searches take a while."""

    def __init__(self) -> None:
        self.searches = self.at_once = self.most = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[OnePool]:
        yield self

    async def execute(self, statement: Any, _values: Any) -> OnePool:
        if statement == query("find_sites"):
            self.searches += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await asyncio.sleep(0.2)
            self.at_once -= 1
        return self

    async def fetchall(self) -> list[Any]:
        return []


@pytest.mark.slow
@pytest.mark.asyncio
async def test_one_search_of_all_names_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each reads all sites; who would wait for longer than 3 s is answered so, and not searched for."""
    monkeypatch.setattr("edges.portal.store.SECONDS", 1.0)
    connections: Any = OnePool()
    store = Store(connections)
    answers = await asyncio.gather(*(store.find_sites("lilas") for _ in range(8)), return_exceptions=True)
    assert answers[0] == []
    assert isinstance(answers[-1], DatabaseAwayError)
    await asyncio.sleep(0.3)
    assert connections.most == 1
    assert connections.searches == sum(answer == [] for answer in answers), "none is begun that nobody waits for"
    assert await store.find_sites("lilas") == []


@pytest.mark.asyncio
async def test_an_import_may_take_longer_than_a_page(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a network, hundreds of sites in one transaction take more than the 3 s of a request."""
    monkeypatch.setattr("edges.portal.store.SECONDS", 0.0)
    await store.load_sites([imported(f"S{number}") for number in range(20)], edit("import"))
    with pytest.raises(DatabaseAwayError):
        await store.site("S1")


@pytest.mark.asyncio
async def test_each_change_waits_in_the_outbox(store: Store, rows: psycopg.Connection[Any]) -> None:
    await store.create(new(), edit("site"))
    [first] = rows.execute("SELECT topic, key, change FROM portal.outbox").fetchall()
    await store.change("S1", 1, edit("name"), lambda site: site)
    [second] = rows.execute("SELECT topic, key, change FROM portal.outbox").fetchall()
    assert (first[:2], second[:2]) == (("sites", "S1"), ("sites", "S1"))
    assert first[2] < second[2]


@pytest.mark.asyncio
async def test_until_the_schema_is_made_the_database_counts_as_away(database: PostgresSettings) -> None:
    """The relay makes it at the first start, in a thread beside the requests."""
    async with opened(pool(database, "ronde test")) as connections:
        with pytest.raises(DatabaseAwayError):
            await Store(connections).backlog()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("setting", "value"),
    [("transaction_read_only", "on"), ("idle_in_transaction_session_timeout", "20ms")],
)
async def test_a_standby_and_a_process_that_slept_are_away_and_no_fault(
    setting: str, value: str, store: Store, schema: PostgresSettings
) -> None:
    async def write(connection: AsyncSession) -> None:
        await connection.execute("SELECT set_config(%s, %s, true)", (setting, value))
        await asyncio.sleep(0.2)
        await connection.execute("DELETE FROM portal.outbox")

    with pytest.raises(DatabaseAwayError):
        await store.transaction(write)
    assert await store.create(new(), edit("site"))  # the connection is replaced


def test_migrations_run_once_and_refuse_a_newer_schema(schema: PostgresSettings) -> None:
    with connect(schema, "test") as connection:
        assert migrate(connection) == []
        connection.execute("INSERT INTO portal.migrations (number, name) VALUES (%s, 'x')", (len(migrations()) + 1,))
        with pytest.raises(EdgeError, match="a newer one migrated it"):
            migrate(connection)


def test_every_column_has_a_comment(rows: psycopg.Connection[Any]) -> None:
    bare = rows.execute(
        "SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid "
        "WHERE c.relnamespace = 'portal'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 "
        "AND col_description(c.oid, a.attnum) IS NULL"
    ).fetchall()
    assert bare == []
