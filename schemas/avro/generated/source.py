"""Source code being generated: lines, fresh variable names, the values it refers to.

Nothing out of a schema enters the source but field names that are plain identifiers: a schema may come from
a registry.
"""

import linecache
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

from schemas.avro.errors import UnusableSchema

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}", re.ASCII)
_numbers: Final = count()


def plain_name(name: str, otherwise: str) -> str:
    """A name out of a schema, where it is a plain identifier: code, headers and databases take no other."""
    return name if _PLAIN.fullmatch(name) else otherwise


class FunctionSource:
    """The lines of one generated function, and the names they use."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.fields: list[str] = []  # the field that each line is about
        self._lines: list[str] = []
        self._indent = ""
        self._field = ""
        self._variables = 0

    def line(self, text: str) -> None:
        """Add one line."""
        self._lines.append(self._indent + text)
        self.fields.append(self._field)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines added inside are the body of ``head``."""
        self.line(head)
        before, self._indent = self._indent, self._indent + "    "
        yield
        self._indent = before

    @contextmanager
    def field(self, name: str) -> Iterator[None]:
        """Lines added inside are about this field of the field around it."""
        before = self._field
        plain = plain_name(name, "field")
        self._field = f"{before}.{plain}" if before else plain
        yield
        self._field = before

    def variable(self, name: str) -> str:
        """A fresh variable, named after the field where its name allows."""
        self._variables += 1
        return f"{plain_name(name, 'field')}_{self._variables}"

    def constant(self, name: str, value: Any) -> str:
        """A name for a value that the lines refer to."""
        constant = f"{plain_name(name, 'constant')}_c{len(self.names)}"
        self.names[constant] = value
        return constant

    def compile(self, function: str, title: str) -> Callable[..., Any]:
        """The function that the lines define. UnusableSchema: nested too deep for Python.

        The source stays where tracebacks and debuggers look for it, and is the function's ``source``.
        """
        source = "\n".join(self._lines) + "\n"
        filename = f"<{title} {next(_numbers)}>"
        try:
            code = compile(source, filename, "exec")
        except (SyntaxError, RecursionError, MemoryError) as error:
            raise UnusableSchema("the schema is nested too deep") from error
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        exec(code, self.names)  # noqa: S102 - our own lines; see the head of the file
        compiled: Callable[..., Any] = self.names[function]
        compiled.source = source  # type: ignore[attr-defined]
        return compiled
