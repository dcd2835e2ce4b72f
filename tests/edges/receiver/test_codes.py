"""Every code of the table, and those that it lacks: which kind of alert each is."""

from __future__ import annotations

from typing import Final

import pytest

from edges.receiver.codes import Format, meaning_of, table

# docs/receiver.md's table, written out: the code's kind and what its alert's detail says.
KINDS: Final = {
    Format.CONTACT_ID: {
        "FIRE": "110 111 112 113 114 115 116 117 118 162 151",
        "HOLD_UP": "120 121 122 123 124 125 126 129",
        "INTRUSION": "130 131 132 133 134 135 136 138 139 140 146 155",
        "TAMPER": "137 144 145 316 317 341 383 141 142 344",
    },
    Format.SIA: {
        "FIRE": "FA FM KA SA GA",
        "HOLD_UP": "HA PA",
        "INTRUSION": "BA BM BV UA",
        "TAMPER": "TA TT ES JA XS XQ AA",
    },
}
DETAILS: Final = {
    "162": "CO", "151": "GAS", "GA": "GAS", "121": "DURESS", "124": "DURESS", "125": "DURESS",
    "139": "CONFIRMED", "BM": "CONFIRMED", "BV": "CONFIRMED",
}  # fmt: skip
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def expected(code_format: Format, code: str) -> str | None:
    for kind, codes in KINDS[code_format].items():
        if code in codes.split():
            return kind
    is_alarm = code[0] in "12" if code_format is Format.CONTACT_ID else code[1] == "A"
    return "OTHER" if is_alarm else None


@pytest.mark.parametrize("code_format", Format)
def test_every_code_has_its_kind_and_detail(code_format: Format) -> None:
    if code_format is Format.CONTACT_ID:
        codes = [f"{number:03d}" for number in range(1000)]
    else:
        codes = [first + second for first in LETTERS for second in LETTERS]
    for code in codes:
        meaning = meaning_of(code_format, code)
        assert (meaning.kind, meaning.detail) == (expected(code_format, code), DETAILS.get(code)), code


def test_every_line_of_the_table_is_a_code_with_a_name() -> None:
    for (code_format, code), meaning in table().items():
        assert len(code) == (3 if code_format is Format.CONTACT_ID else 2)
        assert meaning.name.replace("_", "").isalnum()
        assert meaning.name == meaning.name.upper()
