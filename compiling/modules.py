"""What is compiled: the core, and what every record passes. All else is Python, as it stands."""

from pathlib import Path
from typing import Final

# Generated for the occasion; without it, readers and writers are made when the worker starts.
CODEC: Final = "streams/codec_native.py"

_STAGES: Final = (
    "streams/admission.py",
    "streams/batch.py",
    "streams/decode.py",
    "streams/draft.py",
    "streams/escalate.py",
    "streams/heads.py",
    "streams/instants.py",
    "streams/jsonvalues.py",
    "streams/outlet.py",
    "streams/rebuild.py",
    "streams/virtual/scenario.py",
    "streams/virtual/simulation.py",
    "streams/store.py",
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
