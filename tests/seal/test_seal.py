"""A sealed dossier verifies with Python alone, and each change to it is found by name."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import runpy
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ronde.outcomes.sealed_dossier import sealed_dossier
from ronde.shared.whole_settings import WholeSettings
from seal import keys
from seal.errors import SealError
from seal.sealing import Sealing
from seal.store import Head, Store, connect
from service.postgres_settings import PostgresSettings
from streams.kafka.topics import create
from streams.settings import load
from tests.conftest import MakeSettings, Run, SettingsFile
from tests.kafka.published import publish
from tests.streams.logbook import Logbook, callback, seconds
from tests.streams.test_whatif import answer, waiting

Lines = list[dict[str, Any]]


class SealBench(NamedTuple):
    """What the tests change: a dossier of three heads, its verifier, and how to make more."""

    settings: WholeSettings
    file: Path
    incident: str
    heads: list[Head]
    folder: Path
    verify: Callable[..., str]

    def lines(self) -> Lines:
        return [json.loads(line) for line in (self.folder / "dossier.jsonl").read_text().splitlines()]


def seal_once(settings: WholeSettings) -> Head:
    with connect(settings.postgres) as connection:
        sealing = Sealing(settings.for_seal(), Store(connection))
        try:
            return sealing.once()
        finally:
            sealing.close()


@pytest.fixture
def sealed(
    settings: MakeSettings,
    settings_file: SettingsFile,
    database: PostgresSettings,
    client_log: logging.Logger,
    tmp_path: Path,
) -> SealBench:
    sections: dict[str, Any] = {
        "topics": {"partitions": 1},
        "postgres": {name: getattr(database, name) for name in ("host", "port", "database", "user")},
        "seal": {"key_file": str(tmp_path / "seal.pem")},
    }
    file = settings_file(**sections)
    whole = load(file, {}, WholeSettings)
    create(settings(topics={"partitions": 1}))
    keys.create(tmp_path / "seal.pem")
    heads = [seal_once(whole)]
    book = waiting()
    incident = str(book.decisions()[0].incident_id)
    publish(book, whole, client_log)
    heads.append(seal_once(whole))
    rest = _since(book, lambda: book.chunk(700, answer("R3", f"{incident}-c2.1", "IDENTIFIED", "NORMAL")))
    publish(rest, whole, client_log)
    heads.append(seal_once(whole))
    folder = tmp_path / "dossier"
    zipfile.ZipFile(io.BytesIO(sealed_dossier(whole, incident))).extractall(folder)

    verifier = runpy.run_path(str(folder / "verify.py"))  # a process each would take most of the test

    def verify(lines: Lines | None = None, raw: bytes | None = None, key: str | None = None, head: Any = ()) -> str:
        if lines is not None:
            raw = "".join(json.dumps(line) + "\n" for line in lines).encode()
        content = (folder / "dossier.jsonl").read_bytes() if raw is None else raw
        try:
            return "\n".join(verifier["Dossier"](content.splitlines(), key, head).verify())
        except verifier["Finding"] as finding:
            return str(finding)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            return "ALTERED"  # as its ``main`` says

    return SealBench(whole, file, incident, heads, folder, verify)


def _since(book: Logbook, more: Callable[[], None]) -> Logbook:
    """Return what a chunk adds to a logbook."""
    before = {topic: len(log) for topic, log in book.logs.items()}
    more()
    rest = Logbook()
    rest.logs = {topic: log[before[topic] :] for topic, log in book.logs.items()}
    return rest


def numbered(lines: Lines) -> Lines:
    return [{**line, "line": number} for number, line in enumerate(lines, start=1)]


def test_a_dossier_verifies_each_change_is_found_by_name_and_an_erased_contact_is_gone(sealed: SealBench) -> None:
    key = keys.public_hex(keys.load(sealed.settings.seal.key_file))
    last = sealed.heads[-1]
    command = [sys.executable, "-I", "-S", "verify.py", "--key", key, "--head", f"{last.number}:{last.digest}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=sealed.folder, timeout=60, env={})
    assert (done.returncode, done.stderr) == (0, "")
    assert "the last one closes the incident" in done.stdout
    assert f"{sealed.incident}-v1: OPENED, of ALERT A1" in done.stdout
    assert "sealed by head 2" in done.stdout

    raw = (sealed.folder / "dossier.jsonl").read_bytes()
    lines = sealed.lines()
    for cut in range(len(lines)):
        told = sealed.verify(raw=b"".join(raw.splitlines(keepends=True)[:cut]))
        assert told.startswith("CUT"), (cut, told)
    records = [place for place, line in enumerate(lines) if line["what"] == "record"]
    heads = [place for place, line in enumerate(lines) if line["what"] == "head"]

    def found(change: Callable[[Lines], Any]) -> str:
        changed = sealed.lines()
        assert change(changed) is None
        return sealed.verify(lines=changed).partition(":")[0]

    def renumbered(change: Callable[[Lines], Any]) -> str:
        changed = sealed.lines()
        change(changed)
        return sealed.verify(lines=numbered(changed)).partition(":")[0]

    for place in records:
        assert renumbered(lambda lines, place=place: lines.pop(place)) == "MISSING"  # type: ignore[misc]
    one, other = records[0], records[-1]
    swap: Any = lambda lines: lines.__setitem__(slice(one, other + 1), lines[one : other + 1][::-1])  # noqa: E731
    assert found(swap) == "OUT_OF_ORDER"
    assert renumbered(lambda lines: (lines[one].update(n=lines[one]["n"] + 1), None)[1]) in {"ALTERED", "OLDER_HEAD"}

    def flip(lines: Lines) -> None:
        field = lines[one]["fields"][4]
        field[2] = ("00" if field[2][:2] != "00" else "02") + field[2][2:]

    assert found(flip) == "ALTERED"
    assert (
        found(lambda lines: lines[heads[-1]].update(body=lines[heads[-1]]["body"].replace("Z", "z"))) == "FORGED_HEAD"
    )
    assert renumbered(lambda lines: lines.pop(heads[-1])) in {"OLDER_HEAD", "ALTERED", "SECOND_TREE"}
    assert sealed.verify(head=[(last.number + 2, "00")]).startswith("OLDER_HEAD")
    assert sealed.verify(head=[(last.number, "00")]).startswith("SECOND_TREE")
    assert sealed.verify(key="00").startswith("OTHER_KEY")

    begin = raw.index(b'"what": "record"')
    for place in range(begin, len(raw), len(raw) // 20):
        changed = raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]
        assert sealed.verify(raw=changed).split(":")[0].isupper(), raw[place - 20 : place + 20]

    text = (sealed.folder / "dossier.jsonl").read_text()
    phone = b"+33612345600".hex()
    assert phone in text
    with connect(sealed.settings.postgres) as connection:
        Store(connection).erase("S1", "ann", seconds(10**6))
    zipfile.ZipFile(io.BytesIO(sealed_dossier(sealed.settings, sealed.incident))).extractall(sealed.folder)
    erased = (sealed.folder / "dossier.jsonl").read_text()
    assert phone not in erased
    assert b"Ann".hex() not in erased
    assert "fields are withheld" in sealed.verify()
    assert "the last one closes the incident" in sealed.verify()
    withheld = [
        field for line in sealed.lines() if line["what"] == "record" for field in line["fields"] if field[1] is None
    ]
    guesses = {hashlib.sha256(guess).hexdigest() for guess in (b"\x06ann", b"\x06Ann", b"\x18+33612345600")}
    assert withheld
    assert not guesses & {field[3] for field in withheld}


def test_the_kept_tree_is_checked_against_the_topics_and_what_no_head_covers_is_named(
    sealed: SealBench, client_log: logging.Logger, run: Run
) -> None:
    ran = run("seal", "check", "--settings", sealed.file)
    assert (ran.exit, ran.err) == (0, "")
    assert "3 heads" in ran.out
    assert seal_once(sealed.settings).number == 4  # nothing new: the same roots, one head more
    exported = run("incident", "export", sealed.incident, "--sealed", "--to", sealed.folder, "--settings", sealed.file)
    assert exported.exit == 0, exported.err
    with connect(sealed.settings.postgres) as connection:
        connection.execute(
            "UPDATE seal.leaves SET hash = '\\x00' || substr(hash, 2) WHERE topic = 'decisions' AND n = 0"
        )
    ran = run("seal", "check", "--settings", sealed.file)
    assert ran.exit == 1
    assert "SECOND_TREE: decisions-0" in ran.err
    assert "ALTERED: decisions-0-0" in ran.err

    book = waiting(5000)
    book.chunk(5100, callback("C9", "IDENTIFIED", "NORMAL"))
    publish(book, sealed.settings, client_log)
    ran = run("incident", "export", book.decisions()[0].incident_id, "--sealed", "--settings", sealed.file)
    assert (ran.exit, "is not sealed yet" in ran.err) == (1, True)
    with connect(sealed.settings.postgres) as connection, connect(sealed.settings.postgres) as second:
        store = Store(connection)
        sealing = Sealing(sealed.settings.for_seal(), store)
        give_up = time.monotonic() + 60
        expected = store.trees()["decisions", 0].size + len(book.logs["decisions"])
        sealing.run(lambda: store.trees()["decisions", 0].size == expected or time.monotonic() > give_up)
        sealing.close()
        assert store.trees()["decisions", 0].size == expected
        with pytest.raises(SealError, match="another `ronde seal`"):
            Store(second).lock()
    ran = run("incident", "export", book.decisions()[0].incident_id, "--sealed", "--settings", sealed.file)
    assert (ran.exit, "no head covers all of it yet" in ran.err) == (1, True)
    assert run("seal", "key", "--settings", sealed.file).exit == 1  # the key is there
