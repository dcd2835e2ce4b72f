"""State records that another program wrote: each is set aside, and what is written about it fits into its topic."""

from __future__ import annotations

import pytest

from schemas.avro.records import decode
from schemas.contract.topics import OWN_BYTES
from streams.formats.validation import ID_BYTES
from streams.state.partition import SetAside
from tests.streams.messages import SETTINGS
from tests.streams.test_decide import Bench


@pytest.mark.parametrize("size", [129, 1_000_000, OWN_BYTES - 100, OWN_BYTES])
def test_a_strangers_key_of_any_length_is_set_aside_with_what_is_written_cut(size: int) -> None:
    bench, key = Bench(), b"k" * (size - 1) + b"\xff"
    bench.partition.set_aside.append(SetAside(key, b"broken", [], 9, "UNDECODABLE", "it ends early"))
    batch = bench.chunk()
    letter, raised, *tombstones = batch.records
    assert [record[0].removeprefix(SETTINGS.prefix) for record in batch.records[:2]] == ["dead-letters", "attention"]
    assert all(len(record[1] or b"") + len(record[2] or b"") <= OWN_BYTES - 100 for record in batch.records)
    assert len(raised[1] or b"") + len(raised[2] or b"") < 1000
    site_id = decode("Attention", raised[1] or b"")["site_id"]
    assert (site_id, raised[2]) == ("k" * 128 + "…", site_id.encode())
    assert len(site_id.encode()) > ID_BYTES, "no site has this id"
    assert (letter[2] or b"").startswith(b"k" * 129) or size == 129
    written_over = [(SETTINGS.topic("state"), None, key)] if size < OWN_BYTES else []
    assert [record[:3] for record in tombstones] == written_over, "one that is too large would end the worker"
    assert bench.chunk().is_empty
