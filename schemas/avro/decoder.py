"""From bytes behind any header to a value of today's schema.

Either framing is read, and any version that wrote the value: published ones are known by their
fingerprint, a registry's by its id (contracts.md, Wire format).
"""

from collections.abc import Callable
from typing import Any, Protocol

from schemas.avro.errors import NoRegistry, RegistryNotSet, SchemaRefused, Undecodable, UnusableSchema
from schemas.avro.framing import (
    CONFLUENT,
    CONFLUENT_SIZE,
    SINGLE_OBJECT,
    SINGLE_OBJECT_SIZE,
    confluent_id,
    single_object,
)
from schemas.avro.generated.reader import Constructors, reader
from schemas.avro.generated.shapes import Primitive, nodes, shape_of
from schemas.avro.loader import load, released

Read = Callable[[bytes, int], Any]


class Writers(Protocol):
    """Where a Confluent id's schema is found: `service.registry.Registry`."""

    def schema(self, schema_id: int) -> Any:
        """The schema, which may be of any type; SchemaNotFound, UnusableSchema, RegistryUnreachable."""
        ...


def decoder(
    name: str,
    constructors: Constructors,
    writers: Writers | None = None,
    array: Callable[[list[Any]], Any] = tuple,
    own: Read | None = None,
) -> Callable[[bytes], Any]:
    """A function from framed bytes to a value of the schema ``name``, built as `schemas.avro.generated.reader` says.

    ``own``: the reader of today's schema, where there is one already.
    It raises Undecodable for bytes that are no such value (NoRegistry where they would be one behind another header,
    SchemaNotFound and SchemaRefused where the schema is at fault);
    and, only with ``writers``, RegistryUnreachable, after which the same bytes may be tried again.
    """
    readers = _Readers(name, constructors, writers, array, own)
    own_header, read_own = readers.own_header, readers.own

    def decode(data: bytes) -> Any:
        if data.startswith(own_header):
            return read_own(data, SINGLE_OBJECT_SIZE)
        return readers.decode(data)

    return decode


def of_output(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """``decode`` for values that workers wrote: those behind a registry's id raise RegistryNotSet where none is set.

    The header of such a value follows from the workers' settings, so the reader's settings differ from them.
    """

    def decode_output(data: bytes) -> Any:
        try:
            return decode(data)
        except NoRegistry:
            raise RegistryNotSet(
                "registry.url is not set, and the values in the topics are framed for a schema registry: "
                "set registry.url as the workers have it"
            ) from None

    return decode_output


class _Readers:
    """The reader for each header seen so far; published versions are there from the start."""

    def __init__(
        self,
        name: str,
        constructors: Constructors,
        writers: Writers | None,
        array: Callable[[list[Any]], Any],
        own: Read | None,
    ) -> None:
        self._schema = load(name)
        self._constructors = constructors
        self._writers = writers
        self._array = array
        self.own_header = single_object(self._schema)
        self.own = reader(self._schema, constructors, array=array) if own is None else own
        # A version may be ahead of today's: what the next release writes is read before it is written (ADR 6).
        self._by_header = {
            single_object(version): self._reader(version, f"version {number}")
            for number, version in released(name).items()
        }

    def decode(self, data: bytes) -> Any:
        """The value behind either framing."""
        if data[:1] == CONFLUENT:
            if self._writers is None:
                raise self._without_registry(data)
            return self._of_registry(self._writers, data[:CONFLUENT_SIZE])(data, CONFLUENT_SIZE)
        if data[:2] != SINGLE_OBJECT:
            raise Undecodable("neither in single-object encoding nor in Confluent's")
        read = self._by_header.get(data[:SINGLE_OBJECT_SIZE])
        if read is None:
            raise Undecodable(f"written by no published schema of {self._schema['name']}")
        return read(data, SINGLE_OBJECT_SIZE)

    def _without_registry(self, data: bytes) -> Undecodable:
        """What is wrong with a value behind a registry's id where none is set.

        Any record may begin with a zero byte; one that a published version reads to its last byte is framed.
        """
        for read in (self.own, *self._by_header.values()):
            try:
                read(data, CONFLUENT_SIZE)
            except Undecodable:
                continue
            return NoRegistry("framed for a schema registry, and registry.url is not set")
        return Undecodable("framed for a schema registry, and none is configured")

    def _of_registry(self, writers: Writers, header: bytes) -> Read:
        known = self._by_header.get(header)
        if known is not None:
            return known
        if len(header) < CONFLUENT_SIZE:
            raise Undecodable("the data ends within its header")
        schema_id = confluent_id(header)
        of_registry = f"schema {schema_id} of the registry"
        try:
            read = self._reader(writers.schema(schema_id), of_registry)
        except UnusableSchema as error:
            read = _refusal(f"{of_registry}: {error}")
        self._by_header[header] = read
        return read

    def _reader(self, written_by: Any, title: str) -> Read:
        """The reader of another version; where there can be none, one that refuses each of its values."""
        try:
            # A fingerprint leaves logical types out.
            if single_object(written_by) == self.own_header and _meanings(written_by) == _meanings(self._schema):
                return self.own
            return reader(self._schema, self._constructors, written_by=written_by, array=self._array)
        except UnusableSchema as error:
            return _refusal(f"{title}: {error}")
        except Exception as error:  # noqa: BLE001  # a schema of a registry may come from anybody
            return _refusal(f"{title}: the schema cannot be used: {type(error).__name__}")


def _meanings(schema: Any) -> list[tuple[bool, str | None]]:
    """Of the primitives in a schema; schemas of one fingerprint have as many of them, in the same places."""
    return [(node.is_instant, node.logical) for node in nodes(shape_of(schema)) if isinstance(node, Primitive)]


def _refusal(problem: str) -> Read:
    def refuse(data: bytes, at: int) -> Any:  # noqa: ARG001 - stands in a reader's place
        raise SchemaRefused(problem)

    return refuse
