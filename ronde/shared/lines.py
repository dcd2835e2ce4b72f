"""The lines of an input file, as bytes: the same in any locale."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Annotated, BinaryIO, Final, TypeAlias

import typer

from ronde.shared.errors import WrongUse

BLOCK: Final = 1 << 18  # bytes read or written at once

FileArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="FILE", show_default=False, help="JSON Lines; - is standard input.")
]


@contextmanager
def opened(file: str) -> Iterator[Iterator[bytes]]:
    """The lines of a file, or of standard input (``-``), with their ends.

    Raises `WrongUse` when it cannot be read, at once or on the way.
    """
    with ExitStack() as stack:
        try:
            name = sys.stdin.fileno() if file == "-" else file
            source = stack.enter_context(open(name, "rb", buffering=BLOCK, closefd=file != "-"))
        except OSError as error:
            raise _unreadable(file, error) from None
        yield _read(file, source)


def name_of(file: str) -> str:
    """The file's name in messages."""
    return "standard input" if file == "-" else file


def _read(file: str, source: BinaryIO) -> Iterator[bytes]:
    try:
        yield from source
    except OSError as error:
        raise _unreadable(file, error) from None


def _unreadable(file: str, error: OSError) -> WrongUse:
    return WrongUse(f"{name_of(file)}: {error.strerror}; name a file that can be read, or - for standard input")
