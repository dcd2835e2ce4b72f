"""What the kubelet makes of a pod: the variables of its containers, and the files that it mounts."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import certifi

from tests.deploy.chart import Object, Pod

SECRET: Final = "a-secret"


def environment(one: Pod, container: Object, folder: Path) -> Iterator[tuple[str, str]]:
    """The variables of a container, as the kubelet would set them; its files lie below ``folder``."""
    files = make_files(one, folder)
    for entry in container["env"]:
        source = entry.get("valueFrom", {})
        if "fieldRef" in source:
            assert source["fieldRef"]["fieldPath"] == "metadata.name"
            value = f"ronde-{one.component}-0"
        elif "secretKeyRef" in source:
            values = {
                "RONDE_REGISTRY__URL": "http://name:word@registry:8081",
                "RONDE_RECEIVER__WRAPPING_KEY": "5c" * 32,
                "RONDE_WEB__SESSION_KEY": "5c" * 32,
                "RONDE_WATCHDOG__CANARY_KEY": "5c" * 16,
                "RONDE_WATCHDOG__PING_URL": "https://switch.example/5c",
                "RONDE_WATCHDOG__WEBHOOK_SECRET": f"whsec_{'c' * 32}",
            }
            value = values.get(entry["name"], SECRET)
        else:
            value = entry["value"]
        if value.startswith("/etc/ronde/"):
            assert value in files, f"{value} is not mounted"
            value = str(files[value])
        yield entry["name"], value


def make_files(one: Pod, folder: Path) -> dict[str, Path]:
    """What a pod mounts, made in a folder: by the path in the container, where it is here."""
    made = {}
    certificate, key = key_pair(folder)
    (empty := folder / "empty.json").write_text("{}", encoding="utf-8")
    kinds = {"ca.crt": Path(certifi.where()), "tls.crt": certificate, "tls.key": key}
    kinds |= dict.fromkeys(("tokens.json", "users.json"), empty) | {"seal.pem": key}
    for volume in one.spec["volumes"]:
        for item in (volume.get("secret") or volume.get("configMap") or {}).get("items", []):
            made[f"/etc/ronde/{volume['name']}/{item['path']}"] = kinds[item["path"]]
    return made


def key_pair(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "tls.crt", folder / "tls.key"
    if not key.exists():
        openssl = shutil.which("openssl")
        assert openssl is not None, "needs openssl to make a certificate"
        kind = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        where = ("-subj", "/CN=worker", "-keyout", key, "-out", certificate)
        subprocess.run([openssl, *kind, *where], check=True, capture_output=True)
        ssl.create_default_context().load_cert_chain(certificate, key)
    return certificate, key
