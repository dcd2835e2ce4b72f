"""The partition of a key is the Java client's."""

import pytest

from schemas.contract.murmur2 import murmur2, partition


@pytest.mark.parametrize(
    ("key", "known"),
    # The vectors of Kafka's own UtilsTest.
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_that_of_the_java_client(key: bytes, known: int) -> None:
    assert murmur2(key) == known & 0xFFFFFFFF
    assert partition(key, 6) == (known & 0x7FFFFFFF) % 6


def test_an_empty_key_has_a_partition_too() -> None:
    assert 0 <= partition(b"", 3) < 3
