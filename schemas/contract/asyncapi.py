"""The contract as an AsyncAPI 3 document, made from the topics and the schemas (contracts.md).

Its operations are the engine's: it receives inputs and sends outputs. The topics of the edges have none.
``docs/asyncapi.json`` is this document.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from schemas.avro.framing import single_object
from schemas.avro.loader import NAMES, load, released
from schemas.contract.dead_letter_reasons import DEAD_LETTER_REASONS
from schemas.contract.promises import PROMISES
from schemas.contract.topics import INPUT_TOPICS, TOPICS, Topic

ASYNCAPI: Final = "3.0.0"
KAFKA_BINDING: Final = "0.5.0"
AVRO: Final = "application/vnd.apache.avro+json;version=1.9.0"  # the format of the schema, as AsyncAPI names it
DEFAULT_PREFIX: Final = "ronde."

TOMBSTONES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sites": "Deletes the site.",
        "readiness": "The site was deleted.",
        "state": "The site has no open incident, and nothing that must be remembered.",
        "transmitters": "Deletes the transmitter.",
    }
)


class About(NamedTuple):
    """What AsyncAPI wants told of a topic, beside the topic itself."""

    summary: str
    who: str  # the other side


ABOUT: Final[Mapping[str, About]] = MappingProxyType(
    {
        "sites": About("Protected homes, as their customers configured them.", "the app or CRM with the customers"),
        "alerts": About("Signals of the sites.", "alarm receivers"),
        "call-results": About("What came of calls, ours or the customers'.", "telephony and operators' desks"),
        "dispatch-reports": About("How far the guards are.", "partners"),
        "operator-actions": About("What operators decided.", "operators' desks"),
        "calls": About("Whom to call now, and which call to leave.", "telephony and operators' desks"),
        "dispatches": About("Which partner is asked for a guard, told more, or called off.", "partners"),
        "attention": About("A human must look.", "operators and paging"),
        "decisions": About("Why what was done was done, one record a decision.", "evidence and analytics"),
        "readiness": About(
            "Which sites are ready, and what the others lack.", "the app: exclamation mark, red message"
        ),
        "quarantine": About("Alerts that opened nothing, and why.", "support"),
        "dead-letters": About("Records that could not be handled, as they came.", "the operations team"),
        "state": About("What the engine must remember of a site.", "nobody else"),
        "signals": About("What transmitters sent, and what the receivers made of it.", "receivers and desks"),
        "transmitters": About("Transmitters, their sites and keys.", "portal and receivers"),
        "claims": About("Who takes, keeps or leaves a call or an attention.", "desks and diallers"),
        "desk-log": About("What people did at a desk that decides nothing.", "desks"),
    }
)

# The keys that are not the site's id.
_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Signal": "The site_id, or account:<account> where no site is known, in UTF-8.",
        "Transmitter": "The account, in UTF-8.",
    }
)

_DESCRIPTION: Final = """\
ronde turns the alerts of protected homes into rounds of calls, and into a guard where nobody can say that all is well.

- All topics are keyed by `site_id`, but for `transmitters` and some of `signals`, and have the same number of \
partitions. The partition is Kafka's murmur2 of the \
key, for every producer (librdkafka: `partitioner=murmur2_random`).
- Read with `isolation.level=read_committed`.
- Values are Avro: with a schema registry in Confluent's format, else in single-object encoding (`C3 01` and the \
fingerprint of the schema). The engine takes both.

The meaning of every field is in contracts.md, that of every decision in procedure.md, and partners.md is for partners.
"""


def document() -> dict[str, Any]:
    """The document as JSON's objects."""
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "ronde",
            "version": "1",  # as in the namespace, ronde.v1: what is here only grows
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "avro/binary",
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": {name: one for topic in TOPICS.values() for name, one in _operations(topic).items()},
        "components": {
            "parameters": {
                "prefix": {"description": "Stands before the name of each topic.", "default": DEFAULT_PREFIX}
            },
            "messages": _all_messages(),
        },
    }


