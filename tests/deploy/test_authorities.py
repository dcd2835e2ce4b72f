"""Whose certificates the pods of the chart trust: each authority of the values is for what it is named for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.chart import PAGED, SETS, objects, pod, pods, text, write

pytestmark = pytest.mark.slow  # helm takes its time


def test_the_registrys_authority_is_trusted_by_its_client_alone() -> None:
    found = objects(text(SETS["three-zones"]))
    told = {
        one.component: {entry["name"]: entry.get("value") for container in one.containers for entry in container["env"]}
        for one in pods(found)
        if one.component != "test"
    }
    # All other clients read this: of the provider of sign-ins, the watchdog's webhook, time stamps, partners' systems.
    assert not [name for name, environ in told.items() if {"SSL_CERT_FILE", "SSL_CERT_DIR"} & environ.keys()]
    of_registry = {name for name, environ in told.items() if "RONDE_REGISTRY__URL" in environ}
    assert of_registry == set(PAGED)
    for name in of_registry:
        assert told[name]["RONDE_REGISTRY__CA_FILE"] == "/etc/ronde/registry-ca/ca.crt"
        mounted = [mount["mountPath"] for mount in pod(found, name).container(name)["volumeMounts"]]
        assert "/etc/ronde/registry-ca" in mounted


def test_authorities_of_all_other_clients_may_be_named(tmp_path: Path) -> None:
    own = {"name": "SSL_CERT_FILE", "value": "/etc/ours/ca.crt"}
    found = objects(text(SETS["three-zones"], write(tmp_path, {"desk": {"extraEnv": [own]}})))
    assert own in pod(found, "desk").container("desk")["env"]
