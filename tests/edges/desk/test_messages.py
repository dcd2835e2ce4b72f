"""Every message of the desk's pages has its French, and no French stands for a message that is gone."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

import edges.desk.labels
import edges.desk.pages
import edges.web.pages
from edges.desk import problems
from edges.web.problems import INTERNAL, TITLES, TOO_LARGE, ProblemKind
from tests.edges.desk.floor import people
from tests.edges.desk.memory import MemoryDesk

DESK: Final = Path(edges.desk.pages.__file__).parent
WEB: Final = Path(edges.web.pages.__file__).parent
_IN_TEMPLATES: Final = re.compile(r"""_\((?:"([^"]+)"|'([^']+)')""")


def messages() -> set[str]:
    found = {kind.detail for kind in vars(problems).values() if isinstance(kind, ProblemKind)}
    for template in (DESK / "templates").glob("*.html"):
        found |= {one or other for one, other in _IN_TEMPLATES.findall(template.read_text(encoding="utf-8"))}
    for file in ("labels.py", "pages.py"):
        for node in ast.walk(ast.parse((DESK / file).read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[-1], ast.Constant):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in {"_", "say"}:
                found.add(str(node.args[-1].value))
    return found | {name for _, name in edges.desk.pages.PLACES}


def catalogue(folder: Path) -> dict[str, str]:
    with (folder / "locale" / "fr" / "messages.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, locale="fr") if message.id}


def test_all_are_in_french() -> None:
    french, common = catalogue(DESK), catalogue(WEB)
    assert messages() - french.keys() - common.keys() == set()
    assert french.keys() - messages() == set()
    assert [message for message in french if french[message] == common.get(message)] == []  # said once
    assert {kind.status for kind in vars(problems).values() if isinstance(kind, ProblemKind)} <= TITLES.keys()
    for english, text in french.items():
        assert text, english
        assert set(re.findall(r"%\(\w+\)s", text)) == set(re.findall(r"%\(\w+\)s", english)), english


def test_what_the_api_may_refuse_is_said_in_the_readers_language(tmp_path: Path) -> None:
    people(tmp_path, ann="operator")
    document = MemoryDesk(tmp_path).app.openapi()
    codes = {
        code
        for path, methods in document["paths"].items()
        if path != "/v1/session"
        for operation in methods.values()
        for answer in operation["responses"].values()
        for code in answer.get("x-codes", ())
    }
    # The page ends the call at the word for threat, and always sends JSON.
    shown = {INTERNAL.code, TOO_LARGE.code, *codes} - {"DURESS", "NOT_JSON", "UNSUPPORTED_MEDIA_TYPE"}
    assert shown - edges.desk.labels.labels(str)["problem"].keys() == set()
