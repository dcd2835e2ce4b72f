"""JSON as RFC 8259 has it, from bytes: any depth, any escape, nothing beyond.

orjson reads nearly all of it, fast. Two things it refuses are JSON all the same, and what a value means is
not for its parser to say: the escape of half a surrogate pair, and arrays a thousand deep.
"""

import json
import re
from typing import Any, Final, NoReturn

import orjson

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_CLOSING: Final[dict[type, str]] = {list: "]", dict: "}"}
_LONGEST_INT: Final = 18  # digits that always fit 64 bits; longer ones are floats, as they are to orjson


def loads(raw: bytes) -> object:
    """The value of a JSON text in UTF-8; of names that repeat in an object, the last one counts.

    Raises `ValueError` when it is none: ``NaN`` and ``Infinity`` are none, nor is a byte order mark.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _loads_thoroughly(raw.decode("utf-8", "strict"))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST_INT else float(digits)


_DECODER: Final = json.JSONDecoder(parse_int=_number, parse_constant=_refuse)


def _loads_thoroughly(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except RecursionError:
        return _loads_deep(text)


def _loads_deep(text: str) -> object:
    """The same without recursion, for what is nested deeper than the others go."""
    root: list[Any] = []
    into: Any = root  # the array or object being filled
    around: list[Any] = []  # those it lies in, outermost first
    at = 0
    while True:
        at = _skip(text, at)
        if into or into is root or text[at : at + 1] != _CLOSING[type(into)]:
            name, at = _read_name(text, at) if type(into) is dict else (len(into), at)
            value, at = _read_value(text, at)
            if type(into) is dict:
                into[name] = value
            else:
                into.append(value)
            if type(value) in _CLOSING:
                around.append(into)
                into = value
                continue
        at = _skip(text, at)
        while into is not root and text[at : at + 1] == _CLOSING[type(into)]:
            into = around.pop()
            at = _skip(text, at + 1)
        if into is root:
            break
        at = _expect(",", text, at)
    if at != len(text):
        raise ValueError(f"more than one value, at character {at}")
    return root[0]


def _read_name(text: str, at: int) -> tuple[str, int]:
    """A name and its colon; where the value begins."""
    _expect('"', text, at)
    name, at = _DECODER.raw_decode(text, at)
    return name, _skip(text, _expect(":", text, _skip(text, at)))


def _read_value(text: str, at: int) -> tuple[object, int]:
    """A string, number or word; of an array or object, only its beginning."""
    match text[at : at + 1]:
        case "[":
            return [], at + 1
        case "{":
            return {}, at + 1
        case _:
            return _DECODER.raw_decode(text, at)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None, "any text starts with no white space or some"
    return space.end()


def _expect(sign: str, text: str, at: int) -> int:
    if text[at : at + 1] != sign:
        raise ValueError(f"no {sign} at character {at}")
    return at + 1
