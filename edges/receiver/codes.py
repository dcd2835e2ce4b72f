"""What the codes of Contact ID and SIA mean, and which of them are alerts: `codes.csv`, a code a line.

Sources: SIA DC-05-1999 (Contact ID), SIA DC-03-2003 with its list of codes; which are alerts: docs/receiver.md.
A code that the table lacks is an alert of kind OTHER where its family is that of alarms (Contact ID 1xx and 2xx,
SIA ``?A``), else a signal.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, NamedTuple

UNKNOWN: Final = "UNKNOWN"


class Format(StrEnum):
    """How a frame's data are coded."""

    CONTACT_ID = "CONTACT_ID"
    SIA = "SIA"


class Number(StrEnum):
    """What the number behind a code counts."""

    ZONE = "zone"
    USER = "user"


class Meaning(NamedTuple):
    """A line of the table.

    Attributes:
        kind: which kind of alert the code is when it is new; None: a signal.
        detail: what the alert's ``detail`` says beside the panel's text: DURESS, CONFIRMED, CO, GAS.

    """

    name: str
    number: Number
    kind: str | None
    detail: str | None


@cache
def table() -> Mapping[tuple[Format, str], Meaning]:
    """The whole table, by format and code."""
    lines = files(__package__).joinpath("codes.csv").read_text(encoding="utf-8").splitlines()
    return MappingProxyType(
        {
            (Format(line["format"]), line["code"]): Meaning(
                line["meaning"], Number(line["number"]), line["kind"] or None, line["detail"] or None
            )
            for line in csv.DictReader(lines, strict=True)
        }
    )


@lru_cache(4096)
def meaning_of(code_format: Format, code: str) -> Meaning:
    """What a code means; every code means something."""
    known = table().get((code_format, code))
    if known is not None:
        return known
    is_alarm = code[0] in "12" if code_format is Format.CONTACT_ID else code.endswith("A")
    return Meaning(UNKNOWN, Number.ZONE, "OTHER" if is_alarm else None, None)
