"""French and English: the catalogues, and which language a request is answered in.

Messages are written in English; `locale/fr/messages.po` has them in French. babel reads the catalogues themselves, so
nothing is compiled beforehand.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from babel import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from starlette.requests import Request

COOKIE: Final = "ronde-language"
NAMES: Final[Mapping[str, str]] = {"en": "English", "fr": "Français"}
FIRST: Final = "en"  # where a browser asks for neither


def catalogues(folders: Iterable[Path]) -> dict[str, NullTranslations]:
    """Each language's messages, of all folders that have a ``locale``; a later folder's win."""
    found: dict[str, NullTranslations] = {FIRST: NullTranslations()}
    for language in NAMES:
        for folder in folders:
            file = folder / "locale" / language / "messages.po"
            if not file.exists():
                continue
            translations = Translations(io.BytesIO(_compiled(file, language)))
            known = found.get(language)
            found[language] = known.merge(translations) if isinstance(known, Translations) else translations
    return found


@cache
def _compiled(file: Path, language: str) -> bytes:
    """A catalogue as gettext reads it."""
    compiled = io.BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    return compiled.getvalue()


def language_of(request: Request) -> str:
    """The language that was chosen, else the browser's, else English."""
    chosen = request.cookies.get(COOKIE)
    if chosen in NAMES:
        return str(chosen)
    # In no case of its own: `negotiate_locale` answers the tag as it came, and a catalogue has a small one.
    preferred = [tag.replace("-", "_") for tag in _by_weight(request.headers.get("accept-language", "").lower())]
    return negotiate_locale(preferred, list(NAMES)) or FIRST


def _by_weight(header: str) -> list[str]:
    weighted = []
    for part in header.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        if tag and weight > 0:
            weighted.append((weight, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]
