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
from tests.seal.bench import (
    KEY,
    PUBLIC,
    Dossier,
    Lines,
    SealBench,
    changed,
    field,
    guarded_night,
    name_of,
    records,
    resolved_night,
)
from tests.streams.logbook import Logbook, alert, seconds, site
from tests.streams.test_whatif import waiting

pytestmark = pytest.mark.server


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
    assert "decided at 2026-01-01T00:00:10.000Z, sealed" in done.stdout
    done = subprocess.run(
        [*command, "--show"], capture_output=True, text=True, check=False, cwd=sealed.folder, timeout=60, env={}
    )
    shown = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(shown) == len(records(sealed.lines()))
    assert [one["phone"] for one in shown if one["topic"] == "calls"][:2] == ["+33612345600", "+33612345601"]
    for wrong, status, words in (
        (["--head", "3:00"], 2, "is not NUMBER:SHA256"),
        (["--head", f"3:{'0' * 64}"], 1, "SECOND_TREE: head 3"),
        (["--key", "00"], 1, "OTHER_KEY"),
        (["--head", f"3:{'z' * 64}"], 2, "is not NUMBER:SHA256"),
        (["missing.jsonl"], 2, "missing.jsonl: No such file"),
        (["--authority", "missing.pem"], 2, "missing.pem: No such file"),
    ):
        done = subprocess.run(
            [*command[:4], *wrong], capture_output=True, text=True, check=False, cwd=sealed.folder, timeout=60, env={}
        )
        assert done.returncode == status, done
        assert words in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_no_id_of_a_record_writes_a_line_or_stops_a_terminal(bench: SealBench, tmp_path: Path) -> None:
    book = Logbook()
    book.chunk(0, site())
    book.chunk(10, alert("A\u202e\u00e9\nall of this holds\nhead 9 of 1999-01-01T00:00:00Z"))
    bench.seal(record for log in book.logs.values() for record in log)
    bench.head(seconds(100))
    folder = bench.dossier(book, tmp_path / "night").folder

    def lines(environment: dict[str, str]) -> list[str]:
        command = [sys.executable, "-S", "-X", "utf8=0", "verify.py"]
        done = subprocess.run(command, capture_output=True, check=False, cwd=folder, timeout=60, env=environment)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode().splitlines()

    of_ascii = lines({"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"})
    assert of_ascii.count("all of this holds") == 1
    assert any(r"of ALERT A\u202e\xe9\nall of this holds\nhead 9 of 1999" in line for line in of_ascii), of_ascii
    of_utf8 = lines({"LC_ALL": "C.UTF-8"})
    assert any("of ALERT A\\u202e\u00e9\\nall of this holds" in line for line in of_utf8), of_utf8


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

        def drop(lines: Lines, place: int = place) -> None:
            del lines[place]

        name = changed(sealed, drop)
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
    for place in range(0, len(raw), len(raw) // 100):
        for bit in (1, 32):  # 32: the case of a letter, which hex does not tell apart
            text = sealed.verify(raw=raw[:place] + bytes((raw[place] ^ bit,)) + raw[place + 1 :])
            assert name_of(text).isupper(), raw[place - 20 : place + 20]
    last = raw.rindex(b"\n", 0, -1)
    for place in range(last, len(raw) - 1):
        text = sealed.verify(raw=raw[:place] + bytes((raw[place] ^ 32,)) + raw[place + 1 :])
        assert name_of(text).isupper(), "the last line too"
    fields = [(place, at) for place, line in enumerate(records(sealed.lines())) for at in range(len(line["fields"]))]
    for place, at in fields[::3]:

        def flip(lines: Lines, place: int = place, at: int = at) -> None:
            one = records(lines)[place]["fields"][at]
            one[2] = ("02" if one[2][:2] != "02" else "04") + one[2][2:]

        assert changed(sealed, flip) == "ALTERED"


@pytest.mark.parametrize(
    ("old", "new", "name"), [(b"\n", b"\r\n", "ALTERED"), (b"\n", b"\r", "CUT"), (b"}\n", b"}\n\n", "ALTERED")]
)
def test_other_ends_of_lines_are_found(sealed: Dossier, old: bytes, new: bytes, name: str) -> None:
    (sealed.folder / "other.jsonl").write_bytes(sealed.raw.replace(old, new))
    command = [sys.executable, "-I", "-S", "verify.py", "other.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=sealed.folder, timeout=60, env={})
    assert (done.returncode, name_of(done.stdout)) == (1, name)


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


def test_no_byte_moves_between_a_salt_and_its_data(sealed: Dossier) -> None:
    """Their hash is that of both together: a shorter number, a text's end in the place of the text."""

    def move(lines: Lines, count: int) -> None:
        one = field(records(lines, "call-results")[0], "ended_at")
        both = one[1] + one[2]
        one[1:3] = both[: len(one[1]) + 2 * count], both[len(one[1]) + 2 * count :]

    for count in (1, 3, 5, -1):
        assert changed(sealed, lambda lines, count=count: move(lines, count)) == "ALTERED"  # type: ignore[misc]


def test_a_record_has_one_place_and_is_not_sealed_earlier_by_another(bench: SealBench, tmp_path: Path) -> None:
    """The last leaf of a full tree would prove at -1 too, which the first head covers."""
    night = resolved_night()
    bench.head(seconds(0))
    bench.seal(record for log in night.logs.values() for record in log if record.timestamp < seconds(100))
    bench.head(seconds(100))
    bench.book(night, head=False)
    bench.head(seconds(1000))
    dossier = bench.dossier(night, tmp_path / "full")
    for line in records(dossier.lines())[::5]:
        for wrong in (-1, line["n"] - 8, float(line["n"]), str(line["n"])):

            def change(lines: Lines, at: int = line["line"] - 1, wrong: Any = wrong) -> None:
                lines[at]["n"] = wrong

            assert changed(dossier, change) == "ALTERED", (line["topic"], line["n"], wrong)
        for name in ("offset", "timestamp", "partition"):

            def as_text(lines: Lines, at: int = line["line"] - 1, name: str = name) -> None:
                lines[at][name] = str(lines[at][name])

            assert changed(dossier, as_text) in {"ALTERED", "MISSING"}


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
    _, first, *_ = bench.store.heads()
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
        other = Dossier(bench.packed(book, until_head=1), tmp_path / "x")
        lines[-1:-1] = [line for line in other.lines() if line["what"] == "record"]

    assert changed(open_dossier, foreign) in {"ALTERED", "OUT_OF_ORDER", "OLDER_HEAD"}


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
