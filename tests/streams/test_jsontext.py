"""JSON of any depth and with any escape is read; nothing else is."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.formats import json_text

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b' {"a": [1, true, null, "\\u00e9"]} ', {"a": [1, True, None, "é"]}),
        (b'{"a": 1, "a": 2}', {"a": 2}),  # the last one counts
        (b'"\\ud800"', "\ud800"),  # half a pair
        (b'"\\ud83d\\ude00"', "😀"),  # a whole one
        (b'{"a": "\\udc00", "a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b"1e400", float("inf")),  # a number all the same
        (b"9" * 5000, float("inf")),
    ],
)
def test_reads_json(raw: bytes, value: object) -> None:
    assert json_text.loads(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b'{"a"}',
        b"{'a': 1}",
        b"[1,]",
        b"[1] [2]",
        b"NaN",
        b'{"a": NaN}',
        b'["\\ud800", Infinity]',
        b'["\\ud800", -Infinity]',
        b"\xef\xbb\xbf{}",  # a byte order mark
        b'"\xff"',  # not UTF-8
        b'"\xed\xa0\x80"',  # half a pair as bytes
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 99_999 + b"}",
        b"[" * 2000 + b"]" * 2000 + b"1",
        b"[" * 2000 + b"NaN" + b"]" * 2000,
    ],
)
def test_refuses_what_is_none(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        json_text.loads(raw)


@pytest.mark.parametrize("depth", [900, 1023, 1024, 1025, 100_000])
def test_reads_any_depth(depth: int) -> None:
    value: Any = json_text.loads(b'{"a":[' * depth + b'{"b": "\\ud800"}, 1, 2' + b"]}" * depth)

    for _ in range(depth):
        (value,) = value.values()
        value = value[0]
    assert value == {"b": "\ud800"}


@given(JSON, st.sampled_from([None, 1]))
def test_reads_without_recursion_what_the_standard_library_writes(value: Any, indent: int | None) -> None:
    assert json_text._loads_deep(json.dumps(value, indent=indent)) == value


@given(JSON, st.data())
def test_refuses_without_recursion_what_the_standard_library_refuses(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value)
    at = data.draw(st.integers(0, len(text)))
    spoilt = text[:at] + data.draw(st.sampled_from(["", ",", "[", "]", "{", "}", ":", '"', "1", " "])) + text[at + 1 :]

    assert read(json_text._loads_deep, spoilt) == read(json_text._DECODER.decode, spoilt)


def read(loads: Any, text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return ValueError
