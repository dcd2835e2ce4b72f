"""Time stamps of heads: by a foreign authority, refused, wrong, and away; sealing goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from seal.errors import SealError
from seal.stamps import stamp, wrong_with
from service.postgres_settings import PostgresSettings
from tests.machine import stretched
from tests.seal.authority import Authority, openssl
from tests.seal.bench import SealBench, name_of, numbered, resolved_night

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to be an authority"),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    made = Authority(tmp_path_factory.mktemp("authority") / "tsa")
    yield made
    made.close()


@pytest.fixture
def stamped(database: PostgresSettings, authority: Authority) -> Iterator[SealBench]:
    authority.mode = "stamp"
    made = SealBench(database, authority.url)
    yield made
    made.close()


def test_a_head_bears_the_stamp_of_an_authority_and_a_receiver_checks_it(
    stamped: SealBench, authority: Authority, tmp_path: Path
) -> None:
    night = resolved_night()
    stamped.book(night)
    (head,) = stamped.store.heads()
    assert head.stamp is not None
    dossier = stamped.dossier(night, tmp_path / "dossier")
    told = dossier.verify()
    assert "1 of 1 heads have a time stamp" in told
    assert "whose stamps they are was not checked" in told
    # By hand, as docs/evidence.md says it.
    shown = openssl(dossier.folder, "ts", "-reply", "-in", "head-1.tsr", "-token_out", "-text").partition(
        "Time stamp: "
    )[2]
    made_at = datetime.strptime(shown.partition("\n")[0], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    by_hand = ["-in", "head-1.tsr", "-data", "head-1.txt", "-CAfile", str(authority.certificate)]
    assert "OK" in openssl(dossier.folder, "ts", "-verify", *by_hand, "-attime", str(int(made_at.timestamp())))
    command = [sys.executable, "-I", "-S", "verify.py", "--authority", str(authority.certificate)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=dossier.folder, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "head 1 was stamped at " in done.stdout

    # A stamp of another head, of another authority, none at all.
    lines = dossier.lines()
    place = next(at for at, line in enumerate(lines) if line["what"] == "head")
    raw = bytes.fromhex(lines[place]["stamp"])
    lines[place]["stamp"] = (raw[:-1] + bytes((raw[-1] ^ 1,))).hex()
    assert name_of(dossier.verify(lines, authority=str(authority.certificate))) == "FORGED_STAMP"
    other = Authority(tmp_path / "other")
    other.close()
    assert name_of(dossier.verify(authority=str(other.certificate))) == "FORGED_STAMP"
    lines[place]["stamp"] = None
    assert "0 of 1 heads have a time stamp" in dossier.verify(numbered(lines), authority=str(authority.certificate))


def test_a_stamp_is_good_for_longer_than_the_certificate_of_its_authority(
    stamped: SealBench, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dossier is checked years later."""
    night = resolved_night()
    stamped.book(night)
    dossier = stamped.dossier(night, tmp_path / "dossier")
    made = dossier.folder / "head-1.tsr"
    years_later = str(int(time.time()) + 10 * 365 * 86_400)
    tool = shutil.which("openssl")
    later = tmp_path / "openssl"
    later.write_text(
        "#!/bin/sh\n"  # whose today is that day, for who names no other
        f'case "$*" in *-attime*|*-reply*) ;; *) set -- "$@" -attime {years_later};; esac\nexec {tool} "$@"\n'
    )
    later.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    by_hand = ["openssl", "ts", "-verify", "-in", str(made), "-data", str(made.with_suffix(".txt"))]
    ended = subprocess.run(
        [*by_hand, "-CAfile", str(authority.certificate)], capture_output=True, text=True, check=False
    )
    assert "certificate has expired" in ended.stderr
    assert "head 1 was stamped at " in dossier.verify(authority=str(authority.certificate))
    lines = dossier.lines()
    head = next(line for line in lines if line["what"] == "head")
    for other in ("00", "30030201", f"{head['stamp'][:-2]}{int(head['stamp'][-2:], 16) ^ 1:02x}"):
        head["stamp"] = other
        assert name_of(dossier.verify(lines, authority=str(authority.certificate))) == "FORGED_STAMP"


def _der(tag: int, content: bytes) -> bytes:
    """An element of ASN.1 with up to 64 KiB in it."""
    size = len(content)
    return bytes([tag, *((size,) if size < 128 else (0x82, *size.to_bytes(2, "big")))]) + content


def test_what_nobody_signed_of_a_reply_says_nothing_of_its_time(
    stamped: SealBench, authority: Authority, tmp_path: Path
) -> None:
    """The centre could write a month of its choice around a stamp of today."""
    night = resolved_night()
    stamped.book(night)
    dossier = stamped.dossier(night, tmp_path / "dossier")
    told = dossier.verify(authority=str(authority.certificate))
    lines = dossier.lines()
    head = next(line for line in lines if line["what"] == "head")
    token = bytes.fromhex(head["stamp"]).partition(bytes.fromhex("3003020100"))[2]  # behind the status: granted
    text = _der(0x0C, b"ok\nTime stamp: Jan  1 00:00:00 2026 GMT")
    head["stamp"] = _der(0x30, _der(0x30, bytes.fromhex("020100") + _der(0x30, text)) + token).hex()
    assert "head 1 was stamped at " in told
    assert dossier.verify(lines, authority=str(authority.certificate)) == told


