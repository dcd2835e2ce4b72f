"""The settings that lead to the local servers, in their folder: for when the usual ports are another program's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ronde.local.ports import is_free
from ronde.local.server import Server

FILE: Final = "settings.toml"


def write(data: Path, kafka: Server, database: Server) -> Path:
    """Write where the servers of a data folder are, those that ever ran; the file."""
    lines = ["# Written by `ronde local up`, each time: where the servers of this folder are."]
    if kafka.port:
        lines += ["[kafka]", f'"bootstrap.servers" = {json.dumps(kafka.address)}']
    if database.port:
        host, _, port = database.address.partition(":")
        lines += ["[postgres]", f"host = {json.dumps(host)}", f"port = {port}"]
    file = data.absolute() / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def strangers(*servers: Server) -> Iterator[str]:
    """What is said of each server whose usual port another program has, so that the settings' defaults lead there."""
    for server in servers:
        if server.port not in {None, server.usual_port} and not is_free(server.usual_port):
            yield f"port {server.usual_port}, {server.title}'s usual one, is taken by another program"
