"""The edges' values as bytes and back, in the wire format that the settings ask for (contracts.md, Wire format)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from edges.errors import EdgeError
from edges.values import CONSTRUCTORS, Source
from schemas.avro.decoder import decoder
from schemas.avro.errors import RegistryRefused, RegistryUnreachable, Undecodable
from schemas.avro.framing import confluent, single_object
from schemas.avro.generated import writer
from schemas.avro.loader import load
from schemas.contract.topics import TOPICS
from service.headers import headers_of
from service.pauses import REGISTRY_SECONDS
from service.registry import Registry, client

if TYPE_CHECKING:
    from confluent_kafka import Message

    from edges.settings import Connection

_ORIGIN: Final = ("dlq.topic", "dlq.partition", "dlq.offset")
_NOTES: Final = ("dlq.replayed", "dlq.discarded")  # a dead letter has neither


class Framing:
    """Makes writers and readers; with a registry it asks over the network, so make and use them in a thread then."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = None if connection.registry.url is None else client(connection.registry)
        self._registry = None if self._client is None else Registry(self._client, connection.data_dir)

    def writer(self, topic: str) -> Callable[[Any], bytes]:
        """A function from a tuple, in the order of the topic's schema, to the record's value.

        Raises RegistryUnreachable (wait), RegistryRefused.
        """
        schema = load(_schema(topic))
        if self._registry is None:
            return writer(schema, single_object(schema))
        return writer(schema, confluent(self._registry.id_of(f"{self._connection.topic(topic)}-value", schema)))

    async def writers(
        self, topics: Iterable[str], report: Callable[[str | None], None]
    ) -> list[Callable[[Any], bytes]]:
        """Ask for writers until the registry answers; ``report`` takes what is wrong, then None. Raises `EdgeError`."""
        while True:
            try:
                writers = [await asyncio.to_thread(self.writer, topic) for topic in topics]
            except RegistryRefused as error:
                raise EdgeError(str(error)) from None
            except RegistryUnreachable as error:
                report(str(error))
                await asyncio.sleep(REGISTRY_SECONDS)
            else:
                report(None)
                return writers

    def reader(self, topic: str) -> Callable[[bytes], Any]:
        """A function from a record's value to one of `edges.values`.

        It raises Undecodable; and, only with a registry, RegistryUnreachable: wait, then try the same bytes again.
        """
        return decoder(_schema(topic), CONSTRUCTORS, self._registry)

    def close(self) -> None:
        """End the registry's client."""
        if self._client is not None:
            self._client.close()


def origin(message: Message) -> Source | None:
    """Where a dead letter lay, by its headers; None: a note of what became of one. Raises `Undecodable`."""
    headers = dict(headers_of(message))
    if "dlq.topic" not in headers and any(name in headers for name in _NOTES):
        return None
    try:
        topic, partition, offset = (bytes(headers[name] or b"").decode() for name in _ORIGIN)  # type: ignore[arg-type]
        return Source(topic, int(partition), int(offset))
    except (KeyError, ValueError) as error:
        raise Undecodable("a dead letter without its origin") from error


def _schema(topic: str) -> str:
    name = TOPICS[topic].schema
    assert name is not None, f"{topic} carries no schema"
    return name
