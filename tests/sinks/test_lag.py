"""The lag is measured by a thread of its own, while the loop hangs in anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

import pytest

from sinks.errors import Away
from sinks.observe.metrics import SinkMetrics
from sinks.observe.readiness import SinkReadiness
from sinks.read import lag as lag_module
from sinks.read.lag import Lag, Unread
from sinks.read.offsets import Offsets
from sinks.rows.chunk import Log
from tests.support.waiting import eventually

LOG: Final = ("ronde.alerts", 0)


class Broker:
    """Stands in for the broker: where the log ends, or that it does not answer."""

    def __init__(self) -> None:
        self.end: int | None = 10

    def ends(self, logs: Iterable[Log], _seconds: float) -> dict[Log, int]:
        if self.end is None:
            raise Away("kafka", "Kafka does not answer")
        return dict.fromkeys(logs, self.end)


class Scene:
    def __init__(self) -> None:
        self.broker, self.readiness, self.metrics = Broker(), SinkReadiness(), SinkMetrics()
        self.lag = Lag(cast("Offsets", self.broker), {LOG[0]: "alerts"}, self.readiness, self.metrics)

    def shown(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, {"topic": "alerts", "partition": "0"})


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_it_grows_while_nothing_is_written(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    clock: dict[str, Any] = {"now": 100.0}
    monkeypatch.setattr("time.time", lambda: clock["now"])
    scene.lag.reach({LOG: 7}, {LOG: 95_000})
    scene.lag.measure()
    assert (scene.shown("ronde_sink_lag_records"), scene.shown("ronde_sink_lag_seconds")) == (3, 5)
    scene.broker.end, clock["now"] = 30, 110.0
    scene.lag.measure()
    assert (scene.shown("ronde_sink_lag_records"), scene.shown("ronde_sink_lag_seconds")) == (23, 15)
    scene.broker.end, clock["now"] = None, 120.0
    scene.lag.measure()
    assert (scene.shown("ronde_sink_lag_records"), scene.shown("ronde_sink_lag_seconds")) == (23, 25), "nobody answers"
    scene.broker.end = 30
    scene.lag.reach({LOG: 30})
    scene.lag.measure()
    assert (scene.shown("ronde_sink_lag_records"), scene.shown("ronde_sink_lag_seconds")) == (0, 0)


def test_what_is_given_up_is_shown_no_more(scene: Scene) -> None:
    scene.lag.reach({LOG: 7})
    scene.lag.measure()
    scene.lag.forget([LOG])
    scene.lag.measure()
    assert scene.shown("ronde_sink_lag_records") is None


def test_a_broker_that_does_not_answer_for_long_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.lag.reach({LOG: 7})
    scene.broker.end = None
    scene.lag.measure()
    assert scene.readiness.reasons == {}, "it may be back at once"
    monkeypatch.setattr(lag_module, "_SILENT_SECONDS", 0.0)
    scene.lag.measure()
    assert scene.readiness.reasons == {"kafka": "Kafka does not answer"}
    scene.broker.end = 10
    scene.lag.measure()
    assert scene.readiness.reasons == {}


def test_a_log_is_still_while_it_has_more_and_its_leader_answers(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = {"now": 100.0}
    monkeypatch.setattr("time.monotonic", lambda: clock["now"])
    scene.lag.reach({LOG: 7})
    assert scene.lag.unread() == {}, "its end is not known yet"
    scene.lag.measure()
    clock["now"] = 120.0
    scene.lag.reach({LOG: 7})
    assert scene.lag.unread() == {LOG: Unread(7, 100.0)}
    scene.lag.reach({LOG: 8})
    assert scene.lag.unread() == {LOG: Unread(8, 120.0)}
    scene.broker.end = None
    scene.lag.measure()
    assert scene.lag.unread() == {}, "its leader answers no more"
    scene.broker.end = 10
    scene.lag.measure()
    scene.lag.forget([LOG])
    assert scene.lag.unread() == {}, "another sink has it"
    scene.lag.reach({LOG: 10})
    scene.lag.measure()
    assert scene.lag.unread() == {}


def test_a_log_whose_lag_is_not_shown_may_stand_still_too(scene: Scene) -> None:
    log = ("ronde.erasures", 0)
    scene.lag.reach({log: 3})
    scene.lag.measure()
    assert scene.lag.unread().keys() == {log}
    assert scene.shown("ronde_sink_lag_records") is None


def test_it_looks_by_itself_until_it_is_closed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag_module, "_SECONDS", 0.01)
    scene.lag.start()
    scene.lag.reach({LOG: 7})
    eventually(lambda: scene.shown("ronde_sink_lag_records") == 3, "the lag", 10)
    scene.lag.close()
