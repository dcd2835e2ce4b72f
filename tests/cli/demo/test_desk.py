"""The operator of the demonstration, at a desk whose answers the test chooses."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Console

from edges.web import tokens
from ronde.demo import api, desk, telephony
from ronde.demo.agenda import Record
from ronde.demo.desk import ANSWERED, OPERATOR, Answer, Operator
from ronde.demo.stage import DESK, PortalPlace, Stage
from ronde.shared.errors import Failed
from ronde.shared.whole_settings import WholeSettings
from ronde.views.site_timeline.board import InputPosition
from streams.settings import load
from tests.cli.demo.virtual import START, call

COMMAND: Final = "i-c1.1"
TAKE, WORD, RESULT = (
    f"POST /v1/work/{COMMAND}/take",
    f"POST /v1/calls/{COMMAND}/word",
    f"PUT /v1/calls/{COMMAND}/result",
)
WORK: Final = [
    {"subject": "i-a1", "item": "ATTENTION", "site_id": ANSWERED},
    {"subject": "other-c1.1", "item": "CALL", "site_id": "S02"},
    {"subject": COMMAND, "item": "CALL", "site_id": ANSWERED},
]
TAKEN: Final = {
    "GET /v1/work": (200, WORK),
    TAKE: (200, {"holder": {"by": OPERATOR}}),
    WORD: (200, {"right": True, "duress": False, "tries_left": 2}),
    RESULT: (202, {"result_id": "i-c1.1-result-1", "late": False}),
}
UNCONFIRMED: Final = (503, {"code": "UNCONFIRMED"})


def stage_in(folder: Path, address: str = "") -> Stage:
    portal = PortalPlace("", folder / "tokens.json")
    stage = Stage("127.0.0.1:9092", "demo-1.", folder, folder / "settings.toml", {}, 6070, portal=portal, desk=address)
    stage.settings.touch()
    return stage


class FakeDesk:
    """Answers each request by ``answers``, once what ``first`` has for it is used up."""

    def __init__(self, server: ThreadingHTTPServer, folder: Path) -> None:
        self.answers: dict[str, tuple[int, Any]] = dict(TAKEN)
        self.first: dict[str, list[tuple[int, Any]]] = {}
        self.heard: list[tuple[str, Any]] = []
        self.bearers: set[str] = set()
        self.stage = stage_in(folder, f"http://127.0.0.1:{server.server_port}")

    def answer(self, request: str, body: Any) -> tuple[int, Any]:
        self.heard.append((request, body))
        earlier = self.first.get(request)
        return earlier.pop(0) if earlier else self.answers[request]

    def asked(self, request: str) -> list[Any]:
        return [body for heard, body in self.heard if heard == request]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeDesk]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = json.loads(self.rfile.read(length)) if length else None
            made.bearers.add(self.headers["authorization"].removeprefix("Bearer "))
            status, answer = made.answer(f"{self.command} {self.path}", body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815 - the server's names
        do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Requests)
    server.daemon_threads = True
    made = FakeDesk(server, tmp_path)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with ExitStack() as stack:
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        yield made


class TestOperator:
    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api, "_AGAIN_SECONDS", 0.01)
        monkeypatch.setattr(desk, "_LOOK_SECONDS", 0.01)

    def answered(self, fake: FakeDesk) -> Answer:
        with closing(Operator(fake.stage)) as operator:
            return operator.finish()

    def test_the_call_is_taken_the_word_tried_and_the_result_said(self, fake: FakeDesk) -> None:
        fake.first["GET /v1/work"] = [(200, []), (200, WORK[:2])]

        assert self.answered(fake) == (COMMAND, "i-c1.1-result-1")

        assert [request for request, _ in fake.heard] == [*["GET /v1/work"] * 3, TAKE, WORD, RESULT]
        assert fake.asked(WORD) == [{"word": "chatperche"}]
        [said] = fake.asked(RESULT)
        assert (said["outcome"], said["situation"]) == ("IDENTIFIED", "NORMAL")
        [token] = fake.bearers
        machine = tokens.TokenFile(fake.stage.folder / "tokens.json").find(token)
        assert machine == (OPERATOR, frozenset({"desk"}))

    def test_what_is_not_confirmed_is_said_again_the_same(self, fake: FakeDesk) -> None:
        for request in TAKEN:
            fake.first[request] = [UNCONFIRMED, UNCONFIRMED]

        assert self.answered(fake).command_id == COMMAND

        for request in TAKEN:
            first, *others = fake.asked(request)
            assert others == [first, first]

    @pytest.mark.parametrize(
        ("request_", "answer", "is_awaited", "words"),
        [
            (
                "GET /v1/work",
                (200, WORK[:2]),
                True,
                "the desk has not shown the call of S01 within 0 s; its log: .*desk.log",
            ),
            ("GET /v1/work", (401, {"code": "UNAUTHORIZED"}), False, "the desk refuses GET /v1/work: .*UNAUTHORIZED"),
            (TAKE, (409, {"code": "OVER"}), False, r"the desk refuses POST .*/take: .*OVER.*; its log: .*desk\.log"),
            (WORD, UNCONFIRMED, True, "the desk refuses POST .*/word: .*UNCONFIRMED"),
            (WORD, (200, {"right": False, "duress": False}), False, "the desk says that the word of S01 is wrong"),
            (WORD, (200, {"right": True, "duress": True}), False, "the desk says that the word of S01 is wrong"),
            (RESULT, (202, {"result_id": "r", "late": True}), False, "the call of S01 was over before its answer came"),
        ],
    )
    def test_what_does_not_come_is_named(
        self,
        fake: FakeDesk,
        monkeypatch: pytest.MonkeyPatch,
        request_: str,
        answer: tuple[int, Any],
        words: str,
        is_awaited: bool,
    ) -> None:
        fake.answers[request_] = answer
        if is_awaited:
            monkeypatch.setattr(desk, "SECONDS", 0.0)
        with pytest.raises(Failed, match=words):
            self.answered(fake)

    def test_a_desk_that_is_gone_is_named(self, tmp_path: Path) -> None:
        with closing(Operator(stage_in(tmp_path, "http://127.0.0.1:1"))) as operator:
            with pytest.raises(Failed, match="the desk does not answer: ConnectError"):
                operator.finish()
            with pytest.raises(Failed, match="does not answer"):
                operator.check()

    def test_closed_it_waits_no_longer(self, fake: FakeDesk) -> None:
        fake.answers["GET /v1/work"] = (200, [])
        operator = Operator(fake.stage)
        operator.check()
        operator.close()

        with pytest.raises(Failed, match="not shown"):
            operator.finish()


class TestStage:
    def test_the_telephony_leaves_the_call_to_the_desk(self, tmp_path: Path) -> None:
        stage = desk.with_desk(stage_in(tmp_path))

        phones = telephony.Telephony(telephony.read_script(tmp_path / "telephony.json"))
        phones.take(call("i-c1.1", site_id=ANSWERED), START)
        phones.take(call("i-c1.2", site_id="S02", contact_id="lucie"), START)

        assert [result["site_id"] for result in phones.agenda.due(START + 60_000)] == ["S02"]
        settings = load(stage.settings, {}, WholeSettings).desk
        assert stage.desk == f"http://127.0.0.1:{settings.port}"
        assert stage.pages[DESK] == f"http://127.0.0.1:{settings.pages_port}"


class TestReport:
    """What is printed of it, by the records."""

    CLAIM: Final = {"subject": COMMAND, "action": "TAKE", "by": OPERATOR}
    TRIED: Final = {"subject": COMMAND, "action": "WORD_TRIED", "detail": "RIGHT"}
    SAID: Final = {
        "result_id": "r",
        "command_id": COMMAND,
        "outcome": "IDENTIFIED",
        "situation": "NORMAL",
        "operator": OPERATOR,
    }

    @pytest.fixture
    def printed(self) -> Callable[[list[Record], list[Record], list[Record]], tuple[bool, str]]:
        def printed(claims: list[Record], events: list[Record], results: list[Record]) -> tuple[bool, str]:
            console = Console(width=100, file=io.StringIO())
            inputs = {InputPosition("call-results", 0, offset): record for offset, record in enumerate(results)}
            is_right = desk.print_answer(console, Answer(COMMAND, "r"), claims, events, inputs)
            return is_right, console.file.getvalue()  # type: ignore[attr-defined]

        return printed

    def test_by_all_its_records(self, printed: Callable[..., tuple[bool, str]]) -> None:
        others = [{"alert_id": "a"}, {"result_id": "of another", "operator": None}]
        release = self.CLAIM | {"action": "RELEASE"}

        assert printed([self.CLAIM, release], [self.TRIED], [*others, self.SAID]) == (
            True,
            "✓ S01 answered by the desk's API: call 1.1 taken, the word was right, IDENTIFIED\n",
        )

    def test_what_no_record_says_is_named(self, printed: Callable[..., tuple[bool, str]]) -> None:
        for claims, events, results, what in (
            ([], [self.TRIED], [self.SAID], "taken"),
            ([self.CLAIM], [self.TRIED | {"detail": "WRONG"}], [self.SAID], "the word was right"),
            ([self.CLAIM], [self.TRIED], [], "IDENTIFIED"),
            ([self.CLAIM], [self.TRIED], [self.SAID | {"operator": None}], "IDENTIFIED"),
        ):
            is_right, text = printed(claims, events, results)
            assert not is_right
            assert text.startswith("✗ S01")
            assert text.count("no record says") == 1
            assert f"no record says: {what}\n" in text
