"""What a desk's `/metrics` shows."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

SHOW: Final = """
from prometheus_client import generate_latest
from edges.desk.metrics import DeskMetrics
print(generate_latest(DeskMetrics().registry).decode())
"""


def test_counters_have_no_second_series() -> None:
    # In a process of its own: what says so for one registry says so for all.
    shown = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True).stdout
    assert "ronde_desk_words_total" in shown
    assert "_created" not in shown
