"""The source of ``streams/formats/codec_native.py``: quick readers and writers of all values of the worker."""

from typing import Final

from schemas.avro.loader import load
from schemas.avro.mypyc.source import Module
from schemas.contract.topics import TOPICS
from streams.formats.codec import CONSTRUCTORS, OBJECTS
from streams.formats.incident_header import IncidentHeader, header_schema

_WAYS: Final = {"in": ("reader",), "out": ("writer",), "own": ("reader", "writer"), "edge": ()}


def source() -> str:
    """The module."""
    module = Module({**CONSTRUCTORS, "IncidentHeader": IncidentHeader}, OBJECTS)
    module.reader("IncidentHeader", header_schema(load("State")), whole=False)
    for topic in TOPICS.values():
        if topic.schema is None:
            continue
        for way in _WAYS[topic.way]:
            add = module.reader if way == "reader" else module.writer
            add(topic.schema, load(topic.schema))
    return module.text()
