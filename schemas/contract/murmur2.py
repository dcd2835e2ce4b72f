"""Kafka's partition of a key: the murmur2 of the Java client (contracts.md, Topics).

Every producer must use it, or a site's alerts and its record part ways.
"""

from typing import Final

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The hash of ``data`` as Java's ``Utils.murmur2`` has it, unsigned."""
    length = len(data)
    whole = length & ~3
    hashed = _SEED ^ length
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        hashed = hashed * _M & _MASK ^ k
    if length > whole:
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    hashed = (hashed ^ hashed >> 13) * _M & _MASK
    return hashed ^ hashed >> 15


def partition(key: bytes, partitions: int) -> int:
    """The partition of a key on a topic of so many partitions; a null key is the caller's affair."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
