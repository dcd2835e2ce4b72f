"""`ronde portal import` and `migrate`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from edges.portal.store import Store
from service import words
from tests.conftest import Run, SettingsFile

CSV = """site_id,subscribed,contacts.1.contact_id,contacts.1.role,contacts.1.phone,contacts.1.password,contacts.2.role
S1,yes,ann,OWNER,06 39 98 00 01,Corail Bleu,MEMBER
S2,maybe,,,,,
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sites.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_sites_of_a_file_become_the_portals(run: Run, file: Path, portal_file: SettingsFile) -> None:
    settings = portal_file()
    ran = run("portal", "import", file, "--country", "FR", "--settings", settings)
    assert ran.exit == 1
    assert "1 sites loaded into the portal, 1 bad lines left out" in ran.err + ran.out
    assert "line 3" in ran.err + ran.out
    assert json.loads(run("portal", "migrate", "--settings", settings, "--json").out) == []


@pytest.mark.asyncio
async def test_people_of_an_imported_site_are_its_contacts(
    store: Store, run: Run, file: Path, portal_file: SettingsFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(run, "portal", "import", file, "--country", "FR", "--settings", portal_file())
    found = await store.site("S1")
    assert found is not None
    first = found.configuration.first
    assert first is not None
    assert (first.contact_id, first.phone) == ("ann", "+33639980001")
    assert words.fits(first.password_hash or "", "corail-bleu")
    assert [(person.person_id, person.role) for person in found.configuration.people] == [
        ("ann", "OWNER"),
        ("S1-2", "MEMBER"),
    ]
    [line] = await store.history("S1")
    assert (line.by, line.what) == ("ronde portal import", "import")


def test_a_database_that_is_away_is_named(run: Run, file: Path, portal_file: SettingsFile) -> None:
    ran = run("portal", "import", file, "--settings", portal_file(postgres={"port": 1}))
    assert ran.exit == 1
    assert "PostgreSQL does not answer" in ran.err
    assert "Start it (here: `ronde local up --postgres`)" in ran.err


@pytest.mark.parametrize("command", ["portal migrate", "portal import", "partners list", "partners migrate"])
def test_a_right_that_the_role_lacks_is_named(
    run: Run, file: Path, portal_file: SettingsFile, stranger: str, command: str
) -> None:
    arguments = [file] if "import" in command else []
    ran = run(*command.split(), *arguments, "--settings", portal_file(postgres={"user": stranger}))
    assert (ran.exit, ran.out) == (1, "")
    assert "PostgreSQL cannot be used: 42501 permission denied for database" in ran.err
    assert "Correct the rights of its role" in ran.err


def test_a_right_that_it_lacks_on_tables_alone_is_named(
    run: Run, file: Path, portal_file: SettingsFile, rows: psycopg.Connection[tuple[object, ...]], stranger: str
) -> None:
    """As after a dump was restored by another role."""
    rows.execute(
        SQL(
            "ALTER SCHEMA portal OWNER TO {role}; ALTER TABLE portal.migrations OWNER TO {role};"
            "GRANT CREATE ON DATABASE {database} TO {role}"
        ).format(role=Identifier(stranger), database=Identifier(rows.info.dbname))
    )
    settings = portal_file(postgres={"user": stranger})
    assert run("portal", "migrate", "--settings", settings).exit == 0
    ran = run("portal", "import", file, "--country", "FR", "--settings", settings)
    assert (ran.exit, ran.out) == (1, "")
    assert "PostgreSQL cannot be used: 42501 permission denied for table" in ran.err


@pytest.mark.asyncio
async def test_what_stands_above_an_unreadable_line_is_loaded_and_counted(
    store: Store, run: Run, tmp_path: Path, portal_file: SettingsFile
) -> None:
    file = tmp_path / "sites.csv"
    good = "".join(f"S{number:03},yes\n" for number in range(201))  # one more than are loaded at once
    file.write_text(f'site_id,subscribed\n{good}BAD,maybe\n"S999,yes\n', encoding="utf-8")
    ran = await asyncio.to_thread(run, "portal", "import", file, "--settings", portal_file())
    assert ran.exit == 2
    assert "line 203: UNDECODABLE" in ran.out
    assert "201 sites before it were loaded and 1 bad lines left out" in ran.err
    assert await store.site("S200") is not None


@pytest.mark.asyncio
async def test_bad_lines_are_left_out_and_quote_nothing_secret(
    store: Store, run: Run, tmp_path: Path, portal_file: SettingsFile
) -> None:
    good = {
        "subscribed": True,
        "contacts": [],
        "intervention": {"enabled": True, "partners": []},
        "updated_at": "2026-01-01T00:00:00.000Z",
    }
    lines = [
        good | {"site_id": "S1"},
        good | {"site_id": "S2", "subscribed": "Corail Bleu"},
        good | {"site_id": ""},
        good | {"site_id": "S4", "contacts": "Corail Bleu"},
        good | {"site_id": "S5"},
        good | {"site_id": "S6", "instructions": "Corail\0"},
        good | {"site_id": "S7", "contacts": [{"contact_id": "x" * 100, "role": "EXTERNAL"}] * 10_000},
    ]
    file = tmp_path / "sites.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)) + '\n{"site_id": "S8"\n', encoding="utf-8")
    ran = await asyncio.to_thread(run, "portal", "import", file, "--settings", portal_file())
    assert ran.exit == 1, ran
    said = ran.out + ran.err
    for line in (2, 3, 4, 6, 7, 8):
        assert f"line {line}" in said, said
    assert "Corail" not in said
    assert "2 sites loaded into the portal, 6 bad lines left out" in said
    assert await store.find_sites("") == ["S1", "S5"]
