"""AES-CBC with an initial value of 0, as DC-09 uses it (§5.6), by one cipher object a key.

To make one takes several times as long as to encipher an answer by it. So those of the keys used last are kept, and as
a CBC object goes on from message to message, they are of single blocks, which are chained here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

BLOCK: Final = 16
_KEPT: Final = 4096  # keys


class KeyCipher:
    """One key of 16, 24 or 32 bytes."""

    __slots__ = ("_decryptor", "_encryptor")

    def __init__(self, key: bytes) -> None:
        cipher = Cipher(AES(key), ECB())  # noqa: S305 - chained below
        self._encryptor = cipher.encryptor()
        self._decryptor = cipher.decryptor()

    def decipher(self, data: bytes) -> bytes:
        """Open whole blocks."""
        size = len(data)
        blocks = int.from_bytes(self._decryptor.update(data))
        return (blocks ^ int.from_bytes(data) >> 8 * BLOCK).to_bytes(size)

    def encipher(self, text: bytes) -> bytes:
        """Encrypt whole blocks."""
        update = self._encryptor.update
        last, blocks = 0, []
        for at in range(0, len(text), BLOCK):
            block = update((int.from_bytes(text[at : at + BLOCK]) ^ last).to_bytes(BLOCK))
            last = int.from_bytes(block)
            blocks.append(block)
        return b"".join(blocks)


@lru_cache(_KEPT)
def cipher_of(key: bytes) -> KeyCipher:
    """The cipher of a key."""
    return KeyCipher(key)
