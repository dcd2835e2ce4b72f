"""TLS to PostgreSQL, as the settings have it: a real server with a real certificate."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from ronde.local.ports import HOST, free_port
from ronde.local.postgres import Postgres
from service import postgres
from service.postgres_settings import PostgresSettings
from sinks.database.postgres import connect
from sinks.errors import Away

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")


class Secured(NamedTuple):
    """A server that lets in who comes by TLS, with a password or a certificate; the authority that signed them."""

    server: Postgres
    authority: Path
    other_authority: Path
    certificate: Path
    key: Path


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def authority(folder: Path, name: str) -> Path:
    certificate = folder / f"{name}.crt"
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
        *("-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", certificate),
    )
    return certificate


def signed(folder: Path, name: str, by: Path, extension: str) -> tuple[Path, Path]:
    key, request, certificate = (folder / f"{name}.{ending}" for ending in ("key", "csr", "crt"))
    (folder / f"{name}.ext").write_text(extension)
    openssl(
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", f"/CN={name}", "-keyout", key, "-out", request),
    )
    openssl(
        *("x509", "-req", "-in", request, "-CA", by, "-CAkey", by.with_suffix(".key"), "-CAcreateserial"),
        *("-days", "2", "-extfile", folder / f"{name}.ext", "-out", certificate),
    )
    key.chmod(0o600)
    return certificate, key


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    ours, others = authority(folder, "ours"), authority(folder, "others")
    certificate, key = signed(folder, "server", ours, f"subjectAltName=IP:{HOST}")
    client, client_key = signed(folder, "ronde", ours, "extendedKeyUsage=clientAuth")
    rules = folder / "pg_hba.conf"
    rules.write_text(
        "host all ronde 127.0.0.1/32 trust\n"  # for the server's own look whether it is ready
        "hostssl ledger sink 127.0.0.1/32 scram-sha-256\n"
        "hostssl ledger certified 127.0.0.1/32 cert map=any\n"
    )
    (folder / "pg_ident.conf").write_text("any ronde certified\n")
    server = Postgres(
        folder / "postgres",
        port=free_port(),
        extra_properties={
            "ssl": "on",
            "ssl_cert_file": str(certificate),
            "ssl_key_file": str(key),
            "ssl_ca_file": str(ours),
            "hba_file": str(rules),
            "ident_file": str(folder / "pg_ident.conf"),
        },
    )
    if os.geteuid() == 0:  # the server runs as another user then, and its key must be its own
        nobody = pwd.getpwnam("nobody")
        os.chown(key, nobody.pw_uid, nobody.pw_gid)
    try:
        server.start()
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE sink LOGIN PASSWORD 'hush'")
            connection.execute("CREATE ROLE certified LOGIN")
            connection.execute("CREATE DATABASE ledger OWNER sink")
        yield Secured(server, ours, others, client, client_key)
    finally:
        server.stop()


def settings(secured: Secured, **given: Any) -> PostgresSettings:
    port = secured.server.port or 0
    told = {"host": HOST, "port": port, "database": "ledger", "user": "sink", "password": "hush", **given}
    return PostgresSettings(**told)


def test_a_server_of_our_authority_is_trusted_and_the_connection_is_encrypted(secured: Secured) -> None:
    with connect(settings(secured, sslmode="verify-full", sslrootcert=str(secured.authority)), "test") as connection:
        row = connection.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    assert row == (True, "TLSv1.3")


def test_system_is_what_the_system_trusts(secured: Secured, monkeypatch: pytest.MonkeyPatch) -> None:
    full = settings(secured, sslmode="verify-full", sslrootcert="system")
    with pytest.raises(Away, match="certificate verify failed"):
        connect(full, "test")
    monkeypatch.setattr(postgres, "_SYSTEM_AUTHORITIES", ("/no/such/file", str(secured.authority)))
    connect(full, "test").close()
    with pytest.raises(Away, match="weak sslmode"):
        connect(settings(secured, sslmode="require", sslrootcert="system"), "test")


def test_a_server_of_another_authority_is_not(secured: Secured) -> None:
    with pytest.raises(Away, match="certificate verify failed"):
        connect(settings(secured, sslmode="verify-full", sslrootcert=str(secured.other_authority)), "test")


def test_a_server_of_another_name_is_not(secured: Secured) -> None:
    with pytest.raises(Away, match="does not match host name"):
        connect(settings(secured, host="localhost", sslmode="verify-full", sslrootcert=str(secured.authority)), "test")


def test_without_tls_a_server_that_wants_it_lets_nobody_in(secured: Secured) -> None:
    with pytest.raises(Away, match="no encryption"):
        connect(settings(secured, sslmode="disable"), "test")


def test_a_certificate_takes_the_place_of_a_password(secured: Secured) -> None:
    ours = {"user": "certified", "password": None, "sslmode": "verify-full", "sslrootcert": str(secured.authority)}
    with connect(
        settings(secured, **ours, sslcert=str(secured.certificate), sslkey=str(secured.key)), "test"
    ) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("certified",)
    with pytest.raises(Away):
        connect(settings(secured, **ours), "test")


def test_a_wrong_password_is_said_without_it(secured: Secured) -> None:
    with pytest.raises(Away, match="password authentication failed") as refused:
        connect(settings(secured, password="guessed", sslmode="require"), "test")
    assert "guessed" not in str(refused.value)
