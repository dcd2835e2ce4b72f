"""Errors that end a command.

Raised anywhere below a command, printed by `ronde.cli.main` as one message without a traceback. The
message names the thing, what is wrong with it and what to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

START_POSTGRES: Final = "Start it (here: `ronde local up --postgres`) or correct [postgres] in the settings"


class Failed(Exception):
    """The command was understood and could not do its work: exit status 1."""


class WrongUse(Exception):
    """The command, its options or its settings are wrong: exit status 2."""


@contextmanager
def failing_on(*errors: type[Exception]) -> Iterator[None]:
    """Turn errors whose message says it all into the command's failure."""
    try:
        yield
    except errors as error:
        raise Failed(str(error)) from None
