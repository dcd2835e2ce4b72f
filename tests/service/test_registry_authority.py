"""Whose certificates the registry's client takes: a real server with a real one."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import trustme

import schemas
from edges.kafka.framing import Framing
from ronde.shared.whole_settings import WholeSettings
from schemas.avro.errors import RegistryUnreachable
from service.registry import Registry, client
from service.registry_settings import RegistrySettings
from streams.settings import load
from tests.conftest import Run
from tests.schemas.test_registry import Server

HOST: Final = "127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    return tmp_path / "ca.crt"


@pytest.fixture
def server(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A registry by TLS, in whose environment no other authorities are named."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    served = Server(context)
    served.schemas[3] = {"schema": json.dumps(schemas.load("Alert"))}
    yield served
    served.stop()


def ask(folder: Path, **settings: Any) -> Any:
    with client(RegistrySettings(**settings)) as connected:
        return Registry(connected, folder / "registry").schema(3)["name"]


def test_a_registry_of_our_authority_is_trusted_and_no_other(server: Server, ca_file: Path, tmp_path: Path) -> None:
    another = tmp_path / "another.crt"
    trustme.CA().cert_pem.write_to_path(another)
    for wrong in ({}, {"ca_file": another}):
        with pytest.raises(RegistryUnreachable, match="ConnectError"):
            ask(tmp_path, url=server.url, **wrong)
    assert server.asked == []
    assert ask(tmp_path, url=server.url, ca_file=ca_file) == "Alert"


def test_the_file_is_the_registrys_alone(
    server: Server, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(tmp_path, url=server.url, ca_file=ca_file) == "Alert"
    with httpx.Client() as another, pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        another.get(server.url)
    # SSL_CERT_FILE still names authorities for all clients of a process, where the registry has none of its own.
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    assert ask(tmp_path, url=server.url) == "Alert"


def test_every_process_and_command_goes_by_it(
    server: Server, ca_file: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"RONDE_REGISTRY__URL": server.url, "RONDE_REGISTRY__CA_FILE": str(ca_file)}
    told["RONDE_WORKER__DATA_DIR"] = str(tmp_path / "worker")
    settings = load(None, told, WholeSettings)
    edge = settings.for_edge("desk", "d-0", tmp_path / "edge")
    assert [edge.registry, settings.for_sink().registry, settings.for_seal().registry] == [settings.registry] * 3
    framing = Framing(edge)
    framing.writer("claims")
    framing.close()
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    ran = run("schemas", "register")
    assert ran.exit == 0, ran.err
