"""Words that people say to identify themselves: one form of each, and the salted slow hash of it.

A word enters as it is typed and leaves as an argon2id hash of its normal form. Nothing here logs, keeps or quotes one.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER: Final = PasswordHasher()
_SOFT_HYPHEN: Final = "\u00ad"
_MINUS: Final = "\u2212"


def normal(word: str) -> str:
    """The word as it is heard: NFKC, case-folded, without accents, spaces and hyphens."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())
    plain = "".join(filter(_is_heard, unicodedata.normalize("NFKD", folded)))
    # What lost its accents may fold or compose further.
    result = unicodedata.normalize("NFKC", plain.casefold())
    return result if result == word else normal(result)


def _is_heard(character: str) -> bool:
    if character.isspace() or character in {_SOFT_HYPHEN, _MINUS}:
        return False
    return unicodedata.category(character) not in {"Mn", "Pd"}


def hashed(word: str) -> str:
    """The argon2id hash of the word's normal form, in the form that says how to verify it (PHC).

    It takes a good part of a second and 64 MiB: call it in a thread.
    """
    return _HASHER.hash(normal(word))


def forms(word: str) -> tuple[str, ...]:
    """What a hash of the word may have been made of: normal (ours), as typed, trimmed (a CRM's); each once."""
    return tuple(dict.fromkeys((normal(word), word, word.strip())))


def fits(stored: str, word: str) -> bool:
    """Whether a stored hash is of any form of the word; False for a hash of unknown form. As slow as up to 3 hashes."""
    try:
        return any(_verify(stored, form) for form in forms(word))
    except InvalidHashError:
        return False


def _verify(stored: str, form: str) -> bool:
    try:
        return _HASHER.verify(stored, form)
    except VerificationError:
        return False
