"""The ids of topics, and the topic that a sink makes, by `service.topic_admin`, with the errors of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from service import topic_admin
from sinks.errors import Away, SinkError

if TYPE_CHECKING:
    from sinks.settings import Configuration

_REFUSALS: Final = ("TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "POLICY_VIOLATION")


def topic_ids(configuration: Configuration, topics: Iterable[str]) -> dict[str, str]:
    """As `service.topic_admin.topic_ids`. Raises `Away`, and `SinkError` where waiting does not help."""
    with _errors_of_a_sink():
        return topic_admin.topic_ids(configuration.admin, topics)


def create_topic(configuration: Configuration, name: str, properties: Mapping[str, str]) -> None:
    """Create a topic of one partition unless it exists. Raises `Away`, and `SinkError` when the broker refuses to."""
    new = {
        "topic": name,
        "num_partitions": 1,
        "replication_factor": configuration.replication_factor or -1,
        "config": dict(properties),
    }
    with _errors_of_a_sink():
        try:
            topic_admin.create_topic(configuration.admin, new)
        except topic_admin.UnansweredError as error:
            if error.code not in _REFUSALS:
                raise
            raise SinkError(
                f"there is no topic {name}, and the broker does not let us make it ({error.code}): "
                f"make it, with one partition and cleanup.policy={properties['cleanup.policy']}"
            ) from None


@contextmanager
def _errors_of_a_sink() -> Iterator[None]:
    try:
        yield
    except topic_admin.UnansweredError as error:
        raise Away("kafka", str(error)) from None
    except topic_admin.UnusableError as error:
        raise SinkError(str(error)) from None
