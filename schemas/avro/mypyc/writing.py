"""What the generated writers write with; it raises, no matter what, for all that is not the common way."""

from __future__ import annotations

from librt.strings import BytesWriter
from mypy_extensions import i64, u8


def put_number(out: BytesWriter, number: i64) -> None:
    """A long or an int of up to 63 bits."""
    if number > 0x3FFFFFFFFFFFFFFF or number < -0x4000000000000000:
        raise OverflowError
    zigzag: i64 = (number << 1) ^ (number >> 63)
    while zigzag > 127:
        out.append(u8((zigzag & 127) | 128))
        zigzag >>= 7
    out.append(u8(zigzag))


def put_text(out: BytesWriter, text: str) -> None:
    """A string."""
    data = text.encode()
    put_number(out, len(data))
    out.write(data)


def put_flag(out: BytesWriter, flag: bool) -> None:
    """A boolean."""
    out.append(u8(1) if flag else u8(0))
