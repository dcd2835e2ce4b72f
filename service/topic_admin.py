"""What only librdkafka's admin client does: read the ids of topics, and create one.

It may end its process when a broker goes away while it is asked (librdkafka #4605). So a process of its own asks:
`python -m service.topic_admin`, the properties and the question as JSON on its standard input, the answer on its
output.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # it is documented there

from service.client_properties import SECRETS
from service.silence import silent

_ANSWER_SECONDS: Final = 10.0
_LONGEST_SECONDS: Final = 30.0  # of the process, its start included
_NO_ID: Final = "AAAAAAAAAAAAAAAAAAAAAA"  # of a broker without topic ids


class UnansweredError(Exception):
    """Kafka does not answer now, or answers with an error; ``code`` is librdkafka's name of that, if it has one."""

    def __init__(self, reason: str, code: str | None = None) -> None:
        super().__init__(reason)
        self.code = code


class UnusableError(Exception):
    """The question cannot be asked with these settings, and would fail again. The message has no secret of them."""


def topic_ids(properties: Mapping[str, Any], topics: Iterable[str]) -> dict[str, str]:
    """The ids that Kafka gave topics when they were created: a name may be another topic's by now.

    ``topics`` are names on the broker; one without an id is left out. Raises `UnansweredError`, `UnusableError`.
    """
    ids: dict[str, str] = _ask(properties, {"ids": sorted(topics)})["ids"]
    return ids


def create_topic(properties: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Create a topic, by the arguments of `NewTopic`, unless it exists. Raises `UnansweredError`, `UnusableError`."""
    _ask(properties, {"create": new})


def _ask(properties: Mapping[str, Any], question: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of the other process.

    Raises `UnansweredError` also when it has none: it was ended, or takes too long. Raises `UnusableError` when it
    fails by itself, as where librdkafka refuses the settings.
    """
    try:
        process = subprocess.run(
            [sys.executable, "-m", "service.topic_admin"],
            input=json.dumps({**question, "properties": dict(properties)}).encode(),
            capture_output=True,
            timeout=_LONGEST_SECONDS,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        if isinstance(error, subprocess.CalledProcessError) and error.returncode > 0:
            said = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            reason = _without_secrets(said, properties) or f"exit code {error.returncode}"
            raise UnusableError(f"the process that asks Kafka about topics fails: {reason}") from None
        raise UnansweredError("Kafka does not answer a question about topics") from None
    answer: dict[str, Any] = json.loads(process.stdout)
    if "refused" in answer:
        refused = _without_secrets(answer["refused"], properties)
        raise UnusableError(f"there is no admin client with these settings: {refused}. Correct them")
    if "error" in answer:
        raise UnansweredError(f"Kafka does not answer: {answer['error']}", answer["code"])
    return answer


def _without_secrets(text: str, properties: Mapping[str, Any]) -> str:
    for name, value in properties.items():
        if name in SECRETS and value:
            text = text.replace(str(value), "…")
    return text


def _answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """What the broker says; ``error`` and its ``code`` where that is none, ``refused`` where there is no client."""
    try:
        admin = AdminClient(question["properties"], logger=silent("service.topic_admin"))
    except KafkaException as raised:
        return {"refused": raised.args[0].str()}
    try:
        if "create" in question:
            return _create(admin, question["create"])
        answers = admin.describe_topics(TopicCollection(question["ids"]), request_timeout=_ANSWER_SECONDS)
        ids = {topic: str(answer.result().topic_id) for topic, answer in answers.items()}
    except KafkaException as raised:
        error: KafkaError = raised.args[0]
        return {"error": error.str(), "code": error.name()}
    return {"ids": {topic: topic_id for topic, topic_id in ids.items() if topic_id != _NO_ID}}


def _create(admin: AdminClient, new: Mapping[str, Any]) -> dict[str, Any]:
    try:
        admin.create_topics([NewTopic(**new)], request_timeout=_ANSWER_SECONDS)[new["topic"]].result()
    except KafkaException as raised:
        if raised.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
    return {}


if __name__ == "__main__":
    json.dump(_answer(json.load(sys.stdin)), sys.stdout)
