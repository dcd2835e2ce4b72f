"""A person and a program of one name: at a desk they are one holder, as `claims` know who holds a call by the name."""

from __future__ import annotations

from typing import Final

from edges.web import accounts, tokens
from edges.web.files import FileError
from edges.web.settings import WebSettings
from ronde.shared.terminal import say

_AT_DESK: Final = frozenset({"operator", "supervisor"})


def warn_of_namesake(web: WebSettings, name: str) -> None:
    """Say so on standard error where a name is an operator's and a desk token's."""
    try:
        is_operator = any(user.name == name and user.role in _AT_DESK for user in accounts.listed(web.users_file))
        is_program = any(token.name == name and "desk" in token.scopes for token in tokens.listed(web.tokens_file))
    except FileError:
        return  # not the one that was written, or that would have failed before
    if is_operator and is_program:
        say(
            f"{name} is an operator and a program: at a desk each holds what the other does; name one otherwise",
            err=True,
        )
