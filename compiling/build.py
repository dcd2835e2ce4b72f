"""One build: the sources in a folder of their own, through mypyc and the C compiler, into another."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mypyc.build import mypycify
from setuptools import Distribution
from setuptools.command.build_ext import build_ext

from compiling import classes, tuples
from compiling.codec import source as codec_source
from compiling.modules import CODEC, sources

_PACKAGES: Final = ("schemas", "service", "streams")
# `make lint` reports type errors; here types only decide how C holds a value.
_MYPY: Final = ["--ignore-missing-imports", "--hide-error-context"]


def build(root: Path, into: Path) -> None:
    """Compile what of ``root`` is compiled; ``into`` gets the extension modules, in folders like their packages'.

    Raises what setuptools raises when there is no C compiler: `setuptools.errors.BaseError`, or `SystemExit`.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for package in _PACKAGES:
            shutil.copytree(root / package, work / package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        (work / CODEC).write_text(codec_source(), encoding="utf-8")
        classes.rewrite(work, sources(work))
        tuples.rewrite(work, sources(work))
        made = work / "made"
        with _inside(work):
            extensions = mypycify([*_MYPY, *sources(work)], opt_level="3", debug_level="0")
            command = build_ext(Distribution({"name": "ronde", "ext_modules": extensions}))
            command.build_lib, command.build_temp = str(made), str(work / "temp")
            command.ensure_finalized()
            command.run()
        shutil.rmtree(into, ignore_errors=True)
        shutil.copytree(made, into)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder, as mypy and the C compiler know their files by where they lie; quietly."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.chdir(before)
