"""Readers generated from a schema: bytes in, a value by position out, or one kind of error."""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.avro.errors import Undecodable, UnusableSchema
from schemas.avro.generated import varints
from schemas.avro.generated.resolve import branch_for, default_of, divisor, symbols
from schemas.avro.generated.shapes import Array, Enum, Field, Fixed, Map, Primitive, Record, Shape, Union, shape_of
from schemas.avro.generated.source import FunctionSource

Constructors = Mapping[str, Callable[..., Any]]

_MOST_BRANCHES = 64  # whose index takes one byte


def reader(
    schema: Any,
    constructors: Constructors,
    *,
    written_by: Any = None,
    array: Callable[[list[Any]], Any] = tuple,
    whole: bool = True,
) -> Callable[[bytes, int], Any]:
    """A function from bytes, and where the value begins in them, to a value of ``schema``.

    ``constructors`` has one callable for each record name of the schema, called with the fields by position;
    a named tuple must have just these fields. ``array`` makes the value of an array from a list.
    ``written_by`` is the schema that the bytes were written by, where it is another one. ``whole`` False: the
    schema is only the head of what is there, and the rest is not looked at.

    The function raises Undecodable, and nothing else, for bytes that are not exactly one value.
    UnusableSchema: the schemas do not fit each other, or are broken.
    """
    read = shape_of(schema)
    written = read if written_by is None else shape_of(written_by)
    generator = _Reader(constructors, array)
    source = generator.source
    title = read.name if isinstance(read, Record) else "value"
    with source.block("def read(data, at):"):
        with source.block("try:"):
            with source.field(title):
                value = generator.value(written, read, "value")
            with source.block(f"if at {'!=' if whole else '>'} len(data):"):
                source.line("raise Undecodable('bytes are missing' if at > len(data) else 'bytes are left over')")
            source.line(f"return {value}")
        with source.block("except (IndexError, KeyError, UnicodeDecodeError, Undecodable) as error:"):
            source.line("raise located(error) from None")
    fields = source.fields
    source.names.update(
        BOOLEAN={0: False, 1: True},
        Undecodable=Undecodable,
        block=varints.block,
        int_tail=varints.int_tail,
        long_tail=varints.long_tail,
        size_tail=varints.size_tail,
        located=lambda error: _located(error, fields),
        new=tuple.__new__,
        array=array,
    )
    return source.compile("read", f"reader of {title}")


def _located(error: Exception, fields: list[str]) -> Undecodable:
    """The error with the field it happened at; never with what the data held."""
    line = error.__traceback__.tb_lineno if error.__traceback__ else 0
    field = fields[line - 1] if 0 < line <= len(fields) else ""
    if isinstance(error, IndexError):
        problem = "the data ends too early"
    elif isinstance(error, KeyError):
        problem = "no such symbol, or no such boolean"
    elif isinstance(error, UnicodeDecodeError):
        problem = "the text is not UTF-8"
    else:
        problem = str(error)
    return Undecodable(f"{field}: {problem}" if field else problem)


