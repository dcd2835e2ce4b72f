"""A sealed dossier verifies with Python alone, and each change to it is found by name."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seal.errors import SealError
from service.postgres_settings import PostgresSettings
from tests.seal.bench import KEY, PUBLIC, Dossier, Lines, SealBench, name_of, numbered
from tests.streams.logbook import Logbook, alert, callback, seconds, site
from tests.streams.test_whatif import answer, report, waiting

pytestmark = pytest.mark.server


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


@pytest.fixture
def night() -> Logbook:
    return resolved_night()


@pytest.fixture
def sealed(bench: SealBench, night: Logbook, tmp_path: Path) -> Dossier:
    """A dossier of three heads: an empty one, one amid the incident, one behind it."""
    bench.head(seconds(0))
    bench.seal(record for log in night.logs.values() for record in log if record.timestamp < seconds(100))
    bench.head(seconds(100))
    bench.book(night, head=False)
    bench.head(seconds(1000))
    return bench.dossier(night, tmp_path / "dossier")


def changed(sealed: Dossier, change: Callable[[Lines], Any], **options: Any) -> str:
    """Return the name of what is found once the lines are changed and numbered again."""
    lines = sealed.lines()
    change(lines)
    return name_of(sealed.verify(numbered(lines), **options))


def records(lines: Lines, topic: str | None = None) -> Lines:
    return [line for line in lines if line["what"] == "record" and topic in {None, line["topic"]}]


def field(line: dict[str, Any], name: str) -> Any:
    return next(one for one in line["fields"] if one[0] == name)


def test_a_python_with_nothing_installed_says_what_holds(sealed: Dossier, bench: SealBench, night: Logbook) -> None:
    last = bench.store.last_head()
    assert last is not None
    command = [sys.executable, "-I", "-S", "verify.py", "--key", PUBLIC.upper(), "--head", f"3:{last.digest}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=sealed.folder, timeout=60, env={})
    assert (done.returncode, done.stderr) == (0, "")
    incident = night.decisions()[0].incident_id
    assert "the last one closes the incident" in done.stdout
    assert f"{incident}-v1: OPENED, of ALERT A1" in done.stdout
    assert "sealed by head 2" in done.stdout
    assert "sealed by head 3" in done.stdout
    for wrong, status, words in (
        (["--head", "3:00"], 2, "is not NUMBER:SHA256"),
        (["--head", f"3:{'0' * 64}"], 1, "SECOND_TREE: head 3"),
        (["--key", "00"], 1, "OTHER_KEY"),
        (["missing.jsonl"], 2, "missing.jsonl: No such file"),
    ):
        done = subprocess.run(
            [*command[:4], *wrong], capture_output=True, text=True, check=False, cwd=sealed.folder, timeout=60, env={}
        )
        assert done.returncode == status, done
        assert words in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_a_file_cut_at_any_line_or_byte_does_not_verify(sealed: Dossier) -> None:
    whole = sealed.raw.splitlines(keepends=True)
    for cut in range(len(whole)):
        assert name_of(sealed.verify(raw=b"".join(whole[:cut]))) == "CUT", cut
        assert name_of(sealed.verify(raw=b"".join(whole[cut + 1 :]))) in {"CUT", "OUT_OF_ORDER"}, cut
    for cut in range(0, len(sealed.raw) - 2, len(sealed.raw) // 40):
        assert name_of(sealed.verify(raw=sealed.raw[:cut])) in {"CUT", "ALTERED"}, cut


def test_each_record_and_proof_that_is_dropped_is_missed(sealed: Dossier) -> None:
    lines = sealed.lines()
    for place, line in enumerate(lines):
        name = changed(sealed, lambda lines, place=place: lines.pop(place))
        expected = {"record": {"MISSING"}, "consistency": {"MISSING"}, "head": {"OLDER_HEAD", "MISSING", "ALTERED"}}
        assert name in expected.get(line["what"], {"CUT"}), line["what"]


def test_any_two_lines_that_are_swapped_are_out_of_order(sealed: Dossier) -> None:
    count = len(sealed.lines())
    for place in range(count - 1):
        lines = sealed.lines()
        lines[place], lines[place + 1] = lines[place + 1], lines[place]
        assert name_of(sealed.verify(lines)) == "OUT_OF_ORDER"
    lines = records(sealed.lines())
    assert changed(sealed, lambda lines: lines.insert(-1, records(lines)[0])) == "OUT_OF_ORDER"
    assert changed(sealed, lambda lines: lines.insert(3, {"what": "end"})) == "OUT_OF_ORDER"
    assert changed(sealed, lambda lines: lines.insert(3, {"what": "note"})) == "ALTERED"


def test_a_flipped_byte_anywhere_is_found(sealed: Dossier) -> None:
    raw = sealed.raw
    harmless = 0
    for place in range(0, len(raw), len(raw) // 100):
        text = sealed.verify(raw=raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :])
        if not name_of(text).isupper():
            harmless += 1
            # A space between two tokens, the name of a key that nobody reads.
            assert "the last one closes the incident" in text, raw[place - 20 : place + 20]
    assert harmless < 10
    fields = [(place, at) for place, line in enumerate(records(sealed.lines())) for at in range(len(line["fields"]))]
    for place, at in fields[::3]:

        def flip(lines: Lines, place: int = place, at: int = at) -> None:
            one = records(lines)[place]["fields"][at]
            one[2] = ("02" if one[2][:2] != "02" else "04") + one[2][2:]

        assert changed(sealed, flip) == "ALTERED"


def test_what_stands_around_a_record_is_sealed_too(sealed: Dossier) -> None:
    def of(**fields: Any) -> Callable[[Lines], None]:
        return lambda lines: records(lines, "calls")[0].update(fields)

    assert changed(sealed, of(timestamp=1)) == "ALTERED"
    assert changed(sealed, of(offset=99)) == "ALTERED"
    assert changed(sealed, of(topic="dispatches")) == "MISSING"
    assert changed(sealed, of(n=1)) in {"ALTERED", "OLDER_HEAD"}
    assert changed(sealed, of(n=10**9)) == "OLDER_HEAD"
    assert changed(sealed, of(schema="")) == "ALTERED"
    assert changed(sealed, of(schema="00")) == "MISSING"
    assert changed(sealed, of(path=[])) == "ALTERED"


def test_a_schema_that_reads_the_same_bytes_otherwise_is_found(sealed: Dossier) -> None:
    def swap(lines: Lines, is_named_anew: bool) -> None:
        schemas = lines[0]["schemas"]
        (digest,) = [digest for digest, text in schemas.items() if "phase_from" in text]
        text = schemas[digest].replace('"phase_from"', '"X"').replace('"phase_to"', '"phase_from"')
        text = text.replace('"X"', '"phase_to"')
        assert text != schemas.pop(digest)
        name = hashlib.sha256(text.encode()).hexdigest() if is_named_anew else digest
        schemas[name] = text
        for line in records(lines, "decisions"):
            line["schema"] = name
            at = [one[0] for one in line["fields"]].index("phase_from")
            line["fields"][at][0], line["fields"][at + 1][0] = "phase_to", "phase_from"

    assert changed(sealed, lambda lines: swap(lines, is_named_anew=False)) == "ALTERED"
    assert changed(sealed, lambda lines: swap(lines, is_named_anew=True)) == "ALTERED"


def test_nothing_but_a_contacts_fields_may_be_withheld(sealed: Dossier) -> None:
    def withhold(topic: str, name: str) -> Callable[[Lines], None]:
        def change(lines: Lines) -> None:
            one = field(records(lines, topic)[0], name)
            data, salt = bytes.fromhex(one[2]), bytes.fromhex(one[1])
            one[1:] = [None, None, hashlib.sha256(salt + data).hexdigest()]

        return change

    for topic, name in (("decisions", "rule"), ("call-results", "outcome"), ("calls", "issued_at"), ("alerts", "kind")):
        assert changed(sealed, withhold(topic, name)) == "ALTERED", name
    lines = sealed.lines()
    withhold("calls", "phone")(lines)
    assert "calls-0-0 withholds phone" in sealed.verify(lines)

    def join(lines: Lines) -> None:
        """Two fields as one, whose commitment is both."""
        fields = records(lines, "calls")[0]["fields"]
        both = [hashlib.sha256(bytes.fromhex(one[1]) + bytes.fromhex(one[2])).hexdigest() for one in fields[9:11]]
        fields[9:11] = [["contact_id phone", None, None, "".join(both)]]

    assert changed(sealed, join) == "ALTERED"


def test_the_output_of_a_decision_is_not_replaced_by_a_record_that_names_it(sealed: Dossier) -> None:
    """A result names its call: it does not stand for it."""

    def change(lines: Lines) -> None:
        lines.remove(records(lines, "calls")[0])
        for line in records(lines, "call-results"):
            line["id"] = "command_id"

    assert changed(sealed, change) == "MISSING"


def test_heads_that_are_forged_older_or_of_another_key_are_named(sealed: Dossier, bench: SealBench) -> None:
    def heads(lines: Lines) -> Lines:
        return [line for line in lines if line["what"] == "head"]

    def signed(body: str) -> dict[str, Any]:
        return {"what": "head", "body": body, "signature": KEY.sign(body.encode()).hex(), "stamp": None}

    def body(line: dict[str, Any], **fields: Any) -> str:
        return json.dumps({**json.loads(line["body"]), **fields}, separators=(",", ":"))

    assert len(heads(sealed.lines())) == 2
    forged = lambda lines: heads(lines)[-1].update(body=body(heads(lines)[-1], at="2020-01-01T00:00:00Z"))  # noqa: E731
    assert changed(sealed, forged) == "FORGED_HEAD"
    assert changed(sealed, lambda lines: heads(lines)[0].update(signature="00" * 64)) == "FORGED_HEAD"
    assert changed(sealed, lambda lines: lines[0].update(public_key="00" * 32)) == "FORGED_HEAD"
    # The centre itself, with its key: a head that does not follow, one of other roots.
    assert changed(sealed, lambda lines: heads(lines)[-1].update(signed(body(heads(lines)[-1], previous="")))) == (
        "OLDER_HEAD"
    )
    assert changed(sealed, lambda lines: heads(lines)[-1].update(signed(body(heads(lines)[-1], number=7)))) == (
        "OLDER_HEAD"
    )
    first = bench.store.heads()[1]
    trees = [[*tree[:4], "11" * 32] for tree in json.loads(first.body)["trees"]]

    def other_root(lines: Lines) -> None:
        head, last = heads(lines)
        head.update(signed(body(head, trees=trees)))
        last.update(signed(body(last, previous=hashlib.sha256(head["body"].encode()).hexdigest())))

    assert changed(sealed, other_root) == "SECOND_TREE"
    # An older head alone does not cover what came later.
    assert changed(sealed, lambda lines: lines.remove(heads(lines)[-1])) == "OLDER_HEAD"

    def older(lines: Lines) -> None:
        last = heads(lines)[-1]
        lines[:] = [line for line in lines if line["what"] != "consistency" and line is not last]

    assert changed(sealed, older) in {"OLDER_HEAD", "ALTERED"}, "proofs lead to the later one"


def test_published_heads_find_what_they_can_and_say_what_they_cannot(
    sealed: Dossier, bench: SealBench, night: Logbook, tmp_path: Path
) -> None:
    heads = bench.store.heads()
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


def test_a_whole_rival_tree_is_found_by_name(
    sealed: Dossier, bench: SealBench, night: Logbook, database: PostgresSettings, tmp_path: Path
) -> None:
    """The same incidents, one record changed, complete with heads of the same times, signed by the same key."""
    heads = bench.store.heads()
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
    published = bench.store.heads()
    # Behind head 1, the tree is made of other leaves, and head 2 signed again.
    bench.connection.execute("DELETE FROM seal.heads WHERE number > 1; DELETE FROM seal.leaves; DELETE FROM seal.trees")
    fork, other = SealBench(database), resolved_night()
    other.change("decisions", 1, disposition="as the customer wished")
    fork.book(other)
    forged = fork.dossier(other, tmp_path / "fork")
    assert name_of(forged.verify()) == "SECOND_TREE", "not consistent with head 1"
    assert name_of(forged.verify(published=[(2, published[1].digest)])) == "SECOND_TREE"
    fork.close()


def test_a_dossier_of_a_guard_verifies_and_an_incident_that_is_open_is_open_at_a_head(
    bench: SealBench, tmp_path: Path
) -> None:
    book = guarded_night()
    bench.book(book)
    text = bench.dossier(book, tmp_path / "guard").verify()
    assert "the last one closes the incident" in text
    assert "-d1-r1" in text

    is_open = waiting(5000)
    is_open.logs = {
        topic: [record._replace(offset=record.offset + len(book.logs[topic])) for record in log]
        for topic, log in is_open.logs.items()
    }
    for place, decision in enumerate(is_open.decisions()):
        if decision.input.topic is not None and decision.input.offset is not None:
            moved = decision.input._replace(offset=decision.input.offset + len(book.logs[decision.input.topic]))
            is_open.change("decisions", place, input=moved)
    bench.seal(record for log in is_open.logs.values() for record in log)
    bench.head(seconds(5100))
    open_dossier = bench.dossier(is_open, tmp_path / "open")
    assert "versions 1 to 3 are there; open at head 2 of 2026" in open_dossier.verify()
    command = [sys.executable, "-I", "-S", "verify.py"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=open_dossier.folder, timeout=60, env={}
    )
    assert (done.returncode, done.stderr) == (0, ""), "the packed verifier has all that it needs"
    # Its deadline passed long ago and nothing was decided: something is missing.
    bench.head(seconds(50_000))
    assert name_of(bench.dossier(is_open, tmp_path / "late").verify()) == "MISSING"

    # Decisions of another incident do not end this one.
    def foreign(lines: Lines) -> None:
        lines[-1:-1] = [
            line for line in Dossier(bench.packed(book), tmp_path / "x").lines() if line["what"] == "record"
        ]

    assert changed(open_dossier, foreign) in {"ALTERED", "OUT_OF_ORDER", "OLDER_HEAD"}


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


def test_a_record_that_no_head_covers_is_not_exported(bench: SealBench, night: Logbook) -> None:
    with pytest.raises(SealError, match="is not sealed yet"):
        bench.packed(night)
    bench.book(night, head=False)
    with pytest.raises(SealError, match="no head covers all of it yet"):
        bench.packed(night)


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b'{"line": 1}', b"1", b'{"line": 1, "what": "dossier"}\n{"line": 2, "what": "end"}', b"\xff", b""],
)
def test_what_is_no_dossier_ends_with_a_word_and_no_traceback(sealed: Dossier, text: bytes) -> None:
    (sealed.folder / "other.jsonl").write_bytes(text)
    command = [sys.executable, "-I", "-S", "verify.py", "other.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=sealed.folder, timeout=60, env={})
    assert done.returncode == 1
    assert done.stdout.partition(":")[0] in {"ALTERED", "CUT", "OUT_OF_ORDER"}
    assert done.stderr == ""
