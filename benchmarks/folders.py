"""Where the benchmarks keep things: all of it below one folder that git ignores, but for the committed reference."""

from __future__ import annotations

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
PEERS: Final = Path(__file__).resolve().parent / "peers"
REQUIREMENTS: Final = Path(__file__).resolve().parent / "requirements"

HOME: Final = REPOSITORY / ".ronde" / "benchmarks"
ENVIRONMENTS: Final = HOME / "environments"  # a virtual environment a framework
STREAMS: Final = HOME / "kafka-streams"  # where Maven builds that contender
RUNS: Final = HOME / "runs"  # settings, logs and state of each run
RESULTS: Final = HOME / "results"  # a file of JSON lines a scenario
