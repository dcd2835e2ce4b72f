"""What the topics hold, as the core's values: records of every input and output topic, in either framing."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from schemas.avro.decoder import decoder, of_output
from schemas.avro.errors import Undecodable
from schemas.avro.framing import CONFLUENT, CONFLUENT_SIZE, SINGLE_OBJECT_SIZE
from schemas.contract.topics import TOPICS
from streams.escalation import values
from streams.formats.codec import Codec

if TYPE_CHECKING:
    from service.registry import Registry

_RECORDS: Final = (
    "Contact",
    "Address",
    "Intervention",
    "Site",
    "Alert",
    "CallResult",
    "DispatchReport",
    "OperatorAction",
    "Source",
    "CallCommand",
    "DispatchCommand",
    "Attention",
    "InputRef",
    "Decision",
    "Readiness",
    "Quarantined",
)
_CONSTRUCTORS: Final = MappingProxyType({name: getattr(values, name) for name in _RECORDS})


class TopicValues:
    """Decodes the records of every input and output topic but ``dead-letters``."""

    def __init__(self, registry: Registry | None = None) -> None:
        decoders = {
            topic.name: decoder(topic.schema, _CONSTRUCTORS, registry)
            for topic in TOPICS.values()
            if topic.schema is not None and topic.way in {"in", "out"}
        }
        outputs = {name: of_output(decode) for name, decode in decoders.items() if TOPICS[name].way == "out"}
        self._decoders = decoders | outputs

    def value(self, topic: str, data: bytes) -> Any:
        """The value of a record of ``topic`` (without prefix).

        Raises `schemas.avro.errors.Undecodable`; with a registry also RegistryUnreachable, without one RegistryNotSet.
        """
        return self._decoders[topic](data)

    def or_none(self, topic: str, data: bytes | None) -> Any:
        """The same; None where the record does not decode, as one of another program."""
        try:
            return self.value(topic, data or b"")
        except Undecodable:
            return None


@cache
def shipped() -> Codec:
    """The codec by the schemas alone, without a registry; made once, as that takes longer than to use it."""
    return Codec()


def payload(data: bytes) -> bytes:
    """The bytes of a value without the header that says which schema wrote it."""
    return data[CONFLUENT_SIZE if data[:1] == CONFLUENT else SINGLE_OBJECT_SIZE :]
