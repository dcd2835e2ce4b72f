"""Keys of transmitters, encrypted under the receiver's wrapping key (AES-256-GCM, the account as associated data).

12 bytes of nonce, the ciphertext, 16 bytes of tag
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.aes_keys import KEY_SIZES

_NONCE_BYTES: Final = 12


class UnreadableKeyError(Exception):
    """A wrapped key does not open under the wrapping key, or what it opens to is no key."""


class Wrapping:
    """Wraps and unwraps keys by ``key`` (32 bytes; None: nothing can be opened)."""

    def __init__(self, key: bytes | None) -> None:
        self._cipher = AESGCM(key) if key is not None else None

    def wrap(self, key: bytes, account: str) -> bytes:
        """Encrypt a transmitter's key of 16, 24 or 32 bytes."""
        assert self._cipher is not None
        assert len(key) in KEY_SIZES
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, account.encode())

    def unwrap(self, wrapped: bytes, account: str) -> bytes:
        """Decrypt it. Raises `UnreadableKeyError`."""
        if self._cipher is None:
            raise UnreadableKeyError
        try:
            key = self._cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], account.encode())
        except (InvalidTag, ValueError):
            raise UnreadableKeyError from None
        if len(key) not in KEY_SIZES:
            raise UnreadableKeyError
        return key
