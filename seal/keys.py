"""The key that signs heads: Ed25519, in a PEM file that only its owner may read."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seal.errors import SealError


def create(path: Path) -> Ed25519PrivateKey:
    """Make a key and write it to a new file. Raises `SealError`."""
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
    except FileExistsError:
        raise SealError(f"{path} exists: a new key would end the chain of heads; name another file") from None
    except OSError as error:
        raise SealError(f"{path}: {error.strerror}") from None
    return key


def load(path: Path) -> Ed25519PrivateKey:
    """Read a key. Raises `SealError`."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise SealError(f"{path}: {error.strerror}; make a key with `ronde seal key`") from None
    except (ValueError, TypeError):
        raise SealError(f"{path} is no private key in PEM (seal.key_file)") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SealError(f"{path} is no Ed25519 key (seal.key_file)")
    return key


def public_hex(key: Ed25519PrivateKey) -> str:
    """Return the public key, 32 bytes in hex."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()
