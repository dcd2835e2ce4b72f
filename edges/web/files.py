"""JSON files of few entries that people change while processes run: tokens, accounts."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)
_Stamp: TypeAlias = tuple[int, int, int]


class FileError(Exception):
    """The file cannot be read or written; the message names it, and what to do."""


class WatchedFile(Generic[M]):
    """A file whose present content is always at hand: a look at its inode and times, and it is read if they differ."""

    def __init__(self, path: Path, kind: type[M]) -> None:
        self._path = path
        self._kind = kind
        self._stamp: _Stamp | None = None
        self._value = kind()

    def read(self) -> M:
        """What the file holds now; an absent file holds nothing. Raises `FileError`."""
        stamp = _stamp(self._path)
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
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
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
    """Replace the file whole, readable by its owner alone. Raises `FileError`."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(value.model_dump_json(indent=2, exclude_defaults=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise FileError(f"{path} cannot be written: {error.strerror}") from None


def _stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:  # no absent one: who may do what is not known
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    return status.st_ino, status.st_mtime_ns, status.st_size
