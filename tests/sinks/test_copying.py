"""What COPY reads is what the rows hold, with any text in them."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from sinks.rows.copy_text import copy_text
from sinks.rows.feeds import Row

ODD = ["", "\\", r"\N", r"\.", "\t", "\n", "\r", "\r\n", "a\tb\\c\nd", '{"a","b\\\\"}', "é€𝄞", "\x01\x7f\v\b\f"]


@pytest.mark.parametrize(
    "rows",
    [
        [("a", 1, True, None), ("b", -(2**62), False, "c")],
        [(text, number, None, None) for number, text in enumerate(ODD)],
        [("plain", 0, None, text) for text in (None, *ODD)],
        *([(text, 1, True, None)] for text in ODD),
    ],
)
def test_copied_rows_are_the_rows(rows: list[Row], ledger: psycopg.Connection[Any]) -> None:
    ledger.execute("CREATE TABLE copied (a text, b bigint, c boolean, d text)")
    with ledger.cursor().copy("COPY copied FROM STDIN") as copy:
        copy.write(copy_text(rows))
    assert sorted(ledger.execute("SELECT * FROM copied").fetchall(), key=str) == sorted(rows, key=str)
