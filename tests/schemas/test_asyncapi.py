"""The AsyncAPI document: current, whole, and about the same topics and schemas as everything else.

Its validity as AsyncAPI 3.0.0 is that of its structure, which only code here changes. It was looked at by AsyncAPI's
own parser, and by its JSON schema, when this was written; check it again after a change of the structure:
``npx @asyncapi/cli validate docs/asyncapi.json``.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

import avro.schema
import pytest

import schemas
from schemas.avro.loader import NAMES
from schemas.contract.asyncapi import document, text
from schemas.contract.dead_letter_reasons import DEAD_LETTER_REASONS, DeadLetterReason
from schemas.contract.topics import TOPICS
from schemas.gate.shelf import read_shelf
from tests.conftest import Run

DOCS: Final = Path(__file__).parents[2] / "docs"


def references(part: Any) -> Iterator[str]:
    """Every reference of the document, but for what stands in a payload."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for key, inner in part.items():
            if key != "payload":
                yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


@cache
def whole() -> dict[str, Any]:
    """The document, to be looked at only."""
    return document()


def resolved(reference: str) -> Any:
    """What a reference stands for."""
    found: Any = whole()
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return resolved(found["$ref"]) if "$ref" in found else found


def test_the_file_in_docs_is_what_is_generated_now(run: Run) -> None:
    ran = run("schemas", "asyncapi")
    assert (ran.exit, ran.err) == (0, "")
    assert ran.out == text()
    assert (DOCS / "asyncapi.json").read_text("utf-8") == text(), (
        "the document is not current: `ronde schemas asyncapi > docs/asyncapi.json`"
    )


def test_it_has_what_every_asyncapi_document_has() -> None:
    told = document()
    assert told["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= told["info"].keys()
    assert told.keys() == {"asyncapi", "info", "defaultContentType", "channels", "operations", "components"}


def test_every_reference_leads_somewhere() -> None:
    found = set(references(document()))
    assert len(found) > len(TOPICS)
    for reference in found:
        assert resolved(reference), reference


def test_there_is_a_channel_for_each_topic_with_its_configuration() -> None:
    channels = document()["channels"]
    assert list(channels) == list(TOPICS)
    for name, topic in TOPICS.items():
        assert channels[name]["address"] == f"{{prefix}}{name}"
        told = channels[name]["bindings"]["kafka"]["topicConfiguration"]
        assert told.pop("cleanup.policy") == [topic.cleanup]
        assert {key: str(value) for key, value in told.items()} == {
            key: value for key, value in topic.configuration().items() if key != "cleanup.policy"
        }


def test_the_engine_receives_inputs_and_sends_outputs() -> None:
    told = sorted(
        (one["channel"]["$ref"].removeprefix("#/channels/"), one["action"]) for one in document()["operations"].values()
    )
    actions = {"in": ["receive"], "out": ["send"], "own": ["receive", "send"], "edge": []}
    assert told == sorted((name, action) for name, topic in TOPICS.items() for action in actions[topic.way])
    for operation in document()["operations"].values():
        channel = resolved(operation["channel"]["$ref"])
        assert [resolved(one["$ref"]) for one in operation["messages"]] == [
            resolved(one["$ref"]) for one in channel["messages"].values()
        ]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_message_has_its_schema_version_and_header(name: str) -> None:
    message = document()["components"]["messages"][name]
    payload = message["payload"]
    assert payload["schemaFormat"] == "application/vnd.apache.avro+json;version=1.9.0"
    assert payload["schema"] == schemas.load(name)
    assert avro.schema.parse(json.dumps(payload["schema"])).fullname == message["name"]  # type: ignore[attr-defined]
    assert message["summary"]
    assert message["bindings"]["kafka"]["key"]["type"] == "string"
    assert message["x-version"] == read_shelf(Path(schemas.__file__).parent).written_version(name)
    assert message["x-single-object-header"].startswith("c301")


def test_compacted_topics_have_tombstones_and_no_other_has() -> None:
    tombstones = {
        name
        for name, channel in document()["channels"].items()
        if any("Tombstone" in one for one in channel["messages"])
    }
    assert tombstones == {name for name, topic in TOPICS.items() if topic.cleanup == "compact"}


def test_a_dead_letter_tells_its_headers() -> None:
    headers = document()["components"]["messages"]["DeadLetter"]["headers"]
    assert headers["properties"]["dlq.reason"]["enum"] == list(get_args(DeadLetterReason)) == [*DEAD_LETTER_REASONS]
    contracts = (DOCS / "contracts.md").read_text("utf-8")
    for name in headers["properties"]:
        assert f"`{name}`" in contracts
    for reason, meaning in DEAD_LETTER_REASONS.items():
        assert f"| `{reason}` | {meaning} |\n" in contracts
    assert [*headers["required"], "dlq.cut"] == list(headers["properties"])
