"""Writers and readers in plain Python, generated from the schemas (the hot path).

A generated function holds one value's fields inline, without a look-up or a call per field, and is
several times faster than a general encoder. Its source can be read: ``print(reader.source)``, and a
traceback shows its lines.
"""

from schemas.avro.generated.reader import reader
from schemas.avro.generated.writer import writer

__all__ = ["reader", "writer"]
