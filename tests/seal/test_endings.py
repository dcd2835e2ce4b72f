"""Dossiers that end otherwise than by a closed incident: its site was set aside, the key was changed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ronde.views.incident.sealed_dossier import incident_records
from seal.commitments import Commitments
from seal.dossier import dossier
from seal.heads import Heads
from streams.kafka.reading import LogRecord, Span
from tests.seal.bench import Dossier, SealBench, all_records, changed, name_of, records
from tests.streams.logbook import RECORDED, Logbook, alert, no_answer, seconds, site
from tests.streams.test_whatif import waiting

pytestmark = pytest.mark.server


class BookLogs:
    """A logbook as a command reads its topics."""

    def __init__(self, book: Logbook) -> None:
        self._book = book
        self.offsets = SimpleNamespace(
            first=lambda logs: dict.fromkeys(logs, 0),
            last_stable=lambda logs: {log: len(book.logs[log[0]]) for log in logs},
            at=lambda logs, instant: {log: self._at(log[0], instant) for log in logs},
        )

    def require(self, _: Any) -> int:
        return 1

    def read(self, span: Span) -> Iterable[LogRecord]:
        return self._book.logs[span.topic][span.begin : span.end]

    def _at(self, topic: str, instant: int) -> int:
        return sum(record.timestamp < instant for record in self._book.logs[topic])


def exported(bench: SealBench, book: Logbook, folder: Path) -> Dossier:
    """A dossier of the first incident with the records that the command finds."""
    incident = str(book.decisions()[0].incident_id)
    logs: Any = BookLogs(book)
    found = [*incident_records(logs, RECORDED, incident)]
    return Dossier(dossier(bench.store, incident, Commitments(bench.store.secret), found, is_open=True), folder)


def test_an_incident_whose_site_was_set_aside_lacks_no_decision(bench: SealBench, tmp_path: Path) -> None:
    night = waiting()
    night.chunk(45, alert("A2", site_id="S2", raised=45))
    night.set_aside(300, "S2")
    night.set_aside(310, "S1")
    night.chunk(400, alert("A3", raised=400))
    night.set_aside(900, "S1")
    bench.seal(all_records(night))
    bench.head(seconds(50_000))  # the deadline of its last decision is long past
    sealed = exported(bench, night, tmp_path / "aside")
    (attention,) = records(sealed.lines(), "attention")
    assert attention["offset"] == len(night.logs["attention"]) - 2, "of this site, the first"
    assert "versions 1 to 3 are there; state-0-" in sealed.verify()
    assert "ends it: its site was set aside" in sealed.verify()
    assert changed(sealed, lambda lines: lines.remove(records(lines, "attention")[0])) == "MISSING"


@pytest.mark.parametrize(("at", "is_open"), [(10, True), (50, False)])
def test_a_site_that_was_set_aside_at_the_instant_of_a_decision(
    at: float, is_open: bool, bench: SealBench, tmp_path: Path
) -> None:
    """That of the opening comes after it, so the incident goes on; any other one came before."""
    night = Logbook()
    night.chunk(0, site())
    if is_open:
        night.set_aside(at, "S1")
    night.chunk(10, alert())
    if not is_open:
        night.chunk(30, no_answer("R1", night.last_id()))
        night.chunk(at, no_answer("R2", night.last_id()))
        night.set_aside(at, "S1")
    bench.seal(all_records(night))
    bench.head(seconds(60))
    told = exported(bench, night, tmp_path / "then").verify()
    assert ("open at head" in told) is is_open
    assert ("ends it: its site was set aside" in told) is not is_open


def test_heads_of_a_key_that_was_changed_are_named_by_it(bench: SealBench, tmp_path: Path) -> None:
    night = waiting()
    bench.seal(all_records(night))
    bench.head(seconds(60))
    changed_key = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    bench.heads = Heads(bench.store, changed_key, None, bench.metrics)
    bench.head(seconds(100))
    sealed = exported(bench, night, tmp_path / "keys")
    told = sealed.verify()
    assert name_of(told) == "OTHER_KEY"
    assert "head 1 is signed by" in told
    assert changed(sealed, lambda lines: lines[1].update(signature="00" * 64)) == "FORGED_HEAD"
