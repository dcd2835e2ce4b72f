"""`ronde play` as a process, from its start to its end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.machine import stretched
from tests.support.waiting import eventually

RONDE = (sys.executable, "-c", "from ronde.cli import main; main()")


class Playing(NamedTuple):
    """Where everything is, and what was said; ``folder`` is the play's own."""

    panels: str
    desk: str
    portal: str
    said: str
    folder: Path


@contextmanager
def playing(folder: Path) -> Iterator[Playing]:
    """All is up within the block, in a folder; then Ctrl-C, and nothing is left."""
    log = folder / "said"
    with log.open("wb") as out:
        process = subprocess.Popen([*RONDE, "play"], cwd=folder, stdout=out, stderr=subprocess.STDOUT)
    try:

        def is_up() -> bool:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            return "Ctrl-C ends everything" in log.read_text(encoding="utf-8")

        eventually(is_up, "all is up", stretched(180))
        said = log.read_text(encoding="utf-8")
        panels, desk, portal = re.findall(r"^  (?:panels|desk|portal) +(http://localhost:\d+)/", said, re.MULTILINE)
        [own] = (folder / ".ronde").iterdir()
        yield Playing(panels, desk, portal, said, own)
        process.send_signal(signal.SIGINT)
        assert process.wait(stretched(60)) == 0, log.read_text(encoding="utf-8")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(stretched(60))
    assert list((folder / ".ronde").iterdir()) == []
