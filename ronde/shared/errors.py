"""Errors that end a command.

Raised anywhere below a command, printed by `ronde.cli.main` as one message without a traceback. The
message names the thing, what is wrong with it and what to do.
"""

from typing import Final

START_POSTGRES: Final = "Start it (here: `ronde local up --postgres`) or correct [postgres] in the settings"


class Failed(Exception):
    """The command was understood and could not do its work: exit status 1."""


class WrongUse(Exception):
    """The command, its options or its settings are wrong: exit status 2."""
