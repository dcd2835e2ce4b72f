"""Writers generated from a schema: a value by position in, its bytes out."""

from collections.abc import Callable, Collection
from typing import Any, Final

from schemas.avro.errors import UnusableSchema
from schemas.avro.generated import varints
from schemas.avro.generated.shapes import Array, Enum, Primitive, Record, Shape, Union, shape_of
from schemas.avro.generated.source import FunctionSource

NULL: Final = Primitive("null")


def writer(schema: Any, header: bytes = b"", objects: Collection[str] = ()) -> Callable[[Any], bytes]:
    """A function from a value to its bytes behind ``header``.

    A record is a tuple with its fields in the schema's order; one named in ``objects`` is any object with
    the fields as attributes. An enum is its symbol, an array any sequence, an instant its milliseconds.

    The function trusts its caller (mypy checks them): a value that does not fit raises any error Python
    raises (KeyError for a symbol, TypeError, AttributeError, ValueError, OverflowError beyond 64 bits).
    UnusableSchema: the schema has a type that no schema of ronde has.
    """
    shape = shape_of(schema)
    if not isinstance(shape, Record):
        raise UnusableSchema("a value is a record")
    # Sizes beyond the table are so rare that nobody looks before: the slow twin takes over.
    slow = _generate(shape, header, objects, size="number_text(len({0}))", twin=None)
    return _generate(shape, header, objects, size="NUMBER[len({0})]", twin=slow)


def _generate(
    shape: Record, header: bytes, objects: Collection[str], *, size: str, twin: Callable[[Any], bytes] | None
) -> Callable[[Any], bytes]:
    generator = _Writer(objects, size)
    source = generator.source
    source.names.update(
        NUMBER=varints.NUMBER,
        PRESENT_NUMBER=varints.PRESENT_NUMBER,
        MORE=varints.MORE,
        LAST=varints.LAST,
        number_text=varints.number_text,
        present_number_text=varints.present_number_text,
        utf8_text=varints.utf8_text,
        twin=twin,
        header=header.decode("latin-1"),
    )
    with source.block("def write(value):"):
        if twin is None:
            source.line(f"return {_joined(['{header}', generator.text(shape, 'value')])}.encode('latin-1')")
        else:
            with source.block("try:"):
                source.line(f"return {_joined(['{header}', generator.text(shape, 'value')])}.encode('latin-1')")
            with source.block("except IndexError:"):
                source.line("return twin(value)")
    return source.compile("write", f"writer of {shape.name}")


class _Writer:
    """Adds the lines that prepare a value, and gives the piece of an f-string that stands for its bytes."""

    def __init__(self, objects: Collection[str], size: str) -> None:
        self.source = FunctionSource()
        self._objects = objects
        self._size = size

    def text(self, shape: Shape, value: str) -> str:
        """The piece for the value in the variable ``value``."""
        if isinstance(shape, Record):
            return self._record(shape, value)
        if isinstance(shape, Array):
            return self._array(shape, value)
        if isinstance(shape, Enum):
            return "{%s[%s]}" % (self._symbols(shape, ""), value)  # noqa: UP031 - braces that stay
        if isinstance(shape, Union):
            return self._optional(shape, value)
        if isinstance(shape, Primitive):
            return self._primitive(shape, value)
        raise UnusableSchema(f"no writer for {shape}")

    def _primitive(self, shape: Primitive, value: str) -> str:
        if shape.kind == "string":
            self._encode(value)
            return "{" + self._size.format(value) + "}{" + value + "}"
        if shape.kind == "bytes":
            self.source.line(f"{value} = {value}.decode('latin-1')")
            return "{" + self._size.format(value) + "}{" + value + "}"
        if shape.kind == "boolean":
            yes, no = self.source.constant("yes", "\x01"), self.source.constant("no", "\x00")
            return "{%s if %s else %s}" % (yes, value, no)  # noqa: UP031
        if shape.is_instant:
            return "{" + self._instant(value, "") + "}"
        if shape.kind in {"int", "long"}:
            return "{NUMBER[%s] if 0 <= %s < %d else number_text(%s)}" % (value, value, varints.SMALL, value)  # noqa: UP031
        raise UnusableSchema(f"no writer for {shape.kind}")

    def _encode(self, value: str) -> None:
        """From here on the variable is the text of its UTF-8 bytes; plain ASCII is that already."""
        with self.source.block(f"if not {value}.isascii():"):
            self.source.line(f"{value} = utf8_text({value})")

    def _instant(self, value: str, prefix: str) -> str:
        """The expression for an instant; its three parts are looked up, not computed, for the years around us."""
        text = self.source.variable("instant")
        with self.source.block(f"if {varints.SIX_BYTES_FROM} <= {value} < {varints.SIX_BYTES_TO}:"):
            parts = f"{{MORE[{value} << 1 & 16383]}}{{MORE[{value} >> 13 & 16383]}}{{LAST[{value} >> 27]}}"
            self.source.line(f'{text} = f"{prefix}{parts}"')
        with self.source.block("else:"):
            self.source.line(f'{text} = "{prefix}" + number_text({value})')
        return text

    def _symbols(self, shape: Enum, prefix: str) -> str:
        texts: dict[str | None, str] = {
            symbol: prefix + varints.number_text(index) for index, symbol in enumerate(shape.symbols)
        }
        if prefix:
            texts[None] = "\x00"
        return self.source.constant(shape.name, texts)

    def _optional(self, shape: Union, value: str) -> str:
        if len(shape.branches) != 2 or shape.branches[0] != NULL:
            raise UnusableSchema("no writer for a union other than of null and one type")
        some = shape.branches[1]
        if isinstance(some, Enum):
            return "{%s[%s]}" % (self._symbols(some, "\x02"), value)  # noqa: UP031
        text = self.source.variable("text")
        with self.source.block(f"if {value} is None:"):
            self.source.line(f'{text} = "\\x00"')
        with self.source.block("else:"):
            if isinstance(some, Primitive) and some.kind in {"int", "long"} and not some.is_instant:
                number = f"PRESENT_NUMBER[{value}] if 0 <= {value} < {varints.SMALL} else present_number_text({value})"
                self.source.line(f"{text} = {number}")
            elif isinstance(some, Primitive) and some.is_instant:
                self.source.line(f"{text} = {self._instant(value, chr(92) + 'x02')}")
            else:
                self.source.line(f"{text} = {_joined([chr(92) + 'x02', self.text(some, value)])}")
        return "{" + text + "}"

    def _array(self, shape: Array, value: str) -> str:
        text, item = self.source.variable("text"), self.source.variable("item")
        with self.source.block(f"if {value}:"):
            self.source.line(f"{text} = {self._size.format(value)}")
            with self.source.block(f"for {item} in {value}:"):
                self.source.line(f"{text} += {_joined([self.text(shape.items, item)])}")
            self.source.line(f'{text} += "\\x00"')
        with self.source.block("else:"):
            self.source.line(f'{text} = "\\x00"')
        return "{" + text + "}"

    def _record(self, shape: Record, value: str) -> str:
        variables = [self.source.variable(field.name) for field in shape.fields]
        if shape.name in self._objects:
            for variable, field in zip(variables, shape.fields, strict=True):
                self.source.line(f"{variable} = {value}.{field.name}")
        else:
            self.source.line(f"({', '.join(variables)},) = {value}")
        pairs = zip(shape.fields, variables, strict=True)
        return "".join(self.text(field.shape, variable) for field, variable in pairs)


def _joined(pieces: list[str]) -> str:
    return f'f"{"".join(pieces)}"'
