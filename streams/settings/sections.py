"""The tables of the settings: their names, their defaults, what each value may be (contracts.md, Settings).

Every setting has a default and a description; the description ends the message about a wrong value.
"""

from __future__ import annotations

import socket
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, create_model

from service.fields import File, Name, Port, Section, data_dir
from service.hosts import Host
from streams.escalation.procedures import FIRE, SECURITY, Procedure

LONGEST_ID: Final = 128  # bytes of UTF-8, as for every id (contracts.md, Values)


def _at_most_an_id(text: str) -> str:
    if len(text.encode()) > LONGEST_ID:
        raise ValueError(f"it is longer than {LONGEST_ID} bytes")
    return text


Whole: TypeAlias = Annotated[int, Field(ge=1, le=2**31 - 1)]
Id: TypeAlias = Annotated[str, StringConstraints(pattern=r"\S"), AfterValidator(_at_most_an_id)]


class TopicSettings(Section):
    """How `ronde topics create` makes topics; their sizes and retention are the contract's."""

    partitions: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=6, description="how many partitions each topic has, fixed for life: a whole number from 1 to 10000"
    )
    replication_factor: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None, description="how many brokers keep each record: a whole number from 1 (default: the brokers' own)"
    )
    min_insync_replicas: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description="how many of them have it before it counts: a whole number from 1 (default: the brokers' own)",
    )


class WorkerSettings(Section):
    """The settings of `ronde worker`."""

    group: Name = Field(
        default="ronde", description="the consumer group that workers share: letters, digits, '.', '_', '-'"
    )
    id: Name = Field(
        default_factory=socket.gethostname,
        description="this worker's name, the same after a restart and no other's: letters, digits, '.', '_', '-'",
    )
    host: Host = Field(default="127.0.0.1", description="the address its web pages listen on")
    port: Port = Field(
        default=6066, description="the port of its web pages: a whole number from 0 (any free one) to 65535"
    )
    data_dir: File = data_dir("worker")
    group_protocol: Literal["consumer", "classic"] = Field(
        default="consumer", description='how the group settles: "consumer" (Kafka 4) or "classic"'
    )
    session_timeout_ms: Annotated[int, Field(ge=1000, le=1_800_000)] = Field(
        default=6000,
        description="after how many milliseconds of silence a worker counts as dead: a whole number from 1000",
    )
    transaction_timeout_ms: Annotated[int, Field(ge=1000, le=900_000)] = Field(
        default=10_000,
        description="after how many milliseconds a dead worker's transaction ends: a whole number from 1000",
    )
    chunk_max: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=5000,
        description="how many records one transaction takes at most, and deadlines: a whole number from 1 to 100000",
    )
    catch_up_seconds: Annotated[int, Field(ge=0, le=3600)] = Field(
        default=30,
        description="how long waiting inputs go before deadlines after an assignment: whole seconds, 0 to 3600",
    )
    stall_seconds: Whole = Field(
        default=10, description="without progress for how long /health fails: whole seconds from 1"
    )
    aborts_per_minute: Annotated[int, Field(ge=0, le=60)] = Field(
        default=3,
        description="how many refused commits a minute it recovers from before it ends: a whole number from 0 to 60",
    )


class CanarySettings(Section):
    """The site at which the watchdog raises alarms of its own."""

    site: Id | None = Field(
        default=None,
        description="the site of the watchdog's canary; desks, report and objectives leave it out (default: none)",
    )


class LogSettings(Section):
    """The worker's own lines."""

    format: Literal["json", "console"] = Field(default="json", description='"json" (each line an object) or "console"')
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description='the least that is logged: "debug", "info", "warning" or "error"'
    )


# What the settings of a procedure are; their names, types and defaults are those of the core's `Procedure`.
_OF_A_PROCEDURE: Final = {
    "default_partner": "the partner asked where a site names none: an id (default: none)",
    "wait_seconds": "the wait between the two rounds: whole seconds from 1",
    "call_timeout_seconds": "when a call counts as not answered: whole seconds from 1",
    "response_timeout_seconds": "how long a partner may be silent: whole seconds from 1",
    "requests": "how often a silent partner is asked in all: a whole number from 1",
    "arrival_timeout_seconds": "from the acceptance to the arrival: whole seconds from 1",
    "on_site_timeout_seconds": "from the arrival to the report: whole seconds from 1",
    "attention_interval_seconds": "until an attention is raised again: whole seconds from 1",
    "amend_interval_seconds": "between two amends of a dispatch: whole seconds from 1",
    "runaway_threshold": "which alert of an incident raises RUNAWAY: a whole number from 1",
    "version": 'the name of these values, as "security/2"',
    "confirms": "whether a wrong code is asked for once more: true or false",
}
_TYPES: Final[dict[type, Any]] = {type(None): Id | None, str: Id, int: Whole, bool: bool}


def _section(shipped: Procedure) -> type[Section]:
    """The settings of one procedure."""
    assert _OF_A_PROCEDURE.keys() == {*Procedure._fields} - {"name"}, "a field of a procedure is a setting"
    fields: dict[str, Any] = {}
    for name, description in _OF_A_PROCEDURE.items():
        default = getattr(shipped, name)
        fields[name] = (_TYPES[type(default)], Field(default=default, description=description))
    return create_model(f"{shipped.name} settings", __base__=Section, **fields)


class SecuritySettings(_section(SECURITY)):  # type: ignore[misc]  # a class made while the program runs
    """The procedure of an intrusion, a hold-up, a tampering."""


class FireSettings(_section(FIRE)):  # type: ignore[misc]
    """The procedure of a fire."""


class ProcedureSettings(Section):
    """The settings of both procedures."""

    SECURITY: SecuritySettings = SecuritySettings()
    FIRE: FireSettings = FireSettings()
