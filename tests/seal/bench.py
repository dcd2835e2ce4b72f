"""A seal over a logbook, with PostgreSQL and without a broker: seal, sign heads, write dossiers, verify them."""

from __future__ import annotations

import io
import json
import runpy
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.contract.topics import Log
from seal.commitments import SEALED, Commitments
from seal.dossier import dossier
from seal.heads import Heads
from seal.keys import public_hex
from seal.metrics import SealMetrics
from seal.proofs import end_line
from seal.store import Head, Store, TreeState, connect, make_schema
from service.postgres import Session
from service.postgres_settings import PostgresSettings
from streams.escalation.values import Decision
from streams.kafka.reading import LogRecord
from tests.streams.logbook import RECORDED, Logbook, alert, site
from tests.streams.test_whatif import answer, report, waiting

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = public_hex(KEY)
Lines = list[dict[str, Any]]


class SealBench:
    """One seal."""

    def __init__(self, settings: PostgresSettings, stamp_url: str | None = None) -> None:
        self.connection: Session = connect(settings)
        make_schema(self.connection)
        self.store = Store(self.connection)
        self.commitments = Commitments(self.store.secret)
        self.metrics = SealMetrics()
        self.heads = Heads(self.store, KEY, stamp_url, self.metrics)
        self.trees: dict[Log, TreeState] = self.store.trees()

    def close(self) -> None:
        self.connection.close()

    def seal(self, records: Iterable[LogRecord]) -> None:
        """Seal what is new."""
        arrived = defaultdict(list)
        for record in records:
            log = (record.topic, record.partition)
            if record.topic in SEALED and record.offset >= self.trees.setdefault(log, TreeState(0, 0)).next_offset:
                arrived[log].append(self.commitments.parts(record))
        self.store.fetch([owner for parts in arrived.values() for one in parts for owner in one.owners])
        batch = {log: [self.commitments.seal(one) for one in parts] for log, parts in arrived.items()}
        self.trees |= self.store.append(self.trees, batch)

    def head(self, made_at: int | None = None) -> Head:
        return self.heads.sign(self.trees, made_at)

    def book(self, book: Logbook, *, head: bool = True) -> None:
        """Seal a logbook, and sign a head."""
        self.seal(all_records(book))
        if head:
            self.head()

    def packed(self, book: Logbook, incident: str | None = None, **heads: int | None) -> bytes:
        name = incident or str(book.decisions()[0].incident_id)
        records = incident_records(book, name)
        is_open = not any(one.incident_id == name and one.phase_to == "CLOSED" for one in book.decisions())
        return dossier(self.store, name, Commitments(self.store.secret), records, is_open=is_open, **heads)

    def dossier(self, book: Logbook, folder: Path, incident: str | None = None, **how: Any) -> Dossier:
        return Dossier(self.packed(book, incident, **how), folder)


class Dossier:
    """A dossier as its receiver has it."""

    def __init__(self, packed: bytes, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        zipfile.ZipFile(io.BytesIO(packed)).extractall(folder)
        self.folder = folder
        self._verifier = runpy.run_path(str(folder / "verify.py"))  # a process each would take most of the test

    @property
    def raw(self) -> bytes:
        return (self.folder / "dossier.jsonl").read_bytes()

    def lines(self) -> Lines:
        return [json.loads(line) for line in self.raw.splitlines()]

    def verify(self, lines: Lines | None = None, raw: bytes | None = None, **options: Any) -> str:
        """Return what the verifier writes, but for its last line. Changed ``lines`` get the end that a forger gives."""
        if lines is not None:
            texts = [json.dumps(line) for line in lines]
            if lines and lines[-1]["what"] == "end":
                texts[-1] = end_line([text.encode() for text in texts[:-1]])
            raw = "".join(f"{text}\n" for text in texts).encode()
        return self._call(lambda of: "\n".join(of((self.raw if raw is None else raw).splitlines(), **options).verify()))

    def beside(self, other: Dossier) -> str:
        """Return what the verifier says of another dossier."""
        return self._call(lambda of: of(self.raw.splitlines()).compare(of(other.raw.splitlines())))

    def _call(self, work: Any) -> str:
        try:
            return str(work(self._verifier["Dossier"]))
        except self._verifier["Finding"] as finding:
            return str(finding)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            return "ALTERED"  # as its ``main`` says


def name_of(text: str) -> str:
    """Return the name of a finding."""
    return text.partition(":")[0]


def numbered(lines: Lines) -> Lines:
    return [{**line, "line": number} for number, line in enumerate(lines, start=1)]


def all_records(book: Logbook) -> list[LogRecord]:
    return [record for topic in SEALED for record in book.logs[topic]]


def incident_records(book: Logbook, incident: str) -> Sequence[LogRecord]:
    """Return an incident's decisions, their inputs and outputs."""
    decided: list[tuple[LogRecord, Decision]] = [
        (record, RECORDED.value("decisions", record.value or b"")) for record in book.logs["decisions"]
    ]
    own = [(record, decision) for record, decision in decided if decision.incident_id == incident]
    outputs = {name for _, decision in own for name in decision.outputs}
    places = {decision.input[2:] for _, decision in own}
    others = [
        record
        for record in all_records(book)
        if record[:3] in places
        or (
            record.topic in {"calls", "dispatches", "attention"}
            and RECORDED.value(record.topic, record.value or b"")[0] in outputs
        )
    ]
    return [*(record for record, _ in own), *others]


def resolved_night() -> Logbook:
    """A call, a wait, a second round, an answer: closed."""
    book = waiting()
    incident = str(book.decisions()[0].incident_id)
    book.chunk(700, answer("R3", f"{incident}-c2.1", "IDENTIFIED", "NORMAL"))
    return book


def guarded_night() -> Logbook:
    """Under duress: a guard goes, and closes."""
    book = Logbook()
    book.chunk(0, site())
    book.chunk(10, alert())
    book.chunk(20, answer("R1", book.last_id(), "DURESS_CODE", "NORMAL"))
    for at, status in ((30, "ACCEPTED"), (60, "EN_ROUTE"), (90, "ON_SITE"), (400, "CLOSED")):
        book.chunk(at, report(book, status))
    return book


def changed(sealed: Dossier, change: Callable[[Lines], Any], **options: Any) -> str:
    """Return the name of what is found once the lines are changed and numbered again."""
    lines = sealed.lines()
    change(lines)
    return name_of(sealed.verify(numbered(lines), **options))


def records(lines: Lines, topic: str | None = None) -> Lines:
    return [line for line in lines if line["what"] == "record" and topic in {None, line["topic"]}]


def field(line: dict[str, Any], name: str) -> Any:
    return next(one for one in line["fields"] if one[0] == name)
