"""The lines of an input file, as bytes: the same in any locale."""

import sys
from collections.abc import Iterator, Sized
from contextlib import ExitStack, contextmanager
from typing import Annotated, BinaryIO, Final, TypeAlias

import typer

from ronde.shared.errors import Failed, WrongUse

BLOCK: Final = 1 << 18  # bytes read or written at once

FileArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="FILE", show_default=False, help="JSON Lines; - is standard input.")
]
TableArgument: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="FILE", show_default=False, help="JSON Lines, or CSV when it ends in .csv; - is standard input."
    ),
]
CountryOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="CC", help="CSV: where phone numbers without + belong, as FR.")
]


@contextmanager
def opened(file: str) -> Iterator[Iterator[bytes]]:
    """The lines of a file, or of standard input (``-``), with their ends.

    Raises `WrongUse` when it cannot be read, at once or on the way.
    """
    with ExitStack() as stack:
        if file == "-" and sys.stdin is None:  # as after `<&-`
            raise WrongUse(f"{name_of(file)} is closed; name a file that can be read")
        try:
            name = sys.stdin.fileno() if file == "-" else file
            source = stack.enter_context(open(name, "rb", buffering=BLOCK, closefd=file != "-"))
        except OSError as error:
            raise _unreadable(file, error) from None
        yield _read(file, source)


def name_of(file: str) -> str:
    """The file's name in messages."""
    return "standard input" if file == "-" else file


def fail_on_bad(file: str, bad: Sized, what: str) -> None:
    """Raise `Failed` if there are bad lines: those that are no ``what``."""
    if bad:
        lines = f"1 line is no {what}" if len(bad) == 1 else f"{len(bad):,} lines are no {what}s"
        raise Failed(f"{name_of(file)}: {lines}; correct what is named above and run this again")


def _read(file: str, source: BinaryIO) -> Iterator[bytes]:
    try:
        yield from source
    except OSError as error:
        raise _unreadable(file, error) from None


def _unreadable(file: str, error: OSError) -> WrongUse:
    return WrongUse(f"{name_of(file)}: {error.strerror}; name a file that can be read, or - for standard input")
