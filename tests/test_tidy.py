"""What a machine can say about how the project is written: links, sizes, words.

Each test names every place at once, so that one run is enough to mend them.
"""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[1]
FILE_LINES: Final = 400
FUNCTION_LINES: Final = 70

# One word for one thing, and the plain one. Each with what to write in its place.
WORDS: Final = {
    r"(is|are|was|were|be|been) told": "active voice: who tells whom; or *logged*, *shown*, *documented*",
    r"whoever": "name them: the operator, the next worker, the caller",
    r"whatever": "name it, or *any*",
    r"anew": "*again*, or the verb that says it: recreate, rebuild, restart",
    r"put away": "*set aside*, *dead-lettered*, *quarantined* (docs/contracts.md)",
    r"of ours": "name it",
    r"as it stands": "name the state: uncompiled, unchanged, current",
    r"is there at 0": "*initialise to 0*",
    r"stands? for nothing": "*placeholder*, and what replaces it",
    r"holds nothing of": "name what it keeps",
    r"(lies|lay|lie|lain) there": "*waits*, *is stored*, *is in the topic*",
    r"before one's eyes": "*live*",
}
# Occurrences from before these rules; the numbers may only fall.
LEFT: Final[dict[str, int]] = {
    r"of ours": 1,
}
# Text that a release has fixed: schemas are compared with it, and a migration never changes.
_FROZEN: Final = re.compile(r"schemas/(released/.*/)?\w+\.avsc|sinks/migrations/000[1-6]_\w+\.sql")
# Classes named by a participle, which says nothing of what they hold; the list may only shrink.
PARTICIPLES: Final = frozenset(
    {"Asked", "Done", "Found", "Given", "Held", "Kept", "Made", "Said", "Seen", "Sent", "Shown", "Told"}
)
LEFT_CLASSES: Final = {
    "edges/panel/messages.py: Said",
    "tests/edges/receiver/test_kills.py: Sent",
    "tests/faults/desks.py: Said",
    "tests/faults/evidence.py: Told",
    "tests/faults/records.py: Sent",
    "tests/kafka/world.py: Seen",
}
LONG_FILES: Final = frozenset[str]()
PRODUCT: Final = ("streams", "service", "ronde", "schemas", "sinks", "edges", "seal")
# Names of others that the product's docstrings and comments give, beside those that it imports.
FOREIGN: Final = {
    "ConnectError": "httpx",
    "ConnectTimeout": "httpx",
    "FENCED_LEADER_EPOCH": "an error of Kafka's protocol",
    "Origin": "a header of HTTP",
    "Referer": "a header of HTTP",
}
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_SECTION: Final = re.compile(r"\b((?:docs/)?[a-z]+\.md) §(\d+)")
# As a page names it, as a line of a script, as a step of a workflow.
_MAKE: Final = re.compile(r"(?:`|^ *|^ *- run: )make ([a-z][a-z-]*)", re.MULTILINE)
_MATRIX: Final = re.compile(r"^ *target: \[(.*)\]$", re.MULTILINE)
_TARGET: Final = re.compile(r"^([a-z-]+):.*## ", re.MULTILINE)
# A name in capitals or CamelCase, with its members or arguments; and a value as the schemas have them.
_NAMED: Final = re.compile(r"(?<!`)`([A-Z]\w+(?:\.\w+)*)(?:\([^`]*\))?`(?!`)")
_VALUE: Final = re.compile(r'"([A-Z]\w+)"')
_SOURCE_PATH: Final = re.compile(
    r"`((?:streams|service|ronde|schemas|sinks|edges|deploy|tests|benchmarks|docs)/[\w./-]+)`"
)


@cache
def tracked(*patterns: str) -> list[Path]:
    """The files that git knows, and those it would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in sorted(set(names)) if name and (ROOT / name).is_file()]


@cache
def text_of(file: Path) -> str:
    """A file's text, read once."""
    return file.read_text(encoding="utf-8")


@cache
def lowered(file: Path) -> str:
    """Its text in small letters."""
    return text_of(file).lower()


class Definition(NamedTuple):
    """A function or class of a file."""

    name: str
    is_class: bool
    lines: int


