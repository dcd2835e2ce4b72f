"""A time-stamping authority on this machine: OpenSSL's, behind HTTP; a mode has it refuse or err."""

from __future__ import annotations

import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

_SETTINGS: Final = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
[stamps]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = tsa_settings
[tsa_settings]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
certs = {folder}/ca.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = {digests}
accuracy = secs:1
ordering = yes
ess_cert_id_chain = no
"""


class Authority:
    """``mode``: stamp, refuse (the request), other (stamp another digest), replay (the first answer), junk, error."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mode = "stamp"
        self.asked = 0
        self._first: bytes | None = None
        folder.mkdir()
        self._write("settings", digests="sha256")
        self._write("refusing", digests="sha512")
        (folder / "serial").write_text("01\n")
        by_the_first = ("-CA", "ca.pem", "-CAkey", "ca.key")
        for name, extension, signer in (("ca", "authority", ()), ("tsa", "stamps", by_the_first)):
            openssl(
                folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-config", "settings", "-extensions", extension, "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", *signer,
            )  # fmt: skip
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/timestamp-query"
                answer = authority.answer(request)
                self.send_response(500 if authority.mode == "error" else 200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/tsa"

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: bytes) -> bytes:
        self.asked += 1
        if self.mode in {"junk", "error"}:
            return b"\x30\x03\x02\x01\x00 this is no stamp"
        if self.mode == "replay" and self._first is not None:
            return self._first
        (self.folder / "request").write_bytes(request)
        if self.mode == "other":
            openssl(self.folder, "ts", "-query", "-digest", "11" * 32, "-sha256", "-cert", "-out", "request")
        settings = "refusing" if self.mode == "refuse" else "settings"
        openssl(self.folder, "ts", "-reply", "-config", settings, "-queryfile", "request", "-out", "answer")
        answer = (self.folder / "answer").read_bytes()
        self._first = self._first or answer
        return answer

    def _write(self, name: str, *, digests: str) -> None:
        (self.folder / name).write_text(_SETTINGS.format(folder=self.folder, digests=digests))


def openssl(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True, cwd=folder)
    return done.stdout
