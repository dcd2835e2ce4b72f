"""The ids that Kafka gave the topics when they were created: a name may be another topic's by now.

Only librdkafka's admin client tells them, and it may end its process when a broker goes away (librdkafka #4605). So a
process of its own asks: `python -m sinks.read.topic_ids`, the properties and the topics as JSON on its standard input.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from sinks.errors import Away

if TYPE_CHECKING:
    from sinks.settings import Configuration

_ANSWER_SECONDS: Final = 10.0
_LONGEST_SECONDS: Final = 30.0  # of the process, its start included
_NO_ID: Final = "AAAAAAAAAAAAAAAAAAAAAA"  # of a broker without topic ids


def topic_ids(configuration: Configuration, topics: Iterable[str]) -> dict[str, str]:
    """The ids of these topics (names on the broker), where the broker gives ids. Raises `Away`."""
    question = json.dumps({"properties": dict(configuration.admin), "topics": sorted(topics)})
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "sinks.read.topic_ids"],
            input=question.encode(),
            capture_output=True,
            timeout=_LONGEST_SECONDS,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        raise Away("kafka", "Kafka does not answer: it does not say which topics these are") from None
    answer = json.loads(asked.stdout)
    if "error" in answer:
        raise Away("kafka", f"Kafka does not answer: {answer['error']}")
    ids: dict[str, str] = answer["ids"]
    return ids


def _ask(properties: Mapping[str, Any], topics: list[str]) -> dict[str, Any]:
    silent = logging.Logger("sinks.read.topic_ids", level=logging.CRITICAL + 1)
    admin = AdminClient(dict(properties), logger=silent)
    answers = admin.describe_topics(TopicCollection(topics), request_timeout=_ANSWER_SECONDS)
    try:
        ids = {topic: str(answer.result().topic_id) for topic, answer in answers.items()}
    except KafkaException as error:
        return {"error": error.args[0].str()}
    return {"ids": {topic: topic_id for topic, topic_id in ids.items() if topic_id != _NO_ID}}


if __name__ == "__main__":
    question = json.load(sys.stdin)
    json.dump(_ask(question["properties"], question["topics"]), sys.stdout)