class Outline(NamedTuple):
    """What a file defines, and the names that it defines, assigns or imports."""

    definitions: list[Definition]
    names: set[str]


@cache
def outline(file: Path) -> Outline:
    """The outline of a file; its tree is not kept, as it is large."""
    definitions: list[Definition] = []
    names = set[str]()
    for node in statements(ast.parse(text_of(file))):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                lines = (node.end_lineno or 0) - node.lineno + 1
                definitions.append(Definition(node.name, isinstance(node, ast.ClassDef), lines))
                names.add(node.name)
            case ast.Import() | ast.ImportFrom():
                names.update(alias.asname or alias.name for alias in node.names)
            case ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name)):
                names.add(name)
    return Outline(definitions, names)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings give it, as code hosts make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+)$", _FENCE.sub("", text_of(page)), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.add(anchor if anchor not in found else f"{anchor}-1")
    return found


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """A page's links within the project: as written, the file, the anchor."""
    for target in _LINK.findall(_FENCE.sub("", text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        yield target, (page.parent / name).resolve() if name else page, anchor


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements below a node, without their expressions, which are most of a tree."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield child
            yield from statements(child)


def test_no_link_is_dead() -> None:
    dead = []
    for page in tracked("*.md"):
        for target, file, anchor in links(page):
            if not file.exists():
                dead.append(f"{shown(page)}: {target}: no such file")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file):
                dead.append(f"{shown(page)}: {target}: no such heading")
    assert not dead, "\n".join(dead)


def test_every_section_that_is_referred_to_exists() -> None:
    dead = []
    for file in tracked("*.py", "*.md", "*.sql", "*.avsc"):
        for name, number in _SECTION.findall(text_of(file)):
            page = ROOT / "docs" / Path(name).name
            page = page if page.exists() else ROOT / Path(name).name.upper().replace(".MD", ".md")
            if not page.exists() or not re.search(rf"^#+ {number}\.? ", text_of(page), re.MULTILINE):
                dead.append(f"{shown(file)}: {name} §{number}")
    assert not dead, "\n".join(dead)


def test_every_path_that_a_page_names_exists() -> None:
    dead = []
    for page in tracked("*.md"):
        if page.name == "CHANGELOG.md":
            continue
        dead += [
            f"{shown(page)}: `{name}`"
            for name in _SOURCE_PATH.findall(text_of(page))
            if "…" not in name and not any(ROOT.glob(name.rstrip("/")))
        ]
    assert not dead, "\n".join(dead)


def test_every_target_that_is_named_can_be_made() -> None:
    targets = set(_TARGET.findall(text_of(ROOT / "Makefile")))
    missing = []
    for file in tracked("*.md", ".github/workflows/*.yml", ".ci/*"):
        text = text_of(file)
        named = _MAKE.findall(text)
        named += [name for row in _MATRIX.findall(text) for name in re.findall(r'"([a-z-]+)', row)]
        missing += [f"{shown(file)}: make {name}" for name in named if name not in targets]
    assert not missing, "\n".join(missing)


def test_every_target_is_made_even_where_a_file_has_its_name() -> None:
    makefile = text_of(ROOT / "Makefile")
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    assert phony is not None
    assert set(phony[1].replace("\\\n", " ").split()) == set(_TARGET.findall(makefile))


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for _, file, _ in links(page):
            if file.is_dir():  # a link to a folder shows its pages
                waiting += file.glob("*.md")
            elif file.suffix == ".md" and file.exists():
                waiting.append(file)
    pages = {page for page in tracked("*.md") if not page.is_relative_to(ROOT / ".github")}
    lost = sorted(shown(page) for page in pages - reached)
    assert not lost, "\n".join(lost)


def folders() -> dict[str, set[str]]:
    """The folders of the project, each with all that lie below it, as git has them."""
    below: dict[str, set[str]] = {}
    for file in tracked("*"):
        first, *rest = file.relative_to(ROOT).parts[:-1] or (".",)
        if not first.startswith("."):
            below.setdefault(first, set()).update("/".join(rest[:depth]) for depth in range(1, len(rest) + 1))
    return below


def test_the_tree_of_the_architecture_is_the_projects() -> None:
    tree = re.search(r"^```\n(streams/.*?)^```", text_of(ROOT / "ARCHITECTURE.md"), re.MULTILINE | re.DOTALL)
    assert tree is not None
    entries = {entry.split("/")[0]: entry for entry in re.split(r"^(?=\w)", tree[1], flags=re.MULTILINE) if entry}
    assert entries.keys() == folders().keys()
    for name, below in folders().items():
        named = set(re.findall(r"(\w+)/", entries[name].removeprefix(name)))
        # What belongs to one package alone, as its templates, is not in the tree.
        assert {folder for folder in below if "/" not in folder} <= named, name
        assert named <= {folder.rpartition("/")[2] for folder in below}, name


def test_the_floors_of_the_architecture_are_those_that_are_checked() -> None:
    text = " ".join(text_of(ROOT / "ARCHITECTURE.md").split())
    contracts = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    for contract in contracts:
        package, *others = contract.get("containers", [""])
        if package and not others and "." not in package:
            floors = [", ".join(f"`{name}`" for name in re.findall(r"\w+", layer)) for layer in contract["layers"]]
            assert f"**{package}**: {' > '.join(floors)}" in text, package


def test_the_stages_of_the_picture_are_those_of_the_pipeline() -> None:
    names = re.findall(r'class="name"[^>]*>([^<]+)<', text_of(ROOT / "docs" / "data-flow.svg"))
    stages = set(names) - {"the core", "store"}
    assert len(stages) == 4
    assert stages <= {file.stem for file in tracked("streams/pipeline/*.py")}


def test_no_file_is_longer_than_a_reader_holds() -> None:
    sizes = {file: len(text_of(file).splitlines()) for file in tracked("*.py")}
    long = [
        f"{shown(file)}: {lines} lines"
        for file, lines in sizes.items()
        if lines > FILE_LINES and shown(file) not in LONG_FILES
    ]
    assert not long, "\n".join(long)


def test_no_function_is_longer_than_a_page() -> None:
    long = [
        f"{shown(file)}: {definition.name}: {definition.lines} lines"
        for file in tracked("*.py")
        for definition in outline(file).definitions
        if not definition.is_class and definition.lines > FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


@pytest.mark.parametrize("word", WORDS)
def test_plain_words(word: str) -> None:
    pattern = re.compile(rf"\b{word}\b")
    always = max(re.findall(r"[a-z' ]+", re.sub(r"\(.*?\)|.\?", "|", word)), key=len)  # sooner found than a pattern
    found = []
    for file in tracked("*.py", "*.md", "*.svg", "*.sql", "*.toml", "*.yaml", "*.avsc", "Makefile", "Containerfile"):
        if always not in lowered(file) or file == Path(__file__) or _FROZEN.fullmatch(shown(file)):
            continue
        found += [
            f"{shown(file)}:{number}: {line.strip()}"
            for number, line in enumerate(text_of(file).splitlines(), start=1)
            if pattern.search(line.lower())
        ]
    assert len(found) <= LEFT.get(word, 0), f"instead: {WORDS[word]}\n" + "\n".join(found)


def test_no_class_is_named_by_a_participle() -> None:
    named = {
        f"{shown(file)}: {definition.name}"
        for file in tracked("*.py")
        for definition in outline(file).definitions
        if definition.is_class and definition.name in PARTICIPLES
    }
    assert named <= LEFT_CLASSES, "\n".join(sorted(named - LEFT_CLASSES))


def test_every_name_that_a_docstring_or_comment_gives_exists() -> None:
    product = tracked(*(f"{package}/*.py" for package in PRODUCT))
    known = {*dir(builtins), *FOREIGN}
    for file in product:
        known |= outline(file).names
        known.update(_VALUE.findall(text_of(file)))
    dead = []
    for file in product:
        for number, line in enumerate(text_of(file).splitlines(), start=1):
            dead += [
                f"{shown(file)}:{number}: `{named}`"
                for named in _NAMED.findall(line)
                if any(part[0].isupper() and part not in known for part in named.split("."))
            ]
    assert not dead, "\n".join(dead)


def test_vague_module_names_are_absent() -> None:
    vague = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
    assert [shown(file) for file in tracked("*.py") if file.stem in vague] == []
