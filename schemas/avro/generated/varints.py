"""Avro's numbers: zigzag, then 7 bits a byte, low ones first, the high bit set on all but the last.

Writing builds text of one character a byte (latin-1): joining text by f-strings is the fastest way that
Python has to put many small pieces together, and one ``encode`` at the end turns it into bytes.
"""

from typing import Final

from schemas.avro.errors import Undecodable

SMALL: Final = 8192  # below it, a number is at most two bytes and lies in a table


def _text_of(zigzag: int) -> str:
    out: list[str] = []
    while zigzag > 127:
        out.append(chr(zigzag & 127 | 128))
        zigzag >>= 7
    out.append(chr(zigzag))
    return "".join(out)


# The bytes of a number from 0 to SMALL; of 14 bits that more bits follow; of the last 14 bits or fewer.
NUMBER: Final = [_text_of(number << 1) for number in range(SMALL)]
MORE: Final = [chr(bits & 127 | 128) + chr(bits >> 7 | 128) for bits in range(1 << 14)]
LAST: Final = [_text_of(bits) for bits in range(1 << 14)]
# The same behind the index of a union's second branch, which is every optional value's.
PRESENT_NUMBER: Final = ["\x02" + number for number in NUMBER]

# Instants from 2004-11-03 to 2039-09-07 take six bytes: MORE, MORE, LAST.
SIX_BYTES_FROM: Final = 1 << 40
SIX_BYTES_TO: Final = 1 << 41


def number_text(number: int) -> str:
    """Any long as the text of its bytes. OverflowError: it has more than 64 bits."""
    if 0 <= number < 1 << 27:
        return MORE[number << 1 & 16383] + LAST[number >> 13] if number >= SMALL else NUMBER[number]
    if not -(1 << 63) <= number < 1 << 63:
        raise OverflowError("a number has more than 64 bits")
    return _text_of((number << 1) ^ (number >> 63))


def present_number_text(number: int) -> str:
    """`number_text` behind the index of a union's second branch."""
    return "\x02" + number_text(number)


def utf8_text(text: str) -> str:
    """Any text as the text of its UTF-8 bytes. UnicodeEncodeError: a lone surrogate."""
    return text.encode().decode("latin-1")


def long_tail(data: bytes, at: int, low: int) -> tuple[int, int]:
    """The zigzag bits that begin with the byte ``low`` and go on ``at``; and where they end.

    IndexError: the data ends first. Undecodable: more than 64 bits.
    """
    bits = low & 127
    shift = 7
    while True:
        byte = data[at]
        at += 1
        bits |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
        if shift > 63:
            raise Undecodable("a number is longer than 10 bytes")
    if bits >> 64:
        raise Undecodable("a number has more than 64 bits")
    return bits, at


def int_tail(data: bytes, at: int, low: int) -> tuple[int, int]:
    """`long_tail` for an int, which has no more than 32 bits."""
    bits, at = long_tail(data, at, low)
    if bits >> 32:
        raise Undecodable("an int has more than 32 bits")
    return bits, at


def size_tail(data: bytes, at: int, low: int) -> tuple[int, int]:
    """`long_tail` for a size in zigzag, which is never negative."""
    bits, at = long_tail(data, at, low) if low > 127 else (low, at)
    if bits & 1:
        raise Undecodable("a size is negative")
    return bits, at


def block(data: bytes, at: int, low: int) -> tuple[int, int, int]:
    """A block of an array or map whose count begins with ``low``: its count, where its items begin, and end.

    The end is -1 where the block does not state its size. Every item takes a byte or more, so a count
    beyond the data left is refused before anything is read.
    """
    bits, at = long_tail(data, at, low) if low > 127 else (low, at)
    count = (bits >> 1) ^ -(bits & 1)
    end = -1
    if count < 0:
        count = -count
        size = data[at]
        size, at = size_tail(data, at + 1, size)
        end = at + (size >> 1)
    if count > len(data) - at:
        raise Undecodable("a list is longer than the data")
    return count, at, end
