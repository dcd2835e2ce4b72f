"""What an erasure leaves: leaves that verify, and nothing that can be opened or guessed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from seal.checking import check_records
from seal.commitments import Commitments
from seal.errors import SealError
from seal.proofs import Place
from seal.store import Store, make_schema
from tests.seal.bench import Dossier, SealBench, field, records, resolved_night
from tests.streams.logbook import callback, seconds
from tests.streams.test_whatif import answer, waiting

pytestmark = pytest.mark.server


def test_an_erased_contact_is_gone_and_cannot_be_guessed(sealed: Dossier, bench: SealBench, tmp_path: Path) -> None:
    night = resolved_night()
    text = sealed.raw.decode()
    phone = b"+33612345600".hex()
    assert phone in text
    assert bench.store.erase("S1", "ann", seconds(10**6))
    erased = bench.dossier(night, tmp_path / "erased")
    for secret in ("+33612345600", "Ann"):
        assert secret.encode().hex() not in erased.raw.decode()
    told = erased.verify()
    assert "withholds contact_id, contact_name, phone, language" in told
    assert "the last one closes the incident" in told
    assert b"+33612345601".hex() in erased.raw.decode(), "bob is not erased"
    withheld = {one[3] for line in records(erased.lines()) for one in line["fields"] if one[1] is None}
    assert withheld
    # All guesses, without a salt, under every salt that is left, and under those of another contact.
    salts = [b"", *(bytes.fromhex(one[1]) for line in records(erased.lines()) for one in line["fields"] if one[1])]
    guesses = (b"\x06ann", b"\x06Ann", b"\x18+33612345600", b"\x02\x06ann", b"\x00", b"\x02\x04fr")
    assert not withheld & {hashlib.sha256(salt + guess).hexdigest() for salt in salts for guess in guesses}
    # Equal values of an erased contact do not show as equal.
    commitments = [one[3] for line in records(erased.lines()) for one in line["fields"] if one[1] is None]
    assert len(set(commitments)) == len(commitments)


def test_of_an_erased_site_nothing_can_be_opened(sealed: Dossier, bench: SealBench) -> None:
    assert sealed.raw
    assert bench.store.erase("S1", "", seconds(10**6))
    with pytest.raises(SealError, match="its site was erased"):
        bench.packed(resolved_night())


def test_what_is_sealed_before_an_erasure_is_read_stays_closed_behind_it(bench: SealBench, tmp_path: Path) -> None:
    """The erasure is of an earlier time than records that were sealed already; later ones have another secret."""
    night = waiting()
    bench.book(night)
    assert bench.store.erase("S1", "ann", seconds(15))
    assert not bench.store.erase("S1", "ann", seconds(15)), "read again after a restart"
    night.chunk(700, answer("R3", night.last_id(), "NO_ANSWER", "UNKNOWN"))
    night.chunk(720, callback("C1", "IDENTIFIED", "NORMAL"))
    bench.book(night)
    dossier = bench.dossier(night, tmp_path / "night")
    assert "closes the incident" in dossier.verify()
    closed = [line["offset"] for line in records(dossier.lines(), "calls") if field(line, "phone")[1] is None]
    opened = [line["offset"] for line in records(dossier.lines(), "calls") if field(line, "phone")[1]]
    assert 0 in closed
    assert opened, "bob's, and those of the second round"


def test_a_sender_whose_clock_is_ahead_closes_nothing_of_after_an_erasure(bench: SealBench) -> None:
    """What is sealed after it is under a new secret, which is kept: a change of it is found."""
    alerts = waiting().logs["alerts"]
    record = alerts[0]._replace(key=b"S1")
    bench.seal([record, record._replace(key=b"S2", offset=1, timestamp=seconds(3000))])
    assert bench.store.erase("S1", "", record.timestamp)
    after = [record._replace(offset=offset, timestamp=seconds(20)) for offset in (2, 3)]
    bench.seal(after)
    for store in (bench.store, Store(bench.connection)):  # as it is, and as it is read at a start
        opener, log = Commitments(store.secret), ("alerts", 0)
        assert all(field.salt is None for field in opener.leaf(record).fields)
        assert all(field.salt for one in after for field in opener.leaf(one).fields)
        changed = [after[0], after[1]._replace(value=(record.value or b"") + b"?")]
        (found,) = check_records(store, opener, log, bench.trees[log], changed, 2)
        assert found.startswith("ALTERED: alerts-0-3")
    assert all(field.salt is None for field in opener.leaf(after[1]._replace(offset=9, timestamp=0)).fields), (
        "of before"
    )


def test_tables_of_an_earlier_version_are_brought_up_to_date(bench: SealBench) -> None:
    bench.connection.execute(
        "ALTER TABLE seal.erasures DROP COLUMN ends;"
        " DROP TABLE seal.topics;"
        " ALTER TABLE seal.trees ADD COLUMN latest bigint NOT NULL DEFAULT 0;"
        " INSERT INTO seal.erasures VALUES ('S1', '', 5)"
    )
    with pytest.raises(SealError, match="run `ronde seal` first"):
        Store(bench.connection)
    make_schema(bench.connection)
    store = Store(bench.connection)
    assert [store.is_erased("S1", "", Place("calls", 0, 0, at)) for at in (5, 6)] == [True, False]
    bench.book(resolved_night())
