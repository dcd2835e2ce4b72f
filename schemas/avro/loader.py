"""The schemas as files: today's, and every version ever published.

`load` gives one value's schema as plain JSON, as a partner reads it from its file. A version, once
published, lies under ``released/<name>/<number>.avsc`` and never changes: what producers wrote by it
must be readable for good (contracts.md, Wire format).
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final, TypeAlias, cast

Schema: TypeAlias = dict[str, Any]

NAMES: Final = (
    "Site",
    "Alert",
    "CallResult",
    "DispatchReport",
    "OperatorAction",
    "CallCommand",
    "DispatchCommand",
    "Attention",
    "Decision",
    "Readiness",
    "Quarantined",
    "State",
    "Signal",
    "Transmitter",
    "Claim",
    "DeskEvent",
)


def load(name: str) -> Schema:
    """The current schema of a value, as parsed JSON; each call gives a fresh one. KeyError: no such value."""
    return cast("Schema", json.loads(text(name)))


@cache
def text(name: str) -> str:
    """The current schema of a value, as its file has it."""
    if name not in NAMES:
        raise KeyError(f"no schema is named {name!r}; there are {', '.join(NAMES)}")
    return (files("schemas") / f"{name}.avsc").read_text("utf-8")


def released(name: str) -> dict[int, Schema]:
    """Every published version of a value's schema by its number, oldest first."""
    folder = files("schemas") / "released" / name
    numbered = {int(file.name.removesuffix(".avsc")): file for file in folder.iterdir() if file.name.endswith(".avsc")}
    return {number: json.loads(numbered[number].read_text("utf-8")) for number in sorted(numbered)}
