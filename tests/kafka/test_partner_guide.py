"""The partners' guide (docs/partners.md) says what the schemas say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import schemas
from schemas.avro.framing import single_object
from schemas.avro.loader import released
from schemas.avro.records import decode, encode
from schemas.contract.murmur2 import partition

GUIDE: Final = (Path(__file__).parents[2] / "docs" / "partners.md").read_text("utf-8")


def test_the_guide_shows_a_command_and_a_report_as_they_are() -> None:
    shown = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)]
    for name, value in zip(("DispatchCommand", "DispatchReport"), shown, strict=True):
        assert decode(name, encode(name, value)) == value
        assert list(value) == [field["name"] for field in schemas.load(name)["fields"]]


def test_the_guide_tells_every_action_and_status() -> None:
    for name, heading in (("DispatchCommand", "What you receive"), ("DispatchReport", "What you report")):
        section = GUIDE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        enums = [field["type"] for field in schemas.load(name)["fields"] if field["name"] in {"action", "status"}]
        symbols = [
            symbol for enum in enums for symbol in enum["symbols"] if (name, symbol) != ("DispatchReport", "UNKNOWN")
        ]
        assert [symbol for symbol in symbols if f"| `{symbol}`" not in section] == []


def test_the_guide_has_the_ten_bytes_of_every_version_and_the_partition_of_two_keys() -> None:
    for name in ("DispatchCommand", "DispatchReport"):
        for number, schema in released(name).items():
            header = " | ".join(f"`{byte:02X}`" for byte in single_object(schema))
            assert f"| `{name}` | {number} | {header} |" in GUIDE
    keys = re.findall(r"`(S[0-9]+)` (?:has )?partition ([0-9])", GUIDE)
    assert [(key, str(partition(key.encode(), 6))) for key, _ in keys] == keys
    assert len(keys) == 2


def test_the_guide_tries_it_on_a_site_that_is_the_partners() -> None:
    sites = map(
        json.loads,
        (Path(schemas.__file__).parents[1] / "ronde" / "demo" / "sites.jsonl").read_text("utf-8").splitlines(),
    )
    (site,) = (site for site in sites if site["site_id"] == "S02")
    assert site["intervention"]["partners"] == ["garde-alpes"]
    assert "--partner-id garde-alpes" in GUIDE
