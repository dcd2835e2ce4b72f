"""Fields of a value that its writer's schema has and ronde's lacks: reading drops them, so writing loses them."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.avro.framing import CONFLUENT, CONFLUENT_SIZE, SINGLE_OBJECT_SIZE, confluent_id, single_object
from schemas.avro.generated.shapes import Array, Record, Shape, Union, shape_of
from schemas.avro.loader import Schema, load, released
from service.registry import Registry, client
from streams.settings import Settings


def foreign_fields(settings: Settings, name: str, data: bytes) -> list[str]:
    """By their paths. ``data`` is a framed value of the schema ``name`` that was read before."""
    writer = _writer(settings, name, data)
    return [] if writer is None else list(_beyond(shape_of(writer), shape_of(load(name)), ""))


def _writer(settings: Settings, name: str, data: bytes) -> Schema | None:
    if data[:1] == CONFLUENT and settings.registry.url is not None:
        with client(settings.registry) as connected:
            schema = Registry(connected, settings.worker.data_dir).schema(confluent_id(data[:CONFLUENT_SIZE]))
            return schema if isinstance(schema, dict) else None
    header = data[:SINGLE_OBJECT_SIZE]
    return next((schema for schema in released(name).values() if single_object(schema) == header), None)


def _beyond(theirs: Shape, ours: Shape, path: str) -> Iterator[str]:
    if isinstance(theirs, Union):
        for branch in theirs.branches:
            yield from _beyond(branch, ours, path)
    elif isinstance(ours, Union):
        for branch in ours.branches:
            yield from _beyond(theirs, branch, path)
    elif isinstance(theirs, Array) and isinstance(ours, Array):
        yield from _beyond(theirs.items, ours.items, path)
    elif isinstance(theirs, Record) and isinstance(ours, Record):
        known = {field.name: field.shape for field in ours.fields}
        for field in theirs.fields:
            if field.name in known:
                yield from _beyond(field.shape, known[field.name], f"{path}{field.name}.")
            else:
                yield f"{path}{field.name}"
