"""docs/desk.md names every code that only the desk's API answers, in the row of the path that answers it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edges.desk import problems
from edges.web.problems import ProblemKind
from tests.edges.desk.floor import people
from tests.edges.desk.memory import MemoryDesk

ROWS: Final = [
    line
    for line in (Path(__file__).parents[3] / "docs" / "desk.md").read_text("utf-8").splitlines()
    if line[:2] == "| "
]
OWN: Final = {kind.code for kind in vars(problems).values() if isinstance(kind, ProblemKind)} - {"FORBIDDEN"}
# What stands in the rows of each path: those of an inbound call are, besides its own, those of a call.
PLACES: Final = {
    "/v1/work/next": ["/v1/work/next"],
    "/v1/work/{subject}/take": ["/v1/work/{subject}/take"],
    "/v1/work/{subject}/release": ["/v1/work/{subject}/take"],
    "/v1/calls/{command_id}/word": ["/v1/calls/{command_id}/word"],
    "/v1/calls/{command_id}/result": ["/v1/calls/{command_id}/result"],
    "/v1/sites/{site_id}/callbacks/{callback_id}/word": ["/v1/sites/{id}/callbacks", "/v1/calls/{command_id}/word"],
    "/v1/sites/{site_id}/callbacks/{callback_id}/result": ["/v1/sites/{id}/callbacks", "/v1/calls/{command_id}/result"],
    "/v1/incidents/{incident_id}/close": ["/v1/incidents/{id}/close"],
    "/v1/incidents/{incident_id}/dispatch": ["/v1/incidents/{id}/close"],
    "/v1/sites/{site_id}/dispatch": ["/v1/sites/{id}/dispatch"],
}


def test_every_code_of_the_api_is_in_the_row_of_its_path(tmp_path: Path) -> None:
    people(tmp_path, ann="operator")
    document = MemoryDesk(tmp_path).app.openapi()
    answered = {
        path: {
            code
            for operation in methods.values()
            for answer in operation["responses"].values()
            for code in answer.get("x-codes", ())
            if code in OWN
        }
        for path, methods in document["paths"].items()
    }
    missing = []
    for path, codes in answered.items():
        rows = " ".join(row for row in ROWS for place in PLACES.get(path, ()) if f" {place}`" in row)
        missing += [f"{path}: {code}" for code in sorted(codes) if f"`{code}`" not in rows]
    assert missing == []
