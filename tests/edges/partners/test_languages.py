"""The messages of the partners' pages: each is in the French catalogue, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from edges.partners import application

HERE: Final = Path(application.__file__).parent


def messages() -> set[str]:
    """Those of the templates, and the names of the pages."""
    methods, options = [("**.html", "jinja2")], {"**.html": {"newstyle_gettext": "true"}}
    found = {str(message) for _, _, message, _, _ in extract_from_dir(HERE / "templates", methods, options)}
    return found | {name for _, name in application.PLACES}


def test_every_message_is_translated() -> None:
    with (HERE / "locale" / "fr" / "messages.po").open("rb") as file:
        french = {str(entry.id): str(entry.string) for entry in read_po(file, locale="fr") if entry.id}
    assert set(french) == messages()
    assert all(french.values())
