"""The registry client over real HTTP: what is a wait, what is a dead letter, what survives on disk.

The registry here is a small server with the three calls of Confluent's API that we make; it can be made to
answer wrongly, which a real one does only on a bad day.
"""

from __future__ import annotations

import errno
import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

import schemas
import service.registry
from schemas.avro.errors import RegistryRefused, RegistryUnreachable, SchemaNotFound, UnusableSchema
from service import registry as registries
from service.registry import Registry

Answer = tuple[int, Any]


class Server:
    """Schemas by id, ids by subject and schema; ``bad_day`` answers in its place."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.schemas: dict[int, dict[str, Any]] = {}
        self.subjects: dict[str, dict[str, int]] = {}
        self.asked: list[str] = []
        self.bad_day: Callable[[], Answer] | None = None
        self.refuses = False
        self.compatibility: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(outer.look_up)

            def do_POST(self) -> None:
                self._answer(outer.post)

            def do_PUT(self) -> None:
                self._answer(outer.configure)

            def _answer(self, find: Callable[[str, dict[str, Any]], Answer]) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                outer.asked.append(f"{self.command} {self.path}")
                status, answer = outer.bad_day() if outer.bad_day else find(self.path, body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http{'' if tls is None else 's'}://127.0.0.1:{self._http.server_port}"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def look_up(self, path: str, _body: dict[str, Any]) -> Answer:
        found = self.schemas.get(int(path.rpartition("/")[2]))
        return (200, found) if found else (404, {"error_code": 40403, "message": "Schema not found"})

    def configure(self, path: str, body: dict[str, Any]) -> Answer:
        self.compatibility[path.removeprefix("/config/")] = body["compatibility"]
        return 200, body

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        subject, _, versions = path.removeprefix("/subjects/").partition("/")
        if versions:
            if self.refuses:
                return 409, {"error_code": 409, "message": "incompatible"}
            number = len(self.schemas) + 1
            self.schemas[number] = {"schema": body["schema"]}
            self.subjects.setdefault(subject, {})[body["schema"]] = number
            return 200, {"id": number}
        if subject not in self.subjects:
            return 404, {"error_code": 40401, "message": "Subject not found"}
        number = self.subjects[subject].get(body["schema"], 0)
        return (200, {"id": number, "version": 1}) if number else (404, {"error_code": 40403})


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def connect(server: Server, tmp_path: Path) -> Iterator[Callable[[], Registry]]:
    """A registry as a worker makes it at its start, over the same disk each time."""
    with httpx.Client(base_url=server.url, timeout=20) as client:
        yield lambda: Registry(client, tmp_path / "registry")


def test_a_schema_is_asked_for_once_and_known_after_a_restart_without_the_registry(
    server: Server, connect: Callable[[], Registry]
) -> None:
    server.schemas[3] = {"schema": json.dumps(schemas.load("Alert"))}
    assert connect().schema(3) == schemas.load("Alert")
    server.bad_day = lambda: (500, {})
    again = connect()
    for _ in range(3):
        assert again.schema(3) == schemas.load("Alert")
    assert server.asked == ["GET /schemas/ids/3"] * 2, "a registry that is away is not asked for each again"


def test_our_schema_is_registered_once_then_looked_up_then_known(
    server: Server, connect: Callable[[], Registry], tmp_path: Path
) -> None:
    subject, schema = "ronde.calls-value", schemas.load("CallCommand")
    assert connect().id_of(subject, schema) == 1
    assert json.loads(server.schemas[1]["schema"]) == schema
    look_up = f"POST /subjects/{subject}"
    assert server.asked == [look_up, f"{look_up}/versions", f"PUT /config/{subject}"]
    again = connect()
    assert [again.id_of(subject, schema), again.id_of(subject, schema)] == [1, 1]
    assert server.asked[3:] == [look_up]
    server.bad_day = lambda: (500, {})
    away = connect()
    assert away.id_of(subject, schema) == 1
    assert not away.is_confirmed
    server.bad_day = None
    with httpx.Client(base_url=server.url) as client:
        assert Registry(client, tmp_path / "another disk").id_of(subject, schema) == 1
    assert server.asked[5:] == [look_up]


def test_a_second_schema_of_a_known_subject_is_registered_too(server: Server, connect: Callable[[], Registry]) -> None:
    registry = connect()
    assert registry.id_of("s", schemas.load("Alert")) == 1
    assert registry.id_of("s", schemas.load("Site")) == 2


def test_a_subject_that_is_new_gets_the_promised_compatibility(server: Server, connect: Callable[[], Registry]) -> None:
    connect().id_of("ronde.calls-value", schemas.load("CallCommand"))
    connect().id_of("ronde.alerts-value", schemas.load("Alert"))
    assert server.compatibility == {"ronde.calls-value": "FULL_TRANSITIVE", "ronde.alerts-value": "BACKWARD_TRANSITIVE"}


def test_a_registry_made_again_while_we_were_stopped_is_believed_and_told(
    server: Server, connect: Callable[[], Registry]
) -> None:
    subject = "ronde.calls-value"
    assert connect().id_of(subject, schemas.load("CallCommand")) == 1
    assert connect().schema(1) == schemas.load("CallCommand")
    server.schemas, server.subjects = {}, {}
    server.schemas[1] = {"schema": json.dumps(schemas.load("Alert"))}
    registry = connect()
    assert registry.id_of(subject, schemas.load("CallCommand")) == 2
    assert registry.schema(1) == schemas.load("Alert")
    first, second = registry.take_warnings()
    assert f"made again: the id of CallCommand under {subject} is 2, and was 1" in first
    assert "schema 1 is another schema than before" in second
    server.bad_day = lambda: (500, {})
    assert connect().id_of(subject, schemas.load("CallCommand")) == 2, "the disk has what is true now"


def test_an_id_that_only_a_registry_of_before_gave_is_still_read(
    server: Server, connect: Callable[[], Registry]
) -> None:
    server.schemas[7] = {"schema": json.dumps(schemas.load("Alert"))}
    connect().schema(7)
    server.schemas = {}
    assert connect().schema(7) == schemas.load("Alert")


def test_a_registry_made_again_while_we_run_is_noticed(server: Server, connect: Callable[[], Registry]) -> None:
    subject, schema = "ronde.calls-value", schemas.load("CallCommand")
    connect().id_of(subject, schema)
    server.bad_day = lambda: (500, {})
    registry = connect()
    registry.id_of(subject, schema)
    with pytest.raises(RegistryUnreachable):
        registry.changes()
    server.bad_day = None
    assert registry.changes() == []
    assert registry.is_confirmed
    server.schemas = {1: {"schema": json.dumps(schemas.load("Alert"))}}
    server.subjects = {}
    assert registry.changes() == [f"the id of CallCommand under {subject} was 1, and is not registered now"]
    server.subjects = {subject: {json.dumps(schema): 9}}
    assert registry.changes() == [f"the id of CallCommand under {subject} is 9, and was 1"]
    assert server.subjects == {subject: {json.dumps(schema): 9}}, "to compare registers nothing"


def test_only_the_registrys_own_word_is_not_found(
    server: Server, connect: Callable[[], Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = connect()
    with pytest.raises(SchemaNotFound, match="does not know schema 9"):
        registry.schema(9)
    with pytest.raises(SchemaNotFound):
        registry.schema(9)
    assert len(server.asked) == 1, "a flood of values with an unknown id asks once"

    later = registries.time.monotonic() + 31  # type: ignore[attr-defined]
    monkeypatch.setattr(registries.time, "monotonic", lambda: later)  # type: ignore[attr-defined]
    server.schemas[9] = {"schema": json.dumps(schemas.load("Alert"))}
    assert registry.schema(9) == schemas.load("Alert")


def test_an_id_that_no_registry_gives_is_not_asked_for(server: Server, connect: Callable[[], Registry]) -> None:
    with pytest.raises(SchemaNotFound):
        connect().schema(2**31)
    assert server.asked == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        (404, {"error_code": 404, "message": "HTTP 404 Not Found"}),
        (404, b"<html>no such page</html>"),
        (401, {"error_code": 401}),
        (403, {}),
        (429, {}),
        (500, {"error_code": 50001}),
        (503, b""),
        (200, b"<html>log in</html>"),
        (200, {}),
        (200, []),
        (200, {"schema": 7, "id": "7"}),
        (302, b""),
    ],
)
def test_any_other_answer_is_a_wait(server: Server, connect: Callable[[], Registry], answer: Answer) -> None:
    server.bad_day = lambda: answer
    registry = connect()
    with pytest.raises(RegistryUnreachable, match=f"HTTP {answer[0]}"):
        registry.schema(3)
    with pytest.raises(RegistryUnreachable, match=f"HTTP {answer[0]}"):
        registry.id_of("s", schemas.load("Alert"))
    server.bad_day = None
    server.schemas[3] = {"schema": json.dumps(schemas.load("Alert"))}
    assert registry.schema(3) == schemas.load("Alert"), "nothing of the bad day is kept"


def test_no_answer_at_all_is_a_wait(tmp_path: Path, server: Server) -> None:
    silent = threading.Event()

    def wait() -> Answer:
        silent.wait(5)
        return 200, {}

    server.bad_day = wait
    with httpx.Client(base_url=server.url, timeout=0.1) as client:
        with pytest.raises(RegistryUnreachable, match="ReadTimeout"):
            Registry(client, tmp_path).schema(3)
        silent.set()
    with httpx.Client(base_url="http://127.0.0.1:9", timeout=1) as client:
        with pytest.raises(RegistryUnreachable, match="ConnectError"):
            Registry(client, tmp_path).schema(3)
        with pytest.raises(RegistryUnreachable):
            Registry(client, tmp_path).id_of("s", schemas.load("Alert"))


def test_a_schema_that_the_registry_will_not_take_is_no_wait(server: Server, connect: Callable[[], Registry]) -> None:
    server.refuses = True
    with pytest.raises(RegistryRefused, match=r"ronde\.calls-value .*409"):
        connect().id_of("ronde.calls-value", schemas.load("CallCommand"))


@pytest.mark.parametrize(
    "answer",
    [
        {"schema": '{"type": "object"}', "schemaType": "JSON"},
        {"schema": "syntax", "schemaType": "PROTOBUF"},
        {"schema": "not json"},
        {"schema": '{"type": "record"}'},
        {"schema": '"Address"', "references": [{"name": "Address", "subject": "a", "version": 1}]},
        {"schema": "[" * 100_000},
    ],
)
def test_a_schema_that_is_not_one_avro_schema_is_unusable(
    server: Server, connect: Callable[[], Registry], answer: dict[str, Any]
) -> None:
    server.schemas[3] = answer
    with pytest.raises(UnusableSchema):
        connect().schema(3)


def test_a_broken_file_on_disk_is_asked_for_again_and_none_is_left_half_written(
    server: Server, connect: Callable[[], Registry], tmp_path: Path
) -> None:
    server.schemas[3] = {"schema": json.dumps(schemas.load("Alert"))}
    connect().schema(3)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert file.name == "3.json"
    for broken in (b"", b"{", b"[]", b"{}", b"\xff"):
        file.write_bytes(broken)
        assert connect().schema(3) == schemas.load("Alert")
    assert len(server.asked) == 6


def test_a_disk_that_takes_nothing_does_not_stop_us(server: Server, tmp_path: Path) -> None:
    (tmp_path / "registry").write_text("a file where the folder should be", encoding="utf-8")
    server.schemas[3] = {"schema": json.dumps(schemas.load("Alert"))}
    with httpx.Client(base_url=server.url) as client:
        registry = Registry(client, tmp_path / "registry")
        assert registry.schema(3) == schemas.load("Alert")
        assert registry.id_of("s", schemas.load("Alert")) == 2
    (warning,) = registry.take_warnings()
    assert f"{tmp_path / 'registry'} cannot be written" in warning
    assert "Set data_dir" in warning


def test_a_full_disk_keeps_no_file_half_written(
    connect: Callable[[], Registry], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    server.schemas[3] = {"schema": json.dumps(schemas.load("Alert"))}
    assert connect().schema(3) == schemas.load("Alert")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_two_registries_share_a_folder_and_no_ids(server: Server, tmp_path: Path) -> None:
    server.schemas[3] = {"schema": json.dumps(schemas.load("Alert"))}
    other = Server()
    try:
        other.schemas[3] = {"schema": json.dumps(schemas.load("Site"))}
        with httpx.Client(base_url=server.url) as one, httpx.Client(base_url=other.url) as two:
            assert Registry(one, tmp_path).schema(3)["name"] == "Alert"
            assert Registry(two, tmp_path).schema(3)["name"] == "Site"
    finally:
        other.stop()


def test_a_subject_is_never_a_path(server: Server, connect: Callable[[], Registry], tmp_path: Path) -> None:
    assert connect().id_of("../../x/y-value", schemas.load("Alert")) == 1
    assert server.asked[0] == "POST /subjects/..%2F..%2Fx%2Fy-value"
    assert all(os.path.commonpath([path, tmp_path]) == str(tmp_path) for path in tmp_path.rglob("*.json"))


def test_credentials_of_the_address_go_in_a_header_and_are_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"id": 7})

    caplog.set_level("DEBUG", "httpx")  # which processes keep quiet
    for address in ("https://us%40er:pass%2Fword@registry:8081/there", "https://registry:8081/there"):
        with httpx.Client(base_url=address, transport=httpx.MockTransport(answer)) as client:
            assert Registry(client, tmp_path).id_of("s", schemas.load("Alert")) == 7
    assert [str(request.url) for request in asked] == ["https://registry:8081/there/subjects/s"] * 2
    assert asked[0].headers["Authorization"] == httpx.BasicAuth("us@er", "pass/word")._auth_header
    assert len(list(tmp_path.iterdir())) == 1, "with other credentials, it is the same registry"
    assert "HTTP Request: POST https://registry:8081" in caplog.text
    assert "word" not in caplog.text


def test_a_flood_of_unknown_ids_takes_bounded_memory(
    connect: Callable[[], Registry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.registry, "LARGEST_NOT_FOUND", 3)
    registry = connect()
    for number in range(100, 110):
        with pytest.raises(SchemaNotFound):
            registry.schema(number)
    assert len(registry._not_found) <= 4
