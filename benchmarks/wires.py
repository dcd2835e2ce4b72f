"""How a contender's topics are written and read: the peers' small values, and ronde's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, NamedTuple

from benchmarks.evidence import Decided
from benchmarks.peers import kernel
from schemas import load
from schemas.avro.framing import SINGLE_OBJECT_SIZE, single_object
from schemas.avro.generated import reader, writer
from streams.escalation.values import Alert, Decision, InputRef


class Wire(ABC):
    """From values to bytes and back, as far as a measurement needs them."""

    @abstractmethod
    def alert(self, alert_id: str, site_id: str, raised_at: int) -> bytes:
        """The value of an intrusion."""

    @abstractmethod
    def called(self, value: bytes) -> str:
        """The site of a call command."""

    @abstractmethod
    def decided(self, value: bytes) -> Decided:
        """A decision on an alert."""


class Kernel(Wire):
    """The peers' (`benchmarks.peers.kernel`)."""

    def alert(self, alert_id: str, site_id: str, raised_at: int) -> bytes:  # noqa: D102 - as above
        value = {"alert_id": alert_id, "site_id": site_id, "kind": "INTRUSION", "raised_at": raised_at, "zone": None}
        return kernel.encode(kernel.ALERT, value)

    def called(self, value: bytes) -> str:  # noqa: D102
        return str(kernel.decode(kernel.CALL, value)["site_id"])

    def decided(self, value: bytes) -> Decided:  # noqa: D102
        found = kernel.decode(kernel.DECISION, value)
        return Decided(found["event_id"], found["incident_id"], found["version"], found["at"])


class _Site(NamedTuple):
    """The first fields of a call command, up to the one wanted."""

    command_id: str
    action: str
    target_command_id: str | None
    incident_id: str
    site_id: str


def _head(name: str, fields: int) -> object:
    schema = load(name)
    return {**schema, "fields": schema["fields"][:fields]}


class Ronde(Wire):
    """ronde's (docs/contracts.md), without a registry."""

    def __init__(self) -> None:
        self._alert = writer(load("Alert"), single_object(load("Alert")))
        self._call = reader(_head("CallCommand", len(_Site._fields)), {"CallCommand": _Site}, whole=False)
        self._decision = reader(load("Decision"), {"Decision": Decision, "InputRef": InputRef})

    def alert(self, alert_id: str, site_id: str, raised_at: int) -> bytes:  # noqa: D102
        return self._alert(Alert(alert_id, site_id, "INTRUSION", raised_at))

    def called(self, value: bytes) -> str:  # noqa: D102
        call: _Site = self._call(value, SINGLE_OBJECT_SIZE)
        return call.site_id

    def decision(self, value: bytes) -> Decision:
        """A whole decision."""
        decision: Decision = self._decision(value, SINGLE_OBJECT_SIZE)
        return decision

    def decided(self, value: bytes) -> Decided:  # noqa: D102
        decision = self.decision(value)
        return Decided(decision.input.id, decision.incident_id or "", decision.version, decision.at)


KERNEL: Final = Kernel()
RONDE: Final = Ronde()