def text() -> str:
    """The document as its file has it."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _channel(topic: Topic) -> dict[str, Any]:
    about = ABOUT[topic.name]
    return {
        "address": "{prefix}" + topic.name,
        "title": topic.name,
        "summary": about.summary,
        "parameters": {"prefix": _ref("components", "parameters", "prefix")},
        "messages": {name: _ref("components", "messages", name) for name in _messages_of(topic)},
        "bindings": {
            "kafka": {
                "topicConfiguration": {key: _plain(key, value) for key, value in topic.configuration().items()},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _plain(name: str, value: str) -> Any:
    """A word of the broker's as AsyncAPI has it."""
    if name == "cleanup.policy":
        return [value]
    return int(value) if value.removeprefix("-").isdecimal() else value


def _operations(topic: Topic) -> dict[str, Any]:
    """What the engine does with a topic: with its own, both; with one of the edges, nothing."""
    actions = {"in": ["receive"], "out": ["send"], "own": ["send", "receive"], "edge": []}[topic.way]
    about, title = ABOUT[topic.name], "".join(word.capitalize() for word in topic.name.split("-"))
    side = {"receive": "written by", "send": "read by"}
    return {
        f"{action}{title}": {
            "action": action,
            "channel": _ref("channels", topic.name),
            "summary": about.summary,
            "description": f"On the other side, {side[action]}: {about.who}.",
            "messages": [_ref("channels", topic.name, "messages", name) for name in _messages_of(topic)],
        }
        for action in actions
    }


def _messages_of(topic: Topic) -> list[str]:
    names = ["DeadLetter" if topic.schema is None else topic.schema]
    return [*names, f"{topic.schema}Tombstone"] if topic.name in TOMBSTONES else names


def _all_messages() -> dict[str, Any]:
    messages = {name: _message(name) for name in NAMES}
    for topic, summary in TOMBSTONES.items():
        messages[f"{TOPICS[topic].schema}Tombstone"] = {
            "summary": summary,
            "payload": {"type": "null"},
            "bindings": _bindings(TOPICS[topic].schema),
        }
    return {**messages, "DeadLetter": _dead_letter()}


def _message(name: str) -> dict[str, Any]:
    schema = load(name)
    by_header = {single_object(version): number for number, version in released(name).items()}
    header = single_object(schema)
    of_registry = {
        "schemaIdLocation": "payload",
        "schemaIdPayloadEncoding": "confluent",
        "schemaLookupStrategy": "TopicNameStrategy",
    }
    return {
        "name": f"{schema['namespace']}.{name}",
        "title": name,
        "summary": schema["doc"],
        "payload": {"schemaFormat": AVRO, "schema": schema},
        "bindings": _bindings(name, {} if name == "State" else of_registry),  # the state has no use for a registry
        "x-compatibility": PROMISES[name],
        "x-version": by_header.get(header),
        "x-single-object-header": header.hex(),
    }


def _dead_letter() -> dict[str, Any]:
    told = {
        "dlq.topic": {"type": "string", "enum": [*INPUT_TOPICS, "state"], "description": "Its topic, without prefix."},
        "dlq.partition": {"type": "string", "pattern": "^[0-9]+$", "description": "Its partition."},
        "dlq.offset": {"type": "string", "pattern": "^[0-9]+$", "description": "Its offset."},
        "dlq.reason": {"type": "string", "enum": list(DEAD_LETTER_REASONS), "description": "The first that fits."},
        "dlq.error": {"type": "string", "description": "What was wrong, as free text."},
    }
    cut = {"type": "string", "description": "Of a letter that is not whole: what was cut, and the size it came with."}
    return {
        "title": "DeadLetter",
        "summary": "A record as it came: key, value and headers, byte for byte, and five headers more. One that is "
        "too large for this topic is cut, and has a sixth.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": {**told, "dlq.cut": cut},
            "required": list(told),
            "additionalProperties": True,
        },
        "payload": {"type": ["string", "null"], "format": "binary", "description": "The value, in any form."},
        "bindings": {
            "kafka": {
                "key": {"type": ["string", "null"], "description": "The key as it came."},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def _bindings(name: str | None, more: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    key = {"type": "string", "description": _KEYS.get(name or "", "The site_id, in UTF-8.")}
    return {"kafka": {"key": key, **more, "bindingVersion": KAFKA_BINDING}}


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}
