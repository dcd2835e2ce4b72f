"""docs/receiver.md says what each counter means, and which codes are which kind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from edges.receiver.codes import Format, meaning_of
from edges.receiver.framing import DefectReason
from edges.receiver.judging import SilenceReason
from edges.receiver.metrics import ReceiverMetrics

PAGE: Final = Path("docs/receiver.md").read_text("utf-8")
FAMILIES: Final = [
    family.name for family in ReceiverMetrics().registry.collect() if family.name.startswith("ronde_receiver_")
]
COUNTERS: Final = PAGE[PAGE.index("## What the counters mean") :]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_metric_of_a_receiver_is_explained(family: str) -> None:
    name = family.removeprefix("ronde_receiver_")
    assert re.search(rf"`{name}(_total)?[`{{]", COUNTERS), name


@pytest.mark.parametrize("reason", [*SilenceReason, *DefectReason])
def test_each_reason_of_silence_is_explained(reason: SilenceReason | DefectReason) -> None:
    row = "silenced_total" if isinstance(reason, SilenceReason) else "flaws_total"
    assert any(row in line and reason.value in line for line in COUNTERS.splitlines())


def test_codes_of_confirmed_alarms_are_those_of_the_table() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| `INTRUSION`"))
    contact_id, sia = row.split("|")[2:4]
    assert "139 with `CONFIRMED`" in contact_id
    assert "BM BV with `CONFIRMED`" in sia
    assert meaning_of(Format.CONTACT_ID, "139").detail == "CONFIRMED"
    assert {code for code in ("BA", "UA", "BM", "BV") if meaning_of(Format.SIA, code).detail} == {"BM", "BV"}
