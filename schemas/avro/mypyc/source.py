"""Typed source of readers and writers, one module for all: functions a record, calls of `reading` and `writing`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from schemas.avro.errors import UnusableSchema
from schemas.avro.generated.shapes import Array, Enum, Primitive, Record, Shape, Union, shape_of

_HEAD: Final = '''"""Generated from the schemas by `schemas.avro.mypyc.source`; see there."""

from collections.abc import Callable
from typing import Any, Final, cast

from librt.strings import BytesWriter
from mypy_extensions import i64, u8

from schemas.avro.mypyc.reading import Cursor, Unusual
from schemas.avro.mypyc.writing import put_flag, put_number, put_text
'''


class Module:
    """The source of one module, function by function.

    ``constructors`` has a class for each record of the schemas, of a module that can be imported by its name; of
    those in ``objects`` the fields are attributes, all others are named tuples.
    """

    def __init__(self, constructors: Mapping[str, Callable[..., Any]], objects: Collection[str]) -> None:
        self._constructors = constructors
        self._objects = objects
        self._imports: set[str] = set()
        self._constants: dict[str, str] = {}
        self._functions: dict[str, str] = {}

    def reader(self, name: str, schema: Any, *, whole: bool = True) -> None:
        """Add ``reader_<name>``: from the reader to be asked in all other cases, to the quick one.

        ``whole`` False: the schema is only the head of what is there.
        """
        read = self._read(shape_of(schema))
        self._functions[f"reader_{name}"] = _lines(
            f"def reader_{name}(reference: Callable[[bytes, int], Any]) -> Callable[[bytes, int], Any]:",
            "    def read(data: bytes, at: i64) -> Any:",
            "        try:",
            "            cursor = Cursor(data, at)",
            f"            value = {read}",
            f"            if cursor.{'is_at_end' if whole else 'is_within'}():",
            "                return value",
            "        except Exception:",
            "            pass",
            "        return reference(data, at)",
            "",
            "    return read",
        )

    def writer(self, name: str, schema: Any) -> None:
        """Add ``writer_<name>``: from a header, and the writer to be asked in all other cases, to the quick one."""
        write = self._write(shape_of(schema), "value", "            ")
        self._functions[f"writer_{name}"] = _lines(
            f"def writer_{name}(header: bytes, reference: Callable[[Any], bytes]) -> Callable[[Any], bytes]:",
            "    def write(value: Any) -> bytes:",
            "        try:",
            "            out = BytesWriter()",
            "            out.write(header)",
            *write,
            "            return out.getvalue()",
            "        except Exception:",
            "            return reference(value)",
            "",
            "    return write",
        )

    def text(self) -> str:
        """The module."""
        constants = [f"{name}: Final[Any] = {value}" for name, value in self._constants.items()]
        functions = [self._functions[name] for name in self._functions]
        return "\n".join([_HEAD, *sorted(self._imports), "", "new = tuple.__new__", *constants, "", *functions])

    # --- reading ----------------------------------------------------------------------------------

    def _read(self, shape: Shape) -> str:
        """The expression for the value that a cursor is at."""
        if isinstance(shape, Primitive):
            return self._read_primitive(shape)
        if isinstance(shape, Union):
            return f"({self._read(_present(shape))} if cursor.is_present() else None)"
        if isinstance(shape, Enum):
            table = self._constant(f"SYMBOLS_{shape.name}", repr(list(shape.symbols)))
            return f"{table}[cursor.symbol()]"
        if isinstance(shape, Array):
            return f"{self._read_items(shape)}(cursor)"
        if isinstance(shape, Record):
            return f"{self._read_record(shape)}(cursor)"
        raise UnusableSchema(f"no typed reader for {shape}")

    def _read_primitive(self, shape: Primitive) -> str:
        method = {"string": "text", "long": "number", "int": "int32", "boolean": "flag"}.get(shape.kind)
        if method is None:
            raise UnusableSchema(f"no typed reader for {shape.kind}")
        return f"cursor.{method}()"

    def _read_items(self, shape: Array) -> str:
        name = f"read_{_title(shape)}"
        if name not in self._functions:
            item = self._read(shape.items)
            self._functions[name] = _lines(
                f"def {name}(cursor: Cursor) -> tuple[Any, ...]:",
                "    count = cursor.count()",
                "    if count == 0:",
                "        return ()",
                "    items: list[Any] = []",
                "    while count > 0:",
                "        for _ in range(count):",
                f"            items.append({item})",
                "        count = cursor.count()",
                "    return tuple(items)",
            )
        return name

    def _read_record(self, shape: Record) -> str:
        name = f"read_{shape.name}"
        if name not in self._functions:
            made = self._class(shape)
            # In the order of the fields, as Python evaluates them.
            fields = [f"        {self._read(field.shape)}," for field in shape.fields]
            begin, end = (f"    return {made}(", "    )")
            if shape.name not in self._objects:
                # What a named tuple's own constructor does, without its call.
                begin, end = f"    return new({made}, (", "    ))"
            self._functions[name] = _lines(f"def {name}(cursor: Cursor) -> Any:", begin, *fields, end)
        return name

    # --- writing ----------------------------------------------------------------------------------

    def _write(self, shape: Shape, value: str, indent: str) -> list[str]:
        """The lines that write the value of an expression; it is evaluated more than once."""
        if isinstance(shape, Primitive):
            function = {"string": "put_text", "long": "put_number", "int": "put_number", "boolean": "put_flag"}
            if shape.kind not in function:
                raise UnusableSchema(f"no typed writer for {shape.kind}")
            return [f"{indent}{function[shape.kind]}(out, {value})"]
        if isinstance(shape, Union):
            return [
                f"{indent}if {value} is None:",
                f"{indent}    out.append(u8(0))",
                f"{indent}else:",
                f"{indent}    out.append(u8(2))",
                *self._write(_present(shape), value, indent + "    "),
            ]
        if isinstance(shape, Enum):
            places = {symbol: place << 1 for place, symbol in enumerate(shape.symbols)}
            assert len(places) <= 64, "a symbol takes one byte"
            return [f"{indent}out.append(u8({self._constant(f'PLACES_{shape.name}', repr(places))}[{value}]))"]
        if isinstance(shape, Array):
            return [f"{indent}{self._write_items(shape)}(out, {value})"]
        if isinstance(shape, Record):
            return [f"{indent}{self._write_record(shape)}(out, {value})"]
        raise UnusableSchema(f"no typed writer for {shape}")

    def _write_items(self, shape: Array) -> str:
        name = f"write_{_title(shape)}"
        if name not in self._functions:
            self._functions[name] = _lines(
                f"def {name}(out: BytesWriter, items: tuple[Any, ...]) -> None:",
                "    if items:",
                "        put_number(out, len(items))",
                "        for item in items:",
                *self._write(shape.items, "item", "            "),
                "    out.append(u8(0))",
            )
        return name

    def _write_record(self, shape: Record) -> str:
        name = f"write_{shape.name}"
        if name not in self._functions:
            lines: list[str] = []
            if shape.name in self._objects:
                for field in shape.fields:
                    lines += self._write_field(field.shape, f"value.{field.name}", field.name)
                kind = self._class(shape)
            else:
                kind = "tuple[Any, ...]"
                lines.append(f"    if len(value) != {len(shape.fields)}:")
                lines.append("        raise Unusual")
                for place, field in enumerate(shape.fields):
                    lines += self._write_field(field.shape, f"value[{place}]", field.name)
            self._functions[name] = _lines(f"def {name}(out: BytesWriter, value: {kind}) -> None:", *lines)
        return name

    def _write_field(self, shape: Shape, value: str, name: str) -> list[str]:
        if isinstance(shape, Union):
            return [f"    {name}_ = {value}", *self._write(shape, f"{name}_", "    ")]
        return self._write(shape, value, "    ")

    # --- names ------------------------------------------------------------------------------------

    def _constant(self, name: str, value: str) -> str:
        assert self._constants.setdefault(name, value) == value, f"two enums are named {name}"
        return name

    def _class(self, shape: Record) -> str:
        constructor = self._constructors[shape.name]
        names = constructor.__match_args__  # type: ignore[attr-defined]  # of named tuples and dataclasses
        assert names == tuple(field.name for field in shape.fields), f"{constructor} has other fields"
        self._imports.add(f"from {constructor.__module__} import {constructor.__qualname__}")
        return constructor.__qualname__


def _present(union: Union) -> Shape:
    if len(union.branches) != 2 or union.branches[0] != Primitive("null"):
        raise UnusableSchema("no typed reader or writer for a union other than of null and one type")
    return union.branches[1]


def _title(array: Array) -> str:
    items = array.items
    name = items.kind if isinstance(items, Primitive) else getattr(items, "name", "")
    assert name, "a list of lists"
    return f"items_{name}"


def _lines(*lines: str) -> str:
    return "\n".join(["", *lines, ""])
