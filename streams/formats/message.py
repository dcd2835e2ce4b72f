"""A record as the client hands it out, typed as the broker's are: with a topic, a partition and an offset.

confluent-kafka types all of them as optional, because a message object may also be an event. The reader and
the restore take the events out, and hand on records.
"""

from typing import Protocol

from service.headers import Headers

__all__ = ["Headers", "Message"]


class Message(Protocol):
    """The part of `confluent_kafka.Message` that the stages read."""

    def topic(self) -> str:
        """The topic's name on the broker."""
        ...

    def partition(self) -> int:
        """The partition's number."""
        ...

    def offset(self) -> int:
        """Its place in the partition."""
        ...

    def key(self) -> bytes | None:
        """Its key."""
        ...

    def value(self) -> bytes | None:
        """Its value; None is a tombstone."""
        ...

    def headers(self) -> Headers | None:
        """Its headers, in order; None: it has none."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """What kind of timestamp, and the timestamp in milliseconds."""
        ...
