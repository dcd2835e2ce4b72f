"""How each country writes its postal codes.

`postal_codes.csv` has a line for each country (ISO 3166-1 alpha-2): the pattern of its codes, empty where it has none
or nobody publishes their form, and an example. Source: the address data of Google's libaddressinput (CC BY 4.0).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

_FILE: Final = files(__package__) / "postal_codes.csv"


class PostalCode(NamedTuple):
    """The form of a country's codes, and one of them; both empty where any code is taken."""

    pattern: str
    example: str


@cache
def countries() -> Mapping[str, PostalCode]:
    """All countries."""
    rows = csv.DictReader(_FILE.read_text("utf-8").splitlines())
    return {row["country"]: PostalCode(row["pattern"], row["example"]) for row in rows}


def postal_code(text: str, country: str) -> str:
    """The code in capitals, without spaces around. Raises `ValueError` where the country has no such code.

    Wide letters and digits, as some keyboards have them, become plain ones; those of other scripts are in no code.
    """
    code = " ".join(unicodedata.normalize("NFKC", text).split()).upper()
    form = countries()[country]
    if form.pattern and re.fullmatch(form.pattern, code, re.ASCII) is None:
        raise ValueError(f"is no postal code of {country}, as {form.example}" if form.example else "is no postal code")
    return code
