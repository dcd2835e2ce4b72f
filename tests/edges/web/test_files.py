"""The files of accounts and tokens, which several people may change at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from edges.web import accounts, tokens
from edges.web.files import FileError, changing

MANY = 8


def at_once(change: Callable[[int], object]) -> None:
    """Make as many changes, all at the same time."""
    together = Barrier(MANY)

    def make(number: int) -> None:
        together.wait()
        change(number)

    with ThreadPoolExecutor(MANY) as threads:
        list(threads.map(make, range(MANY)))


def test_of_changes_at_once_none_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "hashed", lambda password: f"${password}")
    users, file = tmp_path / "users.json", tmp_path / "tokens.json"
    at_once(lambda number: accounts.add(users, f"u{number}", "operator", (), None))
    at_once(lambda number: accounts.set_password(users, f"u{number}", f"horse {number}"))
    assert sorted((one.name, one.password) for one in accounts.listed(users)) == [
        (f"u{number}", f"$horse {number}") for number in range(MANY)
    ]
    at_once(lambda number: tokens.add(file, f"t{number}", ("desk",)))
    assert sorted(token.name for token in tokens.listed(file)) == [f"t{number}" for number in range(MANY)]
    at_once(lambda number: (accounts.remove(users, f"u{number}"), tokens.remove(file, f"t{number}")))
    assert (accounts.listed(users), tokens.listed(file)) == ((), ())


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("no folder", encoding="utf-8")
    with pytest.raises(FileError, match=r"users\.json cannot be changed"), changing(tmp_path / "users" / "users.json"):
        raise AssertionError
