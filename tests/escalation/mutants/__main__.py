"""``python -m tests.escalation.mutants MUTANTS``: run each mutant of a file of JSON lines against the core's tests.

Each runs in a fork of one process that has pytest loaded, with the mutated source imported in the place of the file:
nothing on disk changes. A survivor that ``survivors.txt`` does not explain, or an explained one that is caught, fails.
``--sample N --seed S`` runs N of them, drawn by the seed, and then asks only for the first.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

import pytest

EXPLAINED: Final = Path(__file__).parent / "survivors.txt"
TESTS: Final = (
    "tests/timelines",
    "tests/escalation",
    "tests/streams/test_simulation.py",
)
STORIES: Final = Path(__file__).parents[2] / "timelines" / "stories"
SECONDS: Final = 60  # a mutant that loops is caught by time; the tests take two


class Mutant(NamedTuple):
    """One change; ``source`` is that of the whole file."""

    path: str
    operator: str
    change: str
    source: str

    @property
    def name(self) -> str:
        """By which `survivors.txt` names it."""
        return f"{self.path}: {self.change}"


class Importer(MetaPathFinder, Loader):
    """Import one module from another source."""

    def __init__(self, mutant: Mutant) -> None:
        self._module = mutant.path.removesuffix(".py").replace("/", ".")
        self._path, self._source = mutant.path, mutant.source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The mutant's module alone."""
        return spec_from_loader(fullname, self, origin=self._path) if fullname == self._module else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutated source."""
        module.__file__ = str(Path(self._path).resolve())
        exec(compile(self._source, self._path, "exec"), module.__dict__)


def survives(mutant: Mutant) -> bool:
    """Whether the tests pass on it, in a fork of this process."""
    child = os.fork()
    if child == 0:
        os._exit(_test(mutant))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _test(mutant: Mutant) -> int:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    signal.alarm(SECONDS)
    sys.meta_path.insert(0, Importer(mutant))
    try:
        if not _are_stories_told():
            return 1
        return int(pytest.main(["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *TESTS]))
    except BaseException:  # noqa: BLE001 - a mutant may raise anything, where it is imported too
        return 1


def _are_stories_told() -> bool:
    """Whether the golden stories come out unchanged: they catch most, long before pytest has started."""
    from tests.timelines.story import Story  # noqa: PLC0415 - imports the core, mutated by now

    stories = (path.read_text(encoding="utf-8") for path in sorted(STORIES.glob("*.txt")))
    return all(Story(text).tell() == text for text in stories)


def explained() -> set[str]:
    """The survivors that are known; a line that is indented says why of those above it."""
    lines = EXPLAINED.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith((" ", "#"))}


def numbered(mutants: Iterator[Mutant]) -> list[Mutant]:
    """Tell mutants of one name apart: the second is ``… (2)``."""
    seen: dict[str, int] = {}
    result = []
    for mutant in mutants:
        seen[mutant.name] = count = seen.get(mutant.name, 0) + 1
        result.append(mutant if count == 1 else mutant._replace(change=f"{mutant.change} ({count})"))
    return result


def main() -> int:
    """Run them; 0 when the survivors are the explained ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mutants", type=Path)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    mutants = numbered(Mutant(**json.loads(line)) for line in options.mutants.read_text(encoding="utf-8").splitlines())
    everything = not options.sample or options.sample >= len(mutants)
    if not everything:
        mutants = random.Random(options.seed).sample(mutants, options.sample)
    os.environ["TEST_RONDE_PURE"] = "1"
    known = explained()
    survivors: list[str] = []
    unexplained: list[str] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for mutant, is_alive in zip(mutants, pool.map(survives, mutants), strict=True):
            if is_alive:
                survivors.append(mutant.name)
                if mutant.name not in known:
                    unexplained.append(mutant.name)
                    sys.stdout.write(f"{mutant.name}\n    survives: write a test, or explain it in {EXPLAINED.name}\n")
                    sys.stdout.flush()
    caught = sorted(known - set(survivors)) if everything else []
    for name in caught:
        sys.stdout.write(f"{name}\n    is caught, or is no mutant any more: take it out of {EXPLAINED.name}\n")
    sys.stdout.write(f"{len(mutants)} mutants, {len(survivors)} survive, {len(unexplained)} of them unexplained\n")
    return bool(unexplained or caught)


if __name__ == "__main__":
    sys.exit(main())
