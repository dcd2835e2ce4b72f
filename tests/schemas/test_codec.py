"""The codec: Kafka's bytes to the core's values and back, each topic with its schema and framing."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import schemas
from schemas.avro.errors import RegistryUnreachable, Undecodable
from schemas.contract.topics import INPUT_TOPICS, TOPICS
from service.registry import Registry
from streams.escalation.names import OutputTopic
from streams.escalation.state import AMEND, EMPTY, PHASE, Deadline, SiteState
from streams.formats.codec import Codec
from tests.schemas.shaped import dicts, tupled
from tests.schemas.test_bytes import golden
from tests.schemas.test_registry import Server
from tests.support.examples import examples

CODEC = Codec()
OUTPUTS: tuple[OutputTopic, ...] = ("calls", "dispatches", "attention", "decisions", "readiness", "quarantine")


@pytest.mark.parametrize("topic", INPUT_TOPICS)
def test_each_input_topic_reads_its_value(topic: str) -> None:
    name = TOPICS[topic].schema or ""
    value, data, _ = golden(name)
    assert CODEC.decoders[topic](data) == tupled(name, value)
    other = "Site" if name == "Alert" else "Alert"
    with pytest.raises(Undecodable, match=f"no published schema of {name}"):
        CODEC.decoders[topic](golden(other)[1])


@pytest.mark.parametrize("topic", OUTPUTS)
def test_each_output_topic_writes_its_value(topic: OutputTopic) -> None:
    name = TOPICS[topic].schema or ""
    value, data, _ = golden(name)
    assert CODEC.encoders[topic](tupled(name, value)) == data


def test_a_site_of_the_table_is_the_bytes_as_they_came() -> None:
    value, data, _ = golden("Site")
    assert CODEC.decode_site(data) == tupled("Site", value)


# --- state -------------------------------------------------------------------------------------------


@examples(80)
@given(dicts("State"))
def test_any_state_comes_back_without_loss_and_shows_its_deadlines(value: dict[str, Any]) -> None:
    state: SiteState = tupled("State", value)
    data = CODEC.encode_state(state)
    assert data == schemas.encode("State", value)
    assert CODEC.decode_state(data) == state
    assert CODEC.peek_deadlines(data) == state.deadlines()


def test_the_deadlines_of_the_golden_state_stand_in_its_head() -> None:
    _, data, _ = golden("State")
    incident = "00112233445566778899aabb"
    assert CODEC.peek_deadlines(data) == [
        Deadline(1767229800123, incident, PHASE),
        Deadline(1767229860123, incident, AMEND),
    ]
    assert CODEC.peek_deadlines(CODEC.encode_state(EMPTY)) == []


@examples(200)
@given(st.binary(max_size=40), st.sampled_from([b"", b"\xc3\x01", golden("State")[1][:10], golden("State")[1][:11]]))
def test_a_broken_state_is_undecodable_and_so_is_a_look_at_its_head(tail: bytes, head: bytes) -> None:
    for read in (CODEC.decode_state, CODEC.peek_deadlines):
        try:
            read(head + tail)
        except Undecodable:
            continue


def test_a_state_cut_within_its_head_is_undecodable() -> None:
    _, data, _ = golden("State")
    for end in range(len(data[:50])):
        with pytest.raises(Undecodable):
            CODEC.peek_deadlines(data[:end])


# --- with a registry ---------------------------------------------------------------------------------


def test_with_a_registry_outputs_are_framed_by_its_ids_and_state_is_not(tmp_path: Path) -> None:
    server = Server()
    try:
        with httpx.Client(base_url=server.url) as client:
            codec = Codec(Registry(client, tmp_path), prefix="eu.")
            assert set(server.subjects) == {f"eu.{topic}-value" for topic in OUTPUTS}
            for topic in OUTPUTS:
                name = TOPICS[topic].schema or ""
                value, data, _ = golden(name)
                (schema_id,) = server.subjects[f"eu.{topic}-value"].values()
                framed = codec.encoders[topic](tupled(name, value))
                assert framed == b"\0" + schema_id.to_bytes(4, "big") + data[10:]
            state = golden("State")[1]
            assert codec.encode_state(codec.decode_state(state)) == state

            alert_id = Registry(client, tmp_path).id_of("eu.alerts-value", schemas.load("Alert"))
            value, data, _ = golden("Alert")
            confluent = b"\0" + alert_id.to_bytes(4, "big") + data[10:]
            assert codec.decoders["alerts"](confluent) == codec.decoders["alerts"](data) == tupled("Alert", value)
    finally:
        server.stop()


def test_a_registry_that_is_down_is_a_wait_both_at_the_start_and_for_an_unknown_id(tmp_path: Path) -> None:
    server = Server()
    with httpx.Client(base_url=server.url, timeout=1) as client:
        codec = Codec(Registry(client, tmp_path / "known"))
        server.stop()
        with pytest.raises(RegistryUnreachable):
            codec.decoders["alerts"](b"\0\0\0\0\x63" + golden("Alert")[1][10:])
        with pytest.raises(RegistryUnreachable):
            Codec(Registry(client, tmp_path / "new"))
        assert Codec(Registry(client, tmp_path / "known")).encoders, "a worker restarts on what its disk knows"
