"""What is compiled: the core, and what every record passes. Everything else stays Python."""

from pathlib import Path
from typing import Final

# Generated for the occasion; without it, readers and writers are made when the worker starts.
CODEC: Final = "streams/formats/codec_native.py"

_STAGES: Final = (
    "streams/formats/validation.py",
    "streams/observe/chunk_metrics.py",
    "streams/pipeline/batch.py",
    "streams/formats/site_records.py",
    "streams/pipeline/decode.py",
    "streams/state/overlay.py",
    "streams/pipeline/decide.py",
    "streams/formats/incident_header.py",
    "service/rfc3339.py",
    "streams/formats/json_values.py",
    "streams/pipeline/records.py",
    "streams/state/rebuild.py",
    "streams/simulation/scenario.py",
    "streams/simulation/simulation.py",
    "streams/state/partition.py",
)
_FORMATS: Final = (
    "schemas/avro/decoder.py",
    "schemas/contract/murmur2.py",
    "schemas/avro/mypyc/reading.py",
    "schemas/avro/mypyc/writing.py",
)


def sources(root: Path) -> list[str]:
    """The files to compile, as they lie below ``root``."""
    core = sorted((root / "streams" / "escalation").rglob("*.py"))
    return [
        *(str(file.relative_to(root)) for file in core if file.name != "__init__.py"),
        *_STAGES,
        *_FORMATS,
        CODEC,
    ]
