"""Text from outside, made safe for a terminal, a page, a line of JSON.

Control characters move the cursor or set a window's title; bidirectional ones reverse the text around them. Both are
escaped as JSON escapes them, so that a JSON text stays the same JSON.
"""

import html
import json
import unicodedata


def plain(text: str) -> str:
    """Escape the characters that a terminal would act on; line feeds stay."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(sign if _is_harmless(sign) else json.dumps(sign)[1:-1] for sign in text)


def one_line(text: str) -> str:
    """The same in one line, so that a text cannot imitate a line of ronde."""
    return plain(" ".join(text.split()))


def markup(text: str) -> str:
    """The same as HTML."""
    return html.escape(plain(text))


def _is_harmless(sign: str) -> bool:
    # Python counts the spaces of other scripts and of French punctuation (U+00A0, U+202F) as not printable.
    return sign.isprintable() or sign == "\n" or unicodedata.category(sign) == "Zs"


def joined(*parts: str | bool | None) -> str:
    """The parts that are texts and not empty, with commas between them."""
    return ", ".join(part for part in parts if isinstance(part, str) and part)