class _Reader:
    """Adds the lines that read a value, and gives the expression that is it.

    ``read`` None: nobody wants the value; it is gone through all the same, as where it ends is not known before.
    """

    def __init__(self, constructors: Constructors, array: Callable[[list[Any]], Any]) -> None:
        self.source = FunctionSource()
        self._constructors = constructors
        self._array = array

    def value(self, written: Shape, read: Shape | None, name: str) -> str:
        """The expression for a value written as ``written`` and read as ``read``, in variables like ``name``."""
        if isinstance(written, Union):
            return self._union(written, read, name)
        wanted = None if read is None else branch_for(written, read)
        if isinstance(written, Primitive):
            return self._primitive(written, wanted, name)
        if isinstance(written, Enum):
            assert wanted is None or isinstance(wanted, Enum)
            return self._enum(written, wanted, name)
        if isinstance(written, Record):
            assert wanted is None or isinstance(wanted, Record)
            return self._record(written, wanted)
        if isinstance(written, Array):
            assert wanted is None or isinstance(wanted, Array)
            return self._items(written.items, None if wanted is None else wanted.items, name)
        if wanted is not None:
            raise UnusableSchema(f"no reader for {written}")
        if isinstance(written, Map):
            key = Field("key", Primitive("string"), has_default=False, default=None)
            entry = Record("entry", (key, Field("value", written.values, has_default=False, default=None)))
            return self._items(entry, None, name)
        return self._skip(written.size)

    # --- numbers, texts, symbols ------------------------------------------------------------------

    def _primitive(self, written: Primitive, read: Shape | None, name: str) -> str:
        if written.kind == "null":
            return "None"
        if written.kind in {"int", "long"}:
            assert read is None or isinstance(read, Primitive)
            return self._number(written, name, 1 if read is None else divisor(written, read))
        if written.kind in {"string", "bytes"}:
            assert read is None or isinstance(read, Primitive)
            return self._text(name, decode=(read or written).kind == "string")
        if written.kind == "boolean":
            variable = self.source.variable(name)
            self.source.line(f"{variable} = BOOLEAN[data[at]]")
            self.source.line("at += 1")
            return variable
        if read is not None:
            raise UnusableSchema(f"no reader for {written.kind}")
        return self._skip(4 if written.kind == "float" else 8)

    def _skip(self, size: int) -> str:
        if size < 1:
            raise UnusableSchema("a value that takes no bytes")
        self.source.line(f"at += {size}")
        return "None"

    def _number(self, written: Primitive, name: str, divided_by: int) -> str:
        number = self.source.variable(name)
        tail = "int_tail" if written.kind == "int" else "long_tail"
        self.source.line(f"{number} = data[at]")
        self.source.line("at += 1")
        with self.source.block(f"if {number} > 127:"):
            if written.is_instant:
                self._six_bytes(number)
            else:
                self._two_bytes(number, tail)
        self.source.line(f"{number} = ({number} >> 1) ^ -({number} & 1)")
        if divided_by > 1:
            self.source.line(f"{number} //= {divided_by}")
        return number

    def _two_bytes(self, number: str, tail: str) -> None:
        with self.source.block("if (b1 := data[at]) < 128:"):
            self.source.line(f"{number} += (b1 << 7) - 128")
            self.source.line("at += 1")
        with self.source.block("else:"):
            self.source.line(f"{number}, at = {tail}(data, at, {number})")

    def _six_bytes(self, number: str) -> None:
        """An instant of the years around us takes six bytes; put together here, it costs half of the call."""
        more = " and ".join(f"(b{n} := data[at{f' + {n - 1}' if n > 1 else ''}]) > 127" for n in range(1, 5))
        with self.source.block(f"if {more} and (b5 := data[at + 4]) < 128:"):
            bits = " + ".join(f"(b{n} << {7 * n})" for n in range(1, 6))
            # What the high bits of the first five bytes add up to goes off again.
            self.source.line(f"{number} += {bits} - {sum(128 << 7 * n for n in range(5))}")
            self.source.line("at += 5")
        with self.source.block("else:"):
            self.source.line(f"{number}, at = long_tail(data, at, {number})")

    def _text(self, name: str, *, decode: bool) -> str:
        text = self.source.variable(name)
        # One test finds both a size of several bytes and a negative one.
        self.source.line(f"{text} = data[at]")
        self.source.line("at += 1")
        with self.source.block(f"if {text} & 129:"):
            self.source.line(f"{text}, at = size_tail(data, at, {text})")
        self.source.line(f"end = at + ({text} >> 1)")
        self.source.line(f"{text} = data[at:end]{'.decode()' if decode else ''}")
        self.source.line("at = end")
        return text

    def _enum(self, written: Enum, read: Enum | None, name: str) -> str:
        symbol = self.source.variable(name)
        table = self.source.constant(written.name, symbols(written, read or written))
        self.source.line(f"{symbol} = data[at]")
        self.source.line("at += 1")
        if len(written.symbols) > 64:
            with self.source.block(f"if {symbol} > 127:"):
                self.source.line(f"{symbol}, at = int_tail(data, at, {symbol})")
        self.source.line(f"{symbol} = {table}[{symbol}]")
        return symbol

    # --- what holds other values ------------------------------------------------------------------

    def _union(self, written: Union, read: Shape | None, name: str) -> str:
        if len(written.branches) > _MOST_BRANCHES:
            raise UnusableSchema(f"a union of more than {_MOST_BRANCHES} types")
        value, index = self.source.variable(name), self.source.variable("branch")
        self.source.line(f"{index} = data[at]")
        self.source.line("at += 1")
        for number, branch in enumerate(written.branches):
            with self.source.block(f"{'elif' if number else 'if'} {index} == {number << 1}:"):
                self._branch(value, branch, read, name)
        with self.source.block("else:"):
            self.source.line("raise Undecodable('no such type of the union')")
        return value

    def _branch(self, value: str, written: Shape, read: Shape | None, name: str) -> None:
        try:
            wanted = None if read is None else branch_for(written, read)
        except UnusableSchema:
            # Only the values of this branch cannot be read.
            self.source.line("raise Undecodable('of a type that the reader does not take')")
            return
        self.source.line(f"{value} = {self.value(written, wanted, name)}")

    def _items(self, written: Shape, read: Shape | None, name: str) -> str:
        if not _takes_bytes(written):
            raise UnusableSchema("a list of values that take no bytes")
        value, items, count, stop = (self.source.variable(part) for part in (name, "items", "count", "stop"))
        self.source.line(f"{count} = data[at]")
        self.source.line("at += 1")
        with self.source.block(f"if {count}:"):
            self.source.line(f"{items} = []")
            with self.source.block(f"while {count}:"):
                with self.source.block(f"if {count} & 129:"):
                    self.source.line(f"{count}, at, {stop} = block(data, at, {count})")
                with self.source.block("else:"):
                    self.source.line(f"{count}, {stop} = {count} >> 1, -1")
                with self.source.block(f"for _ in range({count}):"):
                    item = self.value(written, read, "item")
                    if read is not None:
                        self.source.line(f"{items}.append({item})")
                with self.source.block(f"if {stop} >= 0 and at != {stop}:"):
                    self.source.line("raise Undecodable('a list does not end where it says')")
                self.source.line(f"{count} = data[at]")
                self.source.line("at += 1")
            self.source.line(f"{value} = array({items})")
        with self.source.block("else:"):
            self.source.line(f"{value} = {'()' if self._array is tuple else 'array([])'}")
        return value

    def _record(self, written: Record, read: Record | None) -> str:
        wanted = {field.name: field for field in read.fields} if read else {}
        values: dict[str, str] = {}
        for field in written.fields:
            with self.source.field(field.name):
                target = wanted.get(field.name)
                values[field.name] = self.value(field.shape, target.shape if target else None, field.name)
        if read is None:
            return "None"
        arguments = [values.get(field.name) or self._default(field) for field in read.fields]
        return self._construction(read, arguments)

    def _default(self, field: Field) -> str:
        if not field.has_default:
            raise UnusableSchema(f"{field.name} is neither written nor has a default")
        shape, default = field.shape, field.default
        try:
            value = default_of(shape, default, self._constructors, self._array)
        except (TypeError, KeyError, AttributeError, StopIteration) as error:
            raise UnusableSchema(f"the default of {field.name} does not fit") from error
        if value is None or isinstance(value, str | int):
            return self.source.constant(field.name, value)
        # Built for each value: it may be one that can be changed.
        make = self.source.constant(field.name, lambda: default_of(shape, default, self._constructors, self._array))
        return f"{make}()"

    def _construction(self, read: Record, arguments: list[str]) -> str:
        constructor = self._constructors[read.name]
        named = self.source.constant(read.name, constructor)
        # Named tuples and dataclasses tell the order of their fields.
        names = getattr(constructor, "__match_args__", None)
        assert names in (None, tuple(field.name for field in read.fields)), f"{constructor} has other fields"
        if isinstance(constructor, type) and issubclass(constructor, tuple):
            # What a named tuple's own constructor does, without its call.
            return f"new({named}, ({', '.join(arguments)},))"
        return f"{named}({', '.join(arguments)})"


def _takes_bytes(shape: Shape) -> bool:
    """Whether every value of the shape takes a byte or more: else a count of items has no bound."""
    if isinstance(shape, Record):
        return any(_takes_bytes(field.shape) for field in shape.fields)
    if isinstance(shape, Fixed):
        return shape.size > 0
    return shape != Primitive("null")
