"""Files of a receiver's TLS port."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trustme


def tls_files(folder: Path, authority: trustme.CA, **more: Any) -> dict[str, Any]:
    """Write a certificate for ``localhost`` and its key, ``more`` as `trustme.CA.issue_cert`; their settings."""
    issued = authority.issue_cert("localhost", **more)
    files = {"tls_certificate": folder / "chain.pem", "tls_key": folder / "key.pem"}
    issued.cert_chain_pems[0].write_to_path(files["tls_certificate"])
    issued.private_key_pem.write_to_path(files["tls_key"])
    return files
