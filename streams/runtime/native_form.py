"""Which form of the hot modules runs: uncompiled Python, or compiled from it (docs/compiled.md).

A wheel may hold them compiled, beside their sources. In a checkout `make compile` puts them into ``.compiled``, away
from the sources, and they run only while their sources, and all they were compiled with, are what they were then.
``python -m streams.runtime.native_form MODULE …`` runs a module on them, or says why it cannot.
"""

from __future__ import annotations

import hashlib
import json
import os
import runpy
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from importlib.util import find_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

FOLDER: Final = ".compiled"
# With this in the environment Python runs uncompiled, which is what `make test` tests.
PURE: Final = "TEST_RONDE_PURE"

_STAMP: Final = "stamp.json"
_SUFFIX: Final = EXTENSION_SUFFIXES[0]  # says which Python, and which machine
_COVERED: Final = ("compiling", "schemas", "service", "streams")  # what is compiled, and what it is compiled with
_ROOT: Final = Path(__file__).resolve().parents[2]
_SAMPLE: Final = "streams.escalation.step"


def use() -> None:
    """Have the hot modules imported in their compiled form, where there is one of just these sources."""
    if PURE not in os.environ and is_current(_ROOT):
        files = _files(_ROOT / FOLDER)
        if not files.keys() & sys.modules.keys():  # a process has one form of all of them
            sys.meta_path.insert(0, _Finder(files))


def form() -> str:
    """Which form runs, in words."""
    if _is_compiled(_SAMPLE):
        return "compiled"
    if (_ROOT / FOLDER).is_dir() and not is_current(_ROOT):
        return "pure Python: the sources have changed since they were compiled (make compile)"
    return "pure Python"


def stamp(root: Path) -> None:
    """Note of what sources the modules in the folder are."""
    (root / FOLDER / _STAMP).write_text(json.dumps(_digests(root)), encoding="utf-8")


def is_current(root: Path) -> bool:
    """Whether there are compiled modules of just the sources there are."""
    note = root / FOLDER / _STAMP
    return note.exists() and json.loads(note.read_text(encoding="utf-8")) == _digests(root)


def _digests(root: Path) -> dict[str, str]:
    files = (
        file for package in _COVERED for file in sorted((root / package).rglob("*")) if file.suffix in {".py", ".avsc"}
    )
    digests = {
        str(file.relative_to(root)): hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest() for file in files
    }
    return {**digests, "for": _SUFFIX}


def _files(folder: Path) -> dict[str, Path]:
    """The compiled modules by their names."""
    return {
        ".".join(file.relative_to(folder).parts).removesuffix(_SUFFIX): file for file in folder.rglob(f"*{_SUFFIX}")
    }


def _is_compiled(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and (spec.origin or "").endswith(_SUFFIX)


class _Finder(MetaPathFinder):
    """Finds what is compiled, before Python looks for its source."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - of the protocol
        target: ModuleType | None = None,  # noqa: ARG002 - of the protocol
    ) -> ModuleSpec | None:
        """Say where a module is; None: not here."""
        file = self._files.get(fullname)
        return None if file is None else spec_from_file_location(fullname, file)


def _main() -> None:
    """Run the module that the command line names on the compiled form."""
    use()
    if not _is_compiled(_SAMPLE):
        sys.exit(f"streams.runtime.native_form: {form()}; nothing is run")
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
