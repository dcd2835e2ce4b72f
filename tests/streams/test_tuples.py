"""Named tuples that the compiled form makes at once are those that their constructors would have made."""

import ast
from pathlib import Path
from typing import Any

import pytest

from compiling.modules import CODEC, sources
from compiling.tuples import rewrite, rewritten

ROOT = Path(__file__).resolve().parents[2]
CLASSES = {"here": {"Pair": ("left", "right"), "One": ("only",), "None_": ()}}
HEAD = """\
from typing import NamedTuple

class Pair(NamedTuple):
    left: object
    right: object

class One(NamedTuple):
    only: object

class None_(NamedTuple):
    pass

MADE = """


def made(source: bytes) -> Any:
    """What a module calls MADE."""
    names: dict[str, Any] = {"__name__": "here"}
    exec(compile(source, "here", "exec"), names)
    return names["MADE"]


@pytest.mark.parametrize(
    "expression",
    [
        "Pair(1, 2)",
        "Pair(left=1, right=2)",
        "Pair(1, right=2)",
        "Pair(\n    1,\n    2,\n)",
        "Pair(\n    left=One(1),\n    right=Pair(One(only='é'), (3, 4)),\n)",
        "One(1)",
        "One((1, 2))",
        "One(only=(1,))",
        "None_()",
        "[Pair('€', One(x)) for x in range(3)]",
    ],
)
def test_a_call_with_all_fields_is_made_at_once(expression: str) -> None:
    source = f"{HEAD}{expression}\n".encode()
    quick = rewritten(source, CLASSES, "here")
    assert b"_new(" in quick
    assert repr(made(quick)) == repr(made(source)), "by the names of classes and fields"
    assert quick.count(b"\n") == source.count(b"\n")


@pytest.mark.parametrize(
    "expression",
    ["Pair(*[1, 2])", "Pair(right=2, left=1)", "Pair(**{'left': 1, 'right': 2})", "Pair(1, 2  # it is two\n)"],
)
def test_any_other_call_stays(expression: str) -> None:
    source = f"{HEAD}{expression}\n".encode()
    assert rewritten(source, CLASSES, "here") == source


def test_a_class_of_another_module_counts_when_it_is_imported_by_its_name() -> None:
    classes = {"there": {"Pair": ("left", "right")}}
    assert b"_new(Pair," in rewritten(b"from there import Pair\nPair(1, 2)\n", classes, "here")
    for imports in ("from there import Pair as Two", "from elsewhere import Pair", "import there"):
        source = f"{imports}\nPair(1, 2)\n".encode()
        assert rewritten(source, classes, "here") == source


@pytest.mark.slow
def test_what_is_compiled_stays_python(tmp_path: Path) -> None:
    names = [name for name in sources(ROOT) if name != CODEC]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    rewrite(tmp_path, names)
    changed = [name for name in names if (tmp_path / name).read_bytes() != (ROOT / name).read_bytes()]
    assert "streams/escalation/incident_update.py" in changed
    for name in changed:
        ast.parse((tmp_path / name).read_bytes())