@pytest.mark.parametrize("what", ["certificate", "openssl", "killed"])
def test_an_openssl_that_cannot_say_calls_no_stamp_forged(
    stamped: SealBench, authority: Authority, tmp_path: Path, what: str
) -> None:
    night = resolved_night()
    stamped.book(night)
    dossier = stamped.dossier(night, tmp_path / "dossier")
    certificate, path = authority.certificate, os.environ["PATH"]
    if what == "certificate":
        certificate = tmp_path / "text.pem"
        certificate.write_text("the certificate is on our web page\n")
        said = f"openssl: Error loading file {certificate}\n"
    elif what == "killed":
        killed, path = tmp_path / "openssl", f"{tmp_path}:{path}"
        killed.write_text("#!/bin/sh\nkill -9 $$\n")
        killed.chmod(0o755)
        said = "openssl: it ended with -9\n"
    else:
        older, path = tmp_path / "openssl", f"{tmp_path}:{path}"
        refusal = "unknown option '-attime'"
        older.write_text(
            f'#!/bin/sh\ncase "$*" in *-attime*) echo "{refusal}" >&2; exit 1; esac\n'
            f'exec {shutil.which("openssl")} "$@"\n'
        )
        older.chmod(0o755)
        said = f"openssl: {refusal}\n"
    command = [sys.executable, "-I", "-S", "verify.py", "--authority", str(certificate)]
    env = {**os.environ, "PATH": path}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=dossier.folder, timeout=60, env=env)
    assert (done.returncode, done.stderr) == (2, said)
    assert "FORGED" not in done.stdout


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("refuse", "the request was refused (status 2)"),
        ("other", "the stamp is of something else"),
        ("junk", "the answer is no TimeStampResp"),
        ("error", "HTTP 500"),
    ],
)
def test_a_refused_or_wrong_answer_is_logged_counted_and_the_head_kept(
    stamped: SealBench, authority: Authority, mode: str, why: str
) -> None:
    authority.mode = mode
    with capture_logs() as logged:
        stamped.book(resolved_night())
    (head,) = stamped.store.heads()
    assert head.stamp is None
    assert [(line["event"], line["log_level"], line["number"]) for line in logged] == [
        ("head signed", "info", 1),
        ("the head is kept without a stamp for now", "error", 1),
    ]
    assert why in logged[1]["reason"]
    registry = stamped.metrics.registry
    assert registry.get_sample_value("ronde_seal_stamps_total", {"outcome": "failed"}) == 1
    # Once it stamps again, the last head gets its own.
    authority.mode = "stamp"
    stamped.heads.stamp_again(after_seconds=0)
    assert next(stamped.store.heads()).stamp is not None
    asked = authority.asked
    stamped.heads.stamp_again(after_seconds=0)
    assert authority.asked == asked, "it has one"


def test_an_answer_to_another_request_is_none(stamped: SealBench, authority: Authority) -> None:
    stamped.head()
    authority.mode = "replay"
    stamped.head()
    assert [head.stamp is None for head in stamped.store.heads()] == [False, True]


def test_an_authority_that_is_away_stops_nothing(database: PostgresSettings) -> None:
    bench = SealBench(database, "http://127.0.0.1:9/tsa")
    bench.book(resolved_night())
    assert bench.head().number == 2
    assert [head.stamp for head in bench.store.heads()] == [None, None]
    bench.close()


@pytest.mark.parametrize(
    ("head", "repeated", "seconds", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 1.0, "does not answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"\x30", 1.0, "does not answer"),
        # Its length ends this one, however slowly it comes.
        (b"HTTP/1.1 200 OK\r\n\r\n", b"\x30" * 1_000_000, 60.0, "gives no stamp: the answer is too long"),
    ],
)
def test_an_answer_without_an_end_is_cut(
    monkeypatch: pytest.MonkeyPatch, head: bytes, repeated: bytes, seconds: float, why: str
) -> None:
    monkeypatch.setattr("seal.stamps._SECONDS", seconds)

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                self.wfile.write(head)
                for _ in range(200):
                    self.wfile.write(repeated)
                    time.sleep(0.05)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        began = time.monotonic()
        with pytest.raises(SealError, match=why):
            stamp(f"http://127.0.0.1:{server.server_address[1]}/", bytes(32))
        assert time.monotonic() - began < stretched(7) + seconds
        server.shutdown()


def test_a_name_that_no_server_answers_for_delays_the_seal_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seal.stamps._SECONDS", 0.5)
    given_up, is_over = Event(), Event()

    def search(*_: object, **__: object) -> list[object]:
        given_up.wait(60)  # a test that fails ends then
        is_over.set()
        return []

    monkeypatch.setattr("socket.getaddrinfo", search)
    with pytest.raises(SealError, match="does not answer: TimeoutError"):
        stamp("http://authority.example/", bytes(32))
    assert not is_over.is_set()
    given_up.set()  # the interpreter waits for the search as it ends


def test_no_bytes_are_taken_for_a_stamp(stamped: SealBench) -> None:
    head = stamped.head()
    assert head.stamp is not None
    digest = bytes.fromhex(head.digest)
    for cut in range(0, len(head.stamp), 97):
        assert wrong_with(head.stamp[:cut], digest, b"\x01") is not None
    assert wrong_with(b"", digest, b"\x01") == "the answer is no TimeStampResp"
    assert wrong_with(b"\x30\x80\x00\x00", digest, b"\x01") == "the answer is no TimeStampResp"
    assert wrong_with(b"\x30" + b"\xff" * 40, digest, b"\x01") == "the answer is no TimeStampResp"
    assert wrong_with(b"\x30" * 100_000, digest, b"\x01") == "the answer is too long"
