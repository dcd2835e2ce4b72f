"""How the metrics of a process are declared: a name, its labels with their values, what it counts.

Prometheus conventions: base units end the name, `_total` what only grows. A label has the values of an enum, never an
account, a site, a person or an address. Every series is initialised to 0, or `increase()` misses the first event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge

from service.build_info import add_build_info

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # as many series again, for nothing

AWAY: Final = ("postgres", "kafka", "registry")

M = TypeVar("M")


class _Declared(Generic[M]):
    """A metric's declaration: on a class, its instances have what it makes under the same name.

    ``labels`` maps each label to its values as far as they are known; ``options`` are a unit and buckets.
    """

    def __init__(
        self, kind: type[M], name: str, documentation: str, labels: Mapping[str, Sequence[str]] | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        self.labels = labels or {}
        self._kind = kind
        self._name = name
        self._documentation = documentation
        self._options = options

    def make(self, registry: CollectorRegistry) -> Any:
        """Make the metric."""
        return self._kind(self._name, self._documentation, tuple(self.labels), registry=registry, **self._options)  # type: ignore[call-arg]  # what all kinds take


class Family(_Declared[M]):
    """One whose instances have the metric itself."""

    def __get__(self, metrics: object, owner: type) -> M:
        """Tell mypy the attribute's type: an instance's own attribute hides the declaration."""
        raise AttributeError("the metrics are not made yet")


class Each(_Declared[M]):
    """One with one label, whose instances have a metric by each of its values: looked up once, not at each event."""

    def make(self, registry: CollectorRegistry) -> Any:
        """Make the metrics."""
        family, [values] = super().make(registry), self.labels.values()
        return MappingProxyType({value: family.labels(value) for value in values})

    def __get__(self, metrics: object, owner: type) -> Mapping[str, M]:
        """Tell mypy the attribute's type."""
        raise AttributeError("the metrics are not made yet")


def failures(process: str) -> Family[Counter]:
    """What a process counts while something is away."""
    text = f"Attempts that failed because something is away: {', '.join(AWAY)}."
    return Family(Counter, f"ronde_{process}_failures", text, {"thing": AWAY})


class ProcessMetrics:
    """The metrics of one process, in a registry of their own: those that its class declares."""

    what: ClassVar[str] = "process"
    ready: ClassVar[Family[Gauge]]

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for name, family in vars(type(self)).items():
            if isinstance(family, _Declared):
                metric = family.make(self.registry)
                setattr(self, name, metric)
                if family.labels and isinstance(family, Family):
                    for values in product(*family.labels.values()):
                        metric.labels(*values)
        add_build_info(self.registry, self.what)
