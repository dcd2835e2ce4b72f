"""A second tree: by itself it verifies; a head that was published, or another dossier, finds it by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from seal.checking import check_heads, check_records
from seal.errors import SealError
from service.postgres_settings import PostgresSettings
from tests.seal.bench import PUBLIC, Dossier, SealBench, all_records, name_of, numbered, resolved_night
from tests.streams.logbook import Logbook, seconds

pytestmark = pytest.mark.server


def test_published_heads_find_what_they_can_and_say_what_they_cannot(
    sealed: Dossier, bench: SealBench, night: Logbook, tmp_path: Path
) -> None:
    heads = [*bench.store.heads()]
    digests = {head.number: head.digest for head in heads}
    assert "all" not in sealed.verify(published=[(2, digests[2]), (3, digests[3])])
    assert name_of(sealed.verify(published=[(3, "00" * 32)])) == "SECOND_TREE"
    assert name_of(sealed.verify(published=[(4, "00" * 32)])) == "OLDER_HEAD"
    # One from before the incident: the dossier says nothing of it, so that is no yes.
    assert name_of(sealed.verify(published=[(1, digests[1])])) == "MISSING"
    longer = bench.dossier(night, tmp_path / "longer", since_head=1)
    assert "closes the incident" in longer.verify(published=[(1, digests[1])])
    assert name_of(longer.verify(published=[(1, "00" * 32)])) == "SECOND_TREE"
    with pytest.raises(SealError, match="head 9 is not kept, or later"):
        bench.packed(night, since_head=9)
    with pytest.raises(SealError, match="head 3 is not kept, or later than the incident: name one up to 2"):
        bench.packed(night, since_head=3)


def test_a_head_that_is_published_once_a_day_is_in_a_dossier_of_that_day(
    sealed: Dossier, bench: SealBench, night: Logbook, tmp_path: Path
) -> None:
    """The incident is under head 3; what the centre published is the last head of that day, or a later one."""
    assert [head.number for head in bench.store.heads()] == [1, 2, 3]
    heads = [bench.head(seconds(1000 + 3600 * hour)) for hour in range(1, 31)]
    day = bench.dossier(night, tmp_path / "day")
    assert "head 27 of 2026" in day.verify(published=[(head.number, head.digest) for head in heads[:24]])
    assert "sealed by head 3 of" in day.verify()
    assert name_of(day.verify(published=[(28, heads[24].digest)])) == "OLDER_HEAD"
    later = bench.dossier(night, tmp_path / "later", until_head=33)
    assert "the last one closes" in later.verify(published=[(33, heads[-1].digest)])
    assert "head 3 of" in bench.dossier(night, tmp_path / "short", until_head=3).verify()
    for number, why in ((34, "is not kept"), (1, "earlier than the incident"), (2, "does not cover all of it")):
        with pytest.raises(SealError, match=why):
            bench.packed(night, until_head=number)


def test_a_check_and_a_dossier_read_what_they_need_and_no_more_at_a_time(
    bench: SealBench, night: Logbook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seal.store._RUNS", 2)
    monkeypatch.setattr("seal.store._HEADS", 2)
    for hour in range(32):
        bench.head(seconds(hour - 32))
    for record in sorted(all_records(night), key=lambda record: record.timestamp):
        bench.seal([record])
        bench.head(record.timestamp)
    read: list[str] = []
    rows = bench.store._rows

    def noted(statement: str, *values: object) -> list[tuple[object, ...]]:
        found = rows(statement, *values)
        read.extend([statement] * len(found))
        return found

    monkeypatch.setattr(bench.store, "_rows", noted)
    count = len(night.logs["decisions"])
    log = ("decisions", 0)
    assert [leaf.offset for leaf in bench.store.leaves_from(log, 2)] == list(range(2, count))
    assert len(read) == count - 2
    assert [*check_records(bench.store, bench.commitments, log, bench.trees[log], night.logs["decisions"][2:], 2)] == []
    assert [*check_heads(bench.store)] == []
    read.clear()
    assert "head 33 of" in bench.dossier(night, tmp_path / "night").verify()
    own = bench.trees.values()
    heads = sum(tree.size for tree in own)
    assert sum("seal.heads" in statement for statement in read) < heads + 10, "none of the 32 before"


def test_a_whole_rival_tree_is_found_by_name(
    sealed: Dossier, bench: SealBench, night: Logbook, database: PostgresSettings, tmp_path: Path
) -> None:
    """The same incidents, one record changed, complete with heads of the same times, signed by the same key."""
    heads = [*bench.store.heads()]
    bench.connection.execute("ALTER SCHEMA seal RENAME TO kept")
    rival, other = SealBench(database), resolved_night()
    other.change("decisions", 1, disposition="as the customer wished")
    rival.head(seconds(0))
    rival.seal(record for log in other.logs.values() for record in log if record.timestamp < seconds(100))
    rival.head(seconds(100))
    rival.book(other, head=False)
    rival.head(seconds(1000))
    second = rival.dossier(other, tmp_path / "rival")
    assert "the last one closes the incident" in second.verify(key=PUBLIC), "by itself it holds"
    # A published head finds it, each of them; and so does any other dossier of the centre.
    for head in heads[1:]:
        assert name_of(second.verify(published=[(head.number, head.digest)])) == "SECOND_TREE"
    assert name_of(second.beside(sealed)) == "SECOND_TREE"
    assert sealed.beside(sealed) == "2 heads are in both dossiers, and the same"
    # Records of the one under heads of the other, proofs and all.
    mixed = [line for line in sealed.lines() if line["what"] == "head"]
    lines = second.lines()
    at = [place for place, line in enumerate(lines) if line["what"] == "head"]
    for place, line in zip(at, mixed, strict=True):
        lines[place] = line
    assert name_of(second.verify(numbered(lines))) in {"SECOND_TREE", "ALTERED"}
    rival.close()


def test_a_tree_that_forks_behind_a_published_head_is_found(
    bench: SealBench, night: Logbook, database: PostgresSettings, tmp_path: Path
) -> None:
    """It continues the published head; an earlier record of it is another one."""
    bench.seal(record for log in night.logs.values() for record in log if record.timestamp < seconds(100))
    bench.head(seconds(100))
    bench.book(night)
    published = [*bench.store.heads()]
    # Behind head 1, the tree is made of other leaves, and head 2 signed again.
    bench.connection.execute("DELETE FROM seal.heads WHERE number > 1; DELETE FROM seal.leaves; DELETE FROM seal.trees")
    fork, other = SealBench(database), resolved_night()
    other.change("decisions", 1, disposition="as the customer wished")
    fork.book(other)
    forged = fork.dossier(other, tmp_path / "fork")
    assert name_of(forged.verify()) == "SECOND_TREE", "not consistent with head 1"
    assert name_of(forged.verify(published=[(2, published[1].digest)])) == "SECOND_TREE"
    fork.close()


def test_a_record_that_is_written_again_behind_a_published_head_is_found(
    bench: SealBench, night: Logbook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tree of the published head goes on, with another leaf for an offset that it covers already."""
    bench.book(night)
    (published,) = bench.store.heads()
    log, other = ("decisions", 0), resolved_night()
    other.change("decisions", 1, disposition="as the customer wished")
    end = bench.trees[log].next_offset
    again = bench.commitments.seal(bench.commitments.parts(other.logs["decisions"][1]))
    bench.trees |= bench.store.append(bench.trees, {log: [again]})
    bench.trees |= bench.store.skip(bench.trees, {log: end})
    last = bench.head()
    kept, leaves = bench.store.kept, bench.store.kept_leaves(log, 0, bench.trees[log].size)
    shown = {leaf.offset: leaf for leaf in leaves}  # the one of now
    monkeypatch.setattr(bench.store, "kept", lambda of, offset: shown[offset] if of == log else kept(of, offset))
    forged = bench.dossier(other, tmp_path / "forged")
    told = forged.verify(published=[(1, published.digest), (2, last.digest)])
    assert told.startswith("SECOND_TREE: decisions-0-1 is not where head 1 has it: leaf 5 of a tree of 5"), told
