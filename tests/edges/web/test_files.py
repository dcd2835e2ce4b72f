"""The files of accounts and tokens, which several people may change at once."""

from __future__ import annotations

import os
import stat
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


STRANGER = 4321


def of_another(path: Path) -> tuple[int, int, int]:
    """Make a file somebody else's, as far as who runs the tests may; its owner, group and mode."""
    path.write_text("{}", encoding="utf-8")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, STRANGER, STRANGER)
    return owned(path)


def owned(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


def test_who_could_read_a_file_can_read_the_next(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    before = of_another(file)
    tokens.add(file, "cam", ("desk",))
    assert owned(file) == before


@pytest.mark.parametrize(("owner", "mode"), [((STRANGER, STRANGER), 0o600), ((0, STRANGER), 0o640), ((0, 0), 0o600)])
def test_what_root_makes_is_for_those_whose_folder_it_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: tuple[int, int], mode: int
) -> None:
    given: list[tuple[int, int]] = []
    stat_of = Path.stat

    def as_owned(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        status = stat_of(path, follow_symlinks=follow_symlinks)
        return os.stat_result((*status[:4], *owner, *status[6:])) if path == tmp_path else status

    monkeypatch.setattr(Path, "stat", as_owned)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _, *to: given.append(to))
    tokens.add(tmp_path / "tokens.json", "cam", ("desk",))
    assert given == ([] if owner == (0, 0) else [owner] * 2)  # the lock, and the file
    assert {stat.S_IMODE(made.stat().st_mode) for made in tmp_path.iterdir()} == {mode}


def test_a_file_that_its_readers_could_not_read_any_more_stays_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    file = tmp_path / "tokens.json"
    before = of_another(file)
    monkeypatch.setattr(os, "fchown", refused)
    monkeypatch.setattr(os, "geteuid", lambda: 77)
    with pytest.raises(FileError, match=r"tokens\.json cannot be written: Operation not permitted"):
        tokens.add(file, "cam", ("desk",))
    assert (file.read_text(encoding="utf-8"), owned(file)) == ("{}", before)


def test_a_link_stays_and_leads_everybody_to_the_change(tmp_path: Path) -> None:
    shared, link = tmp_path / "shared" / "tokens.json", tmp_path / "tokens.json"
    link.symlink_to(shared)
    tokens.add(link, "cam", ("desk",))
    assert link.is_symlink()
    assert [token.name for token in tokens.listed(shared)] == ["cam"]
    assert {made.name for made in tmp_path.iterdir()} == {"shared", "tokens.json"}  # who locks, locks beside the file


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to])
def test_nothing_is_given_away_that_stands_in_the_lock_s_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Callable[[Path, Path], None]
) -> None:
    """The owner of the folder could have root hand any file over."""
    mine, given = tmp_path / "mine", []
    mine.write_text("secret", encoding="utf-8")
    plant(tmp_path / ".tokens.json.lock", mine)
    monkeypatch.setattr(os, "fchown", lambda *to: given.append(to))
    with pytest.raises(FileError, match=r"tokens\.json cannot be changed: "), changing(tmp_path / "tokens.json"):
        raise AssertionError
    assert given == []


def test_root_writes_nowhere_that_a_link_of_another_leads_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link, lstat = tmp_path / "tokens.json", Path.lstat

    def as_owned(path: Path) -> os.stat_result:
        status = lstat(path)
        return os.stat_result((*status[:4], STRANGER, *status[5:])) if path == link else status

    link.symlink_to(tmp_path / "other" / "tokens.json")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "lstat", as_owned)
    with (
        pytest.raises(FileError, match=r"tokens\.json cannot be changed: root does not follow the link"),
        changing(link),
    ):
        raise AssertionError
    assert not (tmp_path / "other").exists()


def test_a_link_to_itself_is_named(tmp_path: Path) -> None:
    link = tmp_path / "tokens.json"
    link.symlink_to(link)
    with pytest.raises(FileError, match=r"tokens\.json cannot be changed: Too many levels"), changing(link):
        raise AssertionError
