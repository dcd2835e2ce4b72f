"""`ronde panel` against a receiver in a thread that answers by a script."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edges.receiver import frame
from edges.receiver.framing import CheckedFrame, CrcForm, Framer
from tests.conftest import Run
from tests.edges.receiver.vectors import K


class Receiver(socketserver.ThreadingTCPServer):
    """Acknowledges every frame but those that ``ignores`` or ``refuses`` by their number among all."""

    daemon_threads = True

    def __init__(self) -> None:
        self.frames: list[frame.Header] = []
        self.ignores: Callable[[int], bool] = lambda _: False
        self.refuses = False
        self.key: bytes | None = None
        super().__init__(("127.0.0.1", 0), _Line)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def answer(self, content: bytes) -> bytes | None:
        header = frame.header_of(content)
        self.frames.append(header)
        if self.refuses:
            return frame.duh(header, CrcForm.HEX)
        return None if self.ignores(len(self.frames)) else frame.ack(header, CrcForm.HEX, self.key, 0)


class _Line(socketserver.BaseRequestHandler):
    server: Receiver

    def handle(self) -> None:
        framer = Framer()
        while data := self.request.recv(4096):
            for cut in framer.feed(data):
                assert isinstance(cut, CheckedFrame)
                if (answer := self.server.answer(cut.content)) is not None:
                    self.request.sendall(answer)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_signal_is_repeated_until_it_is_acknowledged(run: Run, receiver: Receiver) -> None:
    receiver.ignores = lambda number: number < 3
    ran = run("panel", "--account", "00a1", "--code", "130", "--zone", "12", "--tcp", receiver.place, "--wait", "0.1")
    assert ran.exit == 0
    assert ran.out.startswith("00A1 130 zone 12: ACK after ")
    assert ran.out.endswith("3 frames\n")
    assert [(header.account, header.sequence, header.kind) for header in receiver.frames] == 3 * [
        ("00A1", "0001", "ADM-CID")
    ]


def test_a_key_encrypts_and_comes_from_a_file(run: Run, receiver: Receiver, tmp_path: Path) -> None:
    receiver.key = K
    file = tmp_path / "key"
    file.write_text(f"{K.hex()}\n", "ascii")
    ran = run("panel", "--account", "A1", "--code", "BA", "--key", f"@{file}", "--tcp", receiver.place)
    assert (ran.exit, receiver.frames[0].is_encrypted) == (0, True)
    assert b"NBA" in frame.deciphered(receiver.frames[0].data, K).body


def test_several_signals_are_numbered_and_told_to_a_program(run: Run, receiver: Receiver) -> None:
    often = ("--count", "3", "--rate", "50", "--json")
    ran = run("panel", "--account", "A1", "--code", "BA", "--tcp", receiver.place, *often)
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["answer"] for one in told] == ["ACK"] * 3
    assert [header.sequence for header in receiver.frames] == ["0001", "0002", "0003"]


def test_a_scenario_has_many_panels(run: Run, receiver: Receiver, tmp_path: Path) -> None:
    file = tmp_path / "night.jsonl"
    lines: list[dict[str, Any]] = [
        {"at": 0.1, "account": "B2", "code": "FA", "zone": "4"},
        {"code": "130", "zone": "1"},
        {"at": 0.2, "code": "130", "zone": "1", "qualifier": "RESTORE"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)), "utf-8")
    ran = run("panel", "--account", "A1", "--scenario", file, "--tcp", receiver.place)
    assert ran.exit == 0, ran.err
    assert [(header.account, header.sequence) for header in receiver.frames] == [
        ("A1", "0001"),
        ("B2", "0001"),
        ("A1", "0002"),
    ]


def test_what_is_not_acknowledged_fails(run: Run, receiver: Receiver) -> None:
    receiver.refuses = True
    refused = run("panel", "--account", "A1", "--code", "130", "--tcp", receiver.place)
    assert (refused.exit, refused.out.startswith("A1 130: DUH after ")) == (1, True)
    assert refused.out.endswith("1 frame; refused: its key is wrong or missing\n")
    assert "1 of 1 signals were not acknowledged" in refused.err
    silent = run("panel", "--account", "A1", "--tcp", "127.0.0.1:9", "--attempts", "1", "--wait", "0.1")
    assert (silent.exit, silent.out.startswith("A1 NULL: no answer")) == (1, True)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_why_no_connection_is_made_is_reported_once(run: Run, transport: str) -> None:
    ran = run("panel", "--account", "A1", f"--{transport}", "127.0.0.1:9", "--attempts", "3", "--wait", "0.1")
    assert ran.exit == 1
    assert ran.err.count(f"127.0.0.1:9 by {transport}: Connection refused; tried again until it answers") == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "one of --tcp, --udp and --tls"),
        (("--tcp", "here:1", "--udp", "here:1"), "one of --tcp, --udp and --tls"),
        (("--tcp", "here"), "no HOST:PORT"),
        (("--tcp", f"127.0.0.1:{'9' * 5000}"), "no HOST:PORT"),
        (("--udp", "a..b:6070"), "--udp 'a..b:6070': no name or address of a host"),
        (("--tls", f"{'a' * 64}:6070"), "no name or address of a host"),
        (("--tcp", "here:1"), "--account: '' is no account"),
        (("--tcp", "here:1", "--account", "A1", "--code", "13"), "--code: '13' is neither three digits"),
        (("--tcp", "here:1", "--account", "A1", "--code", "130", "--zone", "]"), "--zone:"),
        (("--tcp", "here:1", "--account", "A1", "--key", "AB"), "--key: it is no AES key"),
        (("--tcp", "here:1", "--account", "A1", "--key", "@nowhere"), "nowhere cannot be read"),
        (("--tcp", "here:1", "--ca", "x"), "are for --tls"),
        (("--tls", "here:1", "--ca", "nowhere"), "nowhere: "),
    ],
)
def test_wrong_use_is_named(run: Run, arguments: tuple[str, ...], error: str) -> None:
    ran = run("panel", *arguments)
    assert (ran.exit, ran.out) == (2, "")
    assert error in ran.err


def test_each_bad_line_of_a_scenario_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"code": "BA"}\n{"kode": "BA"}\nno\n{"code": "BA", "key": "12"}\n', "utf-8")
    ran = run("panel", "--account", "A1", "--tcp", "here:1", "--scenario", file)
    assert ran.exit == 2
    for line in ("line 2: code: field required", "line 3: not JSON", "line 4: key"):
        assert line in ran.err
    assert "line 1" not in ran.err
