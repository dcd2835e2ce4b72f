"""JSON files of few entries that people change while processes run: tokens, accounts."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)
Stamp: TypeAlias = tuple[int, int, int]

_ROOT: Final = 0  # the user id


class FileError(Exception):
    """The file cannot be read or written; the message names it, and what to do."""


class WatchedFile(Generic[M]):
    """A file whose present content is always at hand: a look at its inode and times, and it is read if they differ."""

    def __init__(self, path: Path, kind: type[M]) -> None:
        self._path = path
        self._kind = kind
        self._stamp: Stamp | None = None
        self._value = kind()

    def read(self) -> M:
        """What the file holds now; an absent file holds nothing. Raises `FileError`."""
        stamp = stamp_of(self._path)
        if stamp != self._stamp:
            self._value = read_model(self._path, self._kind)
            self._stamp = stamp
        return self._value


def read_model(path: Path, kind: type[M]) -> M:
    """The file's content; an absent file holds nothing. Raises `FileError`."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return kind()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise FileError(f"{path} is damaged: {place}: {first['msg']}") from None


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Let nobody else change the file between a read and a write. Raises `FileError`.

    What is locked is a file beside it: the file itself is replaced whole.
    """
    try:
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = _lock_file(target.with_name(f".{target.name}.lock"))
        try:
            _give_to_folder(handle, target.parent)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            os.close(handle)
            raise
    except OSError as error:
        raise FileError(f"{path} cannot be changed: {error.strerror}") from None
    try:
        yield
    finally:
        os.close(handle)


def write_model(path: Path, value: BaseModel) -> None:
    """Replace the file whole, for those who could read it; a new one is its owner's alone. Raises `FileError`."""
    temporary = None
    try:
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(value.model_dump_json(indent=2, exclude_defaults=True) + "\n")
            file.flush()
            _give_to_readers(file.fileno(), target)
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise FileError(f"{path} cannot be written: {error.strerror}") from None


def _target(path: Path) -> Path:
    """The file that a link leads to: who reads it by another path would keep the old one if the link were replaced."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():  # one that leads to itself, at which `Path.resolve` raises what depends on Python's version
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if os.geteuid() == _ROOT and path.is_symlink():
        # The owner of the folder may have made the link, and root would write wherever it leads.
        maker = path.lstat().st_uid
        if maker != _ROOT and not (target.parent.exists() and target.parent.stat().st_uid == maker):
            raise PermissionError(errno.EPERM, f"root does not follow the link, which is user {maker}'s, to {target}")
    return target


def _lock_file(path: Path) -> int:
    """Open what is locked, made if need be; a link or another file's name in its place is refused."""
    flags = os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        handle = os.open(path, flags | os.O_RDWR, 0o600)  # NFS locks only what may be written
    except PermissionError:
        handle = os.open(path, flags | os.O_RDONLY, 0o600)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_size:
        os.close(handle)
        raise PermissionError(errno.EPERM, f"{path.name} beside it is no file of its own: remove it")
    return handle


def _give_to_readers(handle: int, target: Path) -> None:
    """Give a file the owner, the group and the mode of the one that it replaces.

    An administrator changes it by `sudo`, and the processes that read it are another user's.
    """
    try:
        old = target.stat()
    except FileNotFoundError:
        _give_to_folder(handle, target.parent)
        return
    try:
        os.fchown(handle, old.st_uid, old.st_gid)
    except PermissionError:
        if old.st_uid not in {_ROOT, os.geteuid()}:
            raise
        if old.st_mode & stat.S_IRWXG:
            os.fchown(handle, -1, old.st_gid)  # root reads it all the same
    os.fchmod(handle, stat.S_IMODE(old.st_mode))


def _give_to_folder(handle: int, folder: Path) -> None:
    """Give what root makes to those whose folder it is in: their processes read it."""
    owner = folder.stat()
    if os.geteuid() == _ROOT and (owner.st_uid, owner.st_gid) != (_ROOT, _ROOT):
        os.fchown(handle, owner.st_uid, owner.st_gid)
        os.fchmod(handle, 0o640 if owner.st_uid == _ROOT else 0o600)


def stamp_of(path: Path) -> Stamp | None:
    """What changes where a file is written or replaced; None: there is none. Raises `FileError`."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:  # no absent one: who may do what is not known
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    return status.st_ino, status.st_mtime_ns, status.st_size
