"""Bytes of Kafka to the core's values and back (contracts.md, Values and Wire format).

One codec a worker; every function on it is made once and looked up by topic once, not per record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast, get_args

from schemas.avro.decoder import decoder
from schemas.avro.framing import SINGLE_OBJECT_SIZE, confluent, single_object
from schemas.avro.generated import reader, writer
from schemas.avro.loader import Schema, load
from schemas.contract.topics import INPUT_TOPICS, TOPICS
from streams.escalation import procedures, state, values
from streams.escalation.names import OutputTopic
from streams.escalation.state import Deadline, SiteState
from streams.escalation.values import Event, OutputValue, Site
from streams.formats.incident_header import IncidentHeader, header_schema

if TYPE_CHECKING:
    from service.registry import Registry  # its HTTP client is heavy, and most have no registry

try:
    # Where the hot modules are compiled, these are among them: they know the common way, and ask ours for all else.
    NATIVE: Any = import_module("streams.formats.codec_native")
except ModuleNotFoundError as error:
    if error.name != "streams.formats.codec_native":
        raise  # it is there, and what it needs is not: `ronde[compiled]`
    NATIVE = None

Decode: TypeAlias = Callable[[bytes], Event | Site]
Encode: TypeAlias = Callable[[OutputValue], bytes]

# What the core calls each record of the schemas.
CONSTRUCTORS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        name: kind
        for module in (values, procedures, state)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    }
    | {"State": SiteState}
)
# Of these the fields are attributes; all others are named tuples.
OBJECTS: Final = frozenset({"Incident"})
_EMITTED: Final[tuple[OutputTopic, ...]] = get_args(OutputTopic)


class Codec:
    """The functions between bytes and values.

    Each that decodes raises `schemas.avro.errors.Undecodable` for bytes that are no such value; one of an input
    topic, and only with a registry, also RegistryUnreachable: wait, then try the same bytes again. It asks
    over the network then, so decode in a thread where a registry is configured.
    """

    __slots__ = ("decode_site", "decode_state", "decoders", "encode_state", "encoders", "peek_headers")

    decoders: Mapping[str, Decode]  # by input topic, without prefix
    encoders: Mapping[OutputTopic, Encode]  # by output topic, without prefix
    decode_site: Callable[[bytes], Site]
    encode_state: Callable[[SiteState], bytes]
    decode_state: Callable[[bytes], SiteState]
    peek_headers: Callable[[bytes], list[IncidentHeader]]  # of an encoded state's open incidents

    def __init__(self, registry: Registry | None = None, prefix: str = "ronde.") -> None:
        """With a registry, outputs (not the state) are framed by the ids it gives for our schemas.

        ``prefix`` stands before the topics' names in the registry's subjects. RegistryUnreachable: wait, and
        make the codec again. RegistryRefused: the registry will not take one of our schemas.
        """
        decoders = {topic: _decoder(_schema(topic), registry) for topic in INPUT_TOPICS}
        encoders = {topic: _writer(_schema(topic), _header(topic, registry, prefix)) for topic in _EMITTED}
        state_schema = load("State")
        self.decoders = MappingProxyType(decoders)
        self.encoders = MappingProxyType(encoders)
        self.decode_site = decoders["sites"]
        self.encode_state = _writer("State", single_object(state_schema))
        self.decode_state = _decoder("State")
        self.peek_headers = _peek(state_schema, self.decode_state)

    def peek_deadlines(self, data: bytes) -> list[Deadline]:
        """Those of an encoded state, unsorted."""
        return [deadline for header in self.peek_headers(data) for deadline in header.deadlines()]


def _decoder(name: str, registry: Registry | None = None) -> Callable[[bytes], Any]:
    own = reader(load(name), CONSTRUCTORS)
    if NATIVE is not None:
        own = getattr(NATIVE, f"reader_{name}")(own)
    return decoder(name, CONSTRUCTORS, registry, own=own)


def _writer(name: str, header: bytes) -> Callable[[Any], bytes]:
    made = writer(load(name), header, OBJECTS)
    if NATIVE is not None:
        made = getattr(NATIVE, f"writer_{name}")(header, made)
    return made


def _schema(topic: str) -> str:
    name = TOPICS[topic].schema
    assert name is not None, f"{topic} carries no schema"
    return name


def _header(topic: str, registry: Registry | None, prefix: str) -> bytes:
    schema = load(_schema(topic))
    if registry is None:
        return single_object(schema)
    return confluent(registry.id_of(f"{prefix}{topic}-value", schema))


def _peek(schema: Schema, decode_state: Callable[[bytes], SiteState]) -> Callable[[bytes], list[IncidentHeader]]:
    """A restore wants the deadlines and phases of a million states, and no more of them.

    Almost all states have one open incident, which has both in its first fields; the rest of such a state is
    not looked at, so a fault there shows when the state is touched. All others are decoded.
    """
    one_incident = single_object(schema) + b"\x02"
    read_header = reader(header_schema(schema), {"IncidentHeader": IncidentHeader}, whole=False)
    if NATIVE is not None:
        read_header = NATIVE.reader_IncidentHeader(read_header)

    def peek(data: bytes) -> list[IncidentHeader]:
        if data.startswith(one_incident):
            return [cast("IncidentHeader", read_header(data, SINGLE_OBJECT_SIZE + 1))]
        incidents = decode_state(data).incidents
        return [IncidentHeader(open_.incident_id, open_.phase, open_.deadline, open_.amend_due) for open_ in incidents]

    return peek
