"""The portal's messages: each is in the French catalogue, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from edges.portal import application, form_pages, problems, sentences
from edges.portal.forgetting import FORGOTTEN
from edges.web import pages
from edges.web import problems as web_problems
from edges.web.problems import ProblemKind

HERE: Final = Path(application.__file__).parent
WEB: Final = Path(pages.__file__).parent
COMMON: Final = {kind for kind in vars(web_problems).values() if isinstance(kind, ProblemKind)}


def catalogue(folder: Path) -> dict[str, Any]:
    """The French catalogue of a folder."""
    with (folder / "locale" / "fr" / "messages.po").open("rb") as file:
        entries = read_po(file, locale="fr")
    return {(entry.id if isinstance(entry.id, str) else entry.id[0]): entry.string for entry in entries if entry.id}


def messages() -> set[str]:
    """Those of the templates, and those of the code."""
    found: set[str] = set()
    for _, _, message, _, _ in extract_from_dir(
        HERE / "templates", [("**.html", "jinja2")], {"**.html": {"newstyle_gettext": "true"}}
    ):
        found.add(message if isinstance(message, str) else message[0])
    tables = (
        *(sentences.MISSING, sentences.WARNINGS, sentences.FIELDS, sentences.WHAT, form_pages.KINDS),
        *(sentences.KINDS, sentences.ENDINGS),
    )
    found |= {text for table in tables for text in table.values()}
    kinds = [kind for kind in vars(problems).values() if isinstance(kind, ProblemKind) and kind not in COMMON]
    found |= {text for kind in kinds for text in (kind.title, kind.detail)} - catalogue(WEB).keys()
    return (
        found
        | {"First contact", "Second contact", "This is wrong.", "My services"}
        | {
            "It is not over yet.",
            "This site has no such incident.",
            FORGOTTEN,
            form_pages.WORD_AGAIN,
            form_pages.WORDS_UNCONFIRMED,
        }
    )


def test_every_message_is_translated() -> None:
    translated, common = catalogue(HERE), catalogue(WEB)
    assert messages() - translated.keys() - common.keys() == set()
    assert translated.keys() - messages() == set()
    assert [message for message in translated if translated[message] == common.get(message)] == []  # said once
    for message, string in translated.items():
        texts = [string] if isinstance(string, str) else list(string or ())
        assert all(texts), message
        for text in texts:
            assert set(re.findall(r"%\(\w+\)\w", text)) == set(re.findall(r"%\(\w+\)\w", message)), message
