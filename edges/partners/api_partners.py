"""Partners that have a token or an account: they report over the API, or see the list, also without a webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edges.web.accounts import Accounts
from edges.web.files import FileError, WatchedFile
from edges.web.tokens import Tokens, subjects_of
from service import logs

if TYPE_CHECKING:
    from pathlib import Path

_log: Final = logs.logger(__name__)


class ApiPartners:
    """Reads from the files of tokens and users who they are now; for one thread."""

    def __init__(self, tokens_file: Path, users_file: Path) -> None:
        self._tokens = WatchedFile(tokens_file, Tokens)
        self._users = WatchedFile(users_file, Accounts)

    def names(self) -> frozenset[str] | None:
        """Their ids; None where a file cannot be read, so that it may be anybody."""
        try:
            scopes = [scope for token in self._tokens.read().tokens for scope in token.scopes]
            partners = [partner for account in self._users.read().users for partner in account.partners]
        except FileError as error:
            _log.error("accounts cannot be read", reason=str(error))
            return None
        return frozenset((*partners, *subjects_of("partner", scopes)))
