"""Trees, proofs and signatures against the definitions of their RFCs, for every small size."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.month import Month
from schemas.avro.loader import load
from schemas.contract.topics import TOPICS
from seal import tree as trees
from seal.commitments import Commitments
from seal.ed25519 import is_signed
from seal.keys import public_hex
from seal.proofs import is_consistent, leaf_hash, node_hash, read_number, read_value, resolved, root_by_inclusion
from seal.splitting import splitter
from seal.tree import Tree, root_of
from streams.kafka.reading import LogRecord


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A tree of 40 leaves, whose kept nodes have 4 each."""
    monkeypatch.setattr(trees, "BLOCK", 4)
    leaves = [leaf_hash(bytes((number,))) for number in range(40)]
    nodes = [root_of(leaves[begin : begin + 4]) for begin in range(0, 40, 4)]
    return Tree(lambda begin, end: leaves[begin:end], lambda begin, end: nodes[begin:end])


def test_every_leaf_of_every_size_is_proved_and_no_other(tree: Tree) -> None:
    for size in range(1, 41):
        root = tree.root(size)
        for place in range(size):
            path = tree.inclusion(place, size)
            assert root_by_inclusion(leaf_hash(bytes((place,))), place, size, path) == root
            assert root_by_inclusion(leaf_hash(b"x"), place, size, path) != root
            assert root_by_inclusion(leaf_hash(bytes((place,))), place, size, [*path, root]) != root
        assert root_by_inclusion(leaf_hash(b"\0"), size, size, []) is None


def test_every_size_is_consistent_with_every_later_one_and_no_other_tree_is(tree: Tree) -> None:
    for later in range(1, 41):
        for size in range(later + 1):
            path, root = tree.consistency(size, later), tree.root(size)
            assert is_consistent(size, root, later, tree.root(later), path)
            if size:
                assert not is_consistent(size, hashlib.sha256(b"other").digest(), later, tree.root(later), path)
            if 0 < size < later:
                assert not is_consistent(size, root, later, hashlib.sha256(b"other").digest(), path)


def test_a_root_behind_others_costs_its_end_alone(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check recomputes the root of each head there ever was."""
    made: list[bytes] = []

    def noted(left: bytes, right: bytes) -> bytes:
        made.append(left)
        return node_hash(left, right)

    monkeypatch.setattr(trees, "node_hash", noted)
    for size in range(1, 41):
        made.clear()
        tree.root(size)
        assert len(made) <= 2 + size.bit_length()
    assert len(tree._read) <= 4


def test_a_signature_is_checked_as_cryptography_checks_it() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, signature = bytes.fromhex(public_hex(key)), key.sign(b"a head")
    assert is_signed(public, b"a head", signature)
    assert not is_signed(public, b"a hear", signature)
    for place in range(64):
        assert not is_signed(
            public, b"a head", signature[:place] + bytes((signature[place] ^ 1,)) + signature[place + 1 :]
        )
    assert not is_signed(public[:31], b"a head", signature)
    assert not is_signed(public, b"a head", b"")


def fields_of(schema: Any, data: bytes, at: int) -> list[tuple[str, bytes]]:
    """Split a record by decoding it, as the verifier does."""
    fields = []
    for field in schema["fields"]:
        _, end = read_value(field["type"], data, at)
        fields.append((field["name"], data[at:end]))
        at = end
    assert at == len(data)
    return fields


def test_a_record_splits_as_the_verifier_reads_it() -> None:
    month = Month(20, 5, 1)
    for topic, log in month.logs.items():
        schema = load(TOPICS[topic].schema or "")
        names, split = splitter(schema)
        for record in log[:50]:
            assert record.value is not None
            fields = fields_of(resolved(schema), record.value, 10)
            assert list(zip(names, split(record.value, 10), strict=True)) == fields
            assert b"".join(data for _, data in fields) == record.value[10:]
            for cut in range(10, len(record.value), 7):
                with pytest.raises((ValueError, IndexError)):
                    split(record.value[:cut], 10)


def test_salts_are_hmacs_of_the_record_and_the_fields_number() -> None:
    record = LogRecord("calls", 3, 17, 0, b"S1", b"no value", [])
    secret = bytes(range(32))
    fields = Commitments(lambda *_: secret).leaf(record).fields
    assert [field.name for field in fields] == ["key", "headers", "value"]
    for number, field in enumerate(fields, start=1):
        expected = hmac.digest(secret, b"calls\x003\x0017\x00" + number.to_bytes(4, "big"), "sha256")
        assert field.salt == expected


def test_a_number_without_end_is_no_number() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        read_number(b"\xff" * 10**6, 0)


@pytest.mark.parametrize(
    "key", [b"\x00", b"\xff\xfe", b"k" * 10**6, b"", None, "\ud800".encode(errors="surrogatepass")]
)
def test_any_key_has_a_name_that_an_index_takes(key: bytes | None) -> None:
    parts = Commitments(lambda *_: None).parts(LogRecord("alerts", 0, 0, 0, key, b"", []))
    assert len(parts.site_id) <= 256
    assert "\0" not in parts.site_id
    parts.site_id.encode()
