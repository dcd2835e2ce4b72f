"""The procedures as data with a version (procedure.md §7).

An incident keeps the procedure it began with, so that a change of settings never changes the rules of an open incident.
All durations are whole seconds, as in the settings.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from streams.escalation.names import AlertKind, ProcedureName


class Procedure(NamedTuple):
    """One procedure: its name, its version, its times (seconds), its counts."""

    name: ProcedureName
    version: str
    confirms: bool
    default_partner: str | None = None
    wait_seconds: int = 600
    call_timeout_seconds: int = 120
    response_timeout_seconds: int = 120
    requests: int = 3
    arrival_timeout_seconds: int = 3600
    on_site_timeout_seconds: int = 14400
    attention_interval_seconds: int = 1800
    amend_interval_seconds: int = 60
    runaway_threshold: int = 30


SECURITY: Final = Procedure(name="SECURITY", version="security/1", confirms=True)
FIRE: Final = Procedure(name="FIRE", version="fire/1", confirms=False)

Procedures = Mapping[ProcedureName, Procedure]
DEFAULTS: Final[Procedures] = MappingProxyType({"SECURITY": SECURITY, "FIRE": FIRE})

# Which procedure an alert opens (§1); a kind that is not here is UNSUPPORTED_KIND.
PROCEDURE_OF_KIND: Final[Mapping[AlertKind, ProcedureName]] = MappingProxyType(
    {"INTRUSION": "SECURITY", "HOLD_UP": "SECURITY", "TAMPER": "SECURITY", "FIRE": "FIRE"}
)

# Where an input goes to several incidents, fire comes first (§5).
PROCEDURE_ORDER: Final[tuple[ProcedureName, ...]] = ("FIRE", "SECURITY")
