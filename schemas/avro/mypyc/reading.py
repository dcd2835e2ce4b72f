"""What the generated readers read with; it raises, no matter what, for all that is not the common way."""

from __future__ import annotations

from mypy_extensions import i64


class Unusual(Exception):
    """Broken, or encoded in a way that Avro allows and nobody uses: the reference reads it."""


class Cursor:
    """Bytes, and the place in them that is read next."""

    def __init__(self, data: bytes, at: i64) -> None:
        self.data = data
        self.at: i64 = at

    def is_at_end(self) -> bool:
        """Whether all bytes are read, and no more than there are."""
        return self.at == len(self.data)

    def is_within(self) -> bool:
        """Whether no more bytes are read than there are."""
        return self.at <= len(self.data)

    def byte(self) -> i64:
        """The next byte."""
        at = self.at
        self.at = at + 1
        return self.data[at]

    def number(self) -> i64:
        """A long of up to 63 bits."""
        data = self.data
        at = self.at
        byte: i64 = data[at]
        at += 1
        bits: i64 = byte & 127
        shift: i64 = 7
        while byte > 127:
            if shift > 56:
                raise Unusual
            byte = data[at]
            at += 1
            bits |= (byte & 127) << shift
            shift += 7
        self.at = at
        return (bits >> 1) ^ -(bits & 1)

    def int32(self) -> i64:
        """An int."""
        number = self.number()
        if number > 2147483647 or number < -2147483648:
            raise Unusual
        return number

    def text(self) -> str:
        """A string."""
        size: i64 = self.number()
        if size < 0:
            raise Unusual
        at = self.at
        end = at + size
        self.at = end
        return self.data[at:end].decode()

    def flag(self) -> bool:
        """A boolean."""
        byte = self.byte()
        if byte > 1:
            raise Unusual
        return byte == 1

    def is_present(self) -> bool:
        """The branch of an optional value: whether it is there."""
        branch = self.byte()
        if branch == 0:
            return False
        if branch != 2:
            raise Unusual
        return True

    def symbol(self) -> i64:
        """The place of a symbol in its enum."""
        place = self.byte()
        if place & 1:
            raise Unusual
        return place >> 1

    def count(self) -> i64:
        """How many items a block of a list has; 0 ends the list."""
        count = self.number()
        if count < 0 or count > len(self.data):
            raise Unusual
        return count
