"""A dossier checked by the definitions of RFC 9162 and RFC 2104, without any code of the seal; and by older Pythons."""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
import os
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.seal.bench import PUBLIC, Dossier, SealBench, all_records, records
from tests.streams.logbook import Logbook, seconds
from tests.streams.test_whatif import answer, waiting

pytestmark = pytest.mark.server


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def half(count: int) -> int:
    """The largest power of two below a number."""
    power = 1
    while 2 * power < count:
        power *= 2
    return power


def root(leaves: list[bytes]) -> bytes:
    """MTH of leaves' hashes (RFC 9162, 2.1.1)."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha()
    k = half(len(leaves))
    return sha(b"\x01", root(leaves[:k]), root(leaves[k:]))


def path(at: int, leaves: list[bytes]) -> list[bytes]:
    """PATH (2.1.3.1)."""
    if len(leaves) < 2:
        return []
    k = half(len(leaves))
    if at < k:
        return [*path(at, leaves[:k]), root(leaves[k:])]
    return [*path(at - k, leaves[k:]), root(leaves[:k])]


def proof(size: int, leaves: list[bytes], *, is_whole: bool = True) -> list[bytes]:
    """SUBPROOF (2.1.4.1)."""
    if size == len(leaves):
        return [] if is_whole else [root(leaves)]
    k = half(len(leaves))
    if size <= k:
        return [*proof(size, leaves[:k], is_whole=is_whole), root(leaves[k:])]
    return [*proof(size - k, leaves[k:], is_whole=False), root(leaves[:k])]


def leaf(line: dict[str, Any], secrets: dict[tuple[str, str], bytes]) -> bytes:
    """A record's leaf from its salts, which are HMACs under the secret of the contact or the site."""
    place = "\0".join(str(line[name]) for name in ("topic", "partition", "offset")).encode() + b"\0"
    site = bytes.fromhex(line["fields"][0][2]).decode()
    contacts = {"calls": ["contact_id", "contact_name", "phone", "language"]}.get(line["topic"], [])
    commitments = []
    for number, (name, salt, data, _) in enumerate(line["fields"], start=1):
        owner, counted = (site, ""), number
        if name in contacts:
            text = next(bytes.fromhex(one[2]) for one in line["fields"] if one[0] == "contact_id")
            owner, counted = (site, text[-3:].decode()), contacts.index(name) + 1
        assert bytes.fromhex(salt) == hmac.digest(secrets[owner], place + counted.to_bytes(4, "big"), "sha256")
        commitments.append(sha(bytes.fromhex(salt), bytes.fromhex(data)))
    heading = ["ronde leaf 1", *(line[name] for name in ("topic", "partition", "offset", "timestamp", "schema"))]
    heading.append(" ".join(one[0] for one in line["fields"]))
    return sha(b"\0", "".join(f"{part}\n" for part in heading).encode(), *commitments)


def test_leaves_proofs_and_heads_are_those_of_the_norm(sealed: Dossier, bench: SealBench, night: Logbook) -> None:
    rows = bench.connection.execute("SELECT site_id, contact_id, secret FROM seal.secrets").fetchall()
    secrets = {(site, contact): secret for site, contact, secret in rows}
    assert set(secrets) == {("S1", ""), ("S1", "ann"), ("S1", "bob")}
    lines = sealed.lines()
    trees: defaultdict[str, dict[int, bytes]] = defaultdict(dict)
    for line in records(lines):
        trees[line["topic"]][line["n"]] = leaf(line, secrets)
        value = b"".join(bytes.fromhex(data) for _, _, data, _ in line["fields"][2:])
        assert value == (night.logs[line["topic"]][line["offset"]].value or b"")[10:], "the fields' Avro bytes"
    heads, previous = [], json.loads(next(one for one in lines if one["what"] == "head")["body"])["previous"]
    for line in lines:
        if line["what"] == "head":
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(PUBLIC)).verify(
                bytes.fromhex(line["signature"]), line["body"].encode()
            )
            body = json.loads(line["body"])
            assert body["previous"] == previous
            previous = sha(line["body"].encode()).hex()
            heads.append({topic: (size, end, found) for topic, _, size, end, found in body["trees"]})
    for topic, kept in trees.items():
        leaves = [kept[place] for place in range(len(kept))]
        for sizes in heads:
            size, end, found = sizes[topic]
            assert root(leaves[:size]).hex() == found
            assert end == size, "no transaction's marker lies in a logbook"
        assert heads[-1][topic][0] == len(leaves)
    for line in records(lines):
        leaves = [trees[line["topic"]][place] for place in range(len(trees[line["topic"]]))]
        assert line["path"] == [node.hex() for node in path(line["n"], leaves)]
    for line in lines:
        if line["what"] == "consistency":
            leaves = [trees[line["topic"]][place] for place in range(len(trees[line["topic"]]))]
            size = heads[0][line["topic"]][0]
            expected = proof(size, leaves) if size else []
            assert line["path"] == [node.hex() for node in expected]


def test_pythons_of_old_systems_come_to_the_same_words(bench: SealBench, tmp_path: Path) -> None:
    """What a Python lacks must not look like a forgery: some systems that are still in use have 3.9."""
    night = waiting()
    bench.seal(all_records(night))
    bench.head(seconds(100))
    folders = [bench.dossier(night, tmp_path / "open").folder]
    night.chunk(700, answer("R3", f"{night.decisions()[0].incident_id}-c2.1", "IDENTIFIED", "NORMAL"))
    bench.book(night)
    folders.append(bench.dossier(night, tmp_path / "closed").folder)
    tree = ast.parse((folders[0] / "verify.py").read_text("utf-8"), feature_version=(3, 8))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            assert "strict" not in {keyword.arg for keyword in node.keywords}
            assert not any(isinstance(one, ast.BinOp) and isinstance(one.op, ast.BitOr) for one in node.args)
    for version in ("3.8", "3.9", "3.10"):
        python = shutil.which(f"python{version}")
        env = {"PATH": os.environ["PATH"], "PYENV_VERSION": version}
        if python is None or subprocess.run([python, "-V"], capture_output=True, check=False, env=env).returncode:
            continue
        for folder, words in zip(folders, ("open at head 1", "the last one closes the incident"), strict=True):
            command = [python, "-I", "-S", "verify.py"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=60, env=env)
            assert (done.returncode, done.stderr) == (0, ""), (version, done.stdout)
            assert words in done.stdout
