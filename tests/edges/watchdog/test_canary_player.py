"""The canary's link tests and rounds: what each proves, and what would look like a fault and is none."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from unittest.mock import AsyncMock, Mock

import pytest

from edges.values import Decision, InputRef
from edges.watchdog.canary import Canary
from edges.watchdog.canary_player import CanaryPlayer
from edges.watchdog.judge import Place
from edges.watchdog.metrics import WatchdogMetrics
from edges.watchdog.settings import WatchdogSettings
from service.clock import now_ms
from tests.edges.watchdog.bench import START


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_receiver_has_the_time_of_a_round_after_an_outage_of_kafka() -> None:
    server = socket.create_server(("127.0.0.1", 0))  # connections wait to be accepted
    port = server.getsockname()[1]
    settings = WatchdogSettings(
        id="w", canary_account="CA11", canary_receiver=f"127.0.0.1:{port}",
        canary_every_seconds=2, canary_within_seconds=1, link_seconds=1,
    )  # fmt: skip
    is_current = False
    player = CanaryPlayer(settings, "canary", Mock(), Mock(), WatchdogMetrics(), lambda: is_current, lambda: is_current)
    task = asyncio.create_task(player._test_the_link())
    try:
        for _ in range(15):  # Kafka is away: the receiver may not answer
            await asyncio.sleep(0.1)
            player.judge(now_ms())
            assert player.receiver() is None
        is_current, back_at = True, now_ms()
        async with asyncio.timeout(60):
            while (finding := player.receiver()) is None:
                await asyncio.sleep(0.05)
                player.judge(now_ms())
        assert finding.since - back_at >= 1000, "of a test that began when receiver and engine had had their time"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        server.close()


def made(is_fresh: Mock, is_current: Mock) -> CanaryPlayer:
    settings = WatchdogSettings(id="w", canary_account="CA11", canary_receiver="127.0.0.1:1")
    return CanaryPlayer(settings, "canary", Mock(), Mock(), WatchdogMetrics(), is_current, is_fresh)


def frames(player: CanaryPlayer) -> float | None:
    return player._metrics.registry.get_sample_value("ronde_watchdog_canary_frames_total")


def rounds(player: CanaryPlayer, outcome: str) -> float | None:
    return player._metrics.registry.get_sample_value("ronde_watchdog_canary_rounds_total", {"outcome": outcome})


def test_a_round_during_which_what_is_read_grew_old_is_void_and_many_of_them_are_reported() -> None:
    """Kafka that freezes amid a round is reported by its own name, and before that by no other."""
    is_fresh, is_current = Mock(return_value=True), Mock(return_value=True)
    player = made(is_fresh, is_current)
    now = 1_790_000_000_000
    for minute in range(1, 7):
        player._canary.begin(now)
        for second in range(60):
            is_fresh.return_value = second not in {5, 6}
            finding = player.judge(now + 1000 * second)
            assert (finding is not None) == (minute == 6 and second > 0), "five rounds without a verdict"
        now += 60_000
    assert (rounds(player, "void"), rounds(player, "failed")) == (6, 0)
    is_fresh.return_value = True
    player._canary.begin(now)
    for second in range(22):
        finding = player.judge(now + 1000 * second)
    assert finding is not None
    assert finding.detail == "the receiver has not acknowledged its frame"
    assert rounds(player, "failed") == 1
    is_current.return_value = False
    player.judge(now + 30_000)
    assert player._judged_at is None, "while Kafka is away, that alone is reported"


@pytest.mark.parametrize("jump", [3_600_000, -3_600_000])
def test_a_jump_of_the_clock_is_no_fault_of_a_round_and_keeps_none_away(jump: int) -> None:
    player = made(Mock(return_value=True), Mock(return_value=True))
    now = 1_790_000_000_000
    for second in range(60):
        assert player.judge(now + 1000 * second) is None
    now += 60_000
    player._canary.begin(now)
    now += jump
    for second in range(1, 23):
        assert player.judge(now + 1000 * second, second == 1) is None
    assert (rounds(player, "void"), rounds(player, "failed")) == (1, 0)
    assert player._is_settled(now + 23_000), "the next alarm goes out, and link tests are judged"
    assert player._old_at < now + 23_000


@pytest.mark.asyncio
async def test_link_tests_go_on_where_the_clock_is_put_back_amid_one(monkeypatch: pytest.MonkeyPatch) -> None:
    player, clock = made(Mock(return_value=True), Mock(return_value=True)), 1_790_000_000_000
    slept = []

    async def is_acknowledged(_: object) -> bool:
        nonlocal clock
        clock -= 3_600_000
        return True

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise asyncio.CancelledError

    monkeypatch.setattr("edges.watchdog.canary_player.now_ms", lambda: clock)
    monkeypatch.setattr("edges.watchdog.canary_player.asyncio.sleep", sleep)
    monkeypatch.setattr(player, "_is_acknowledged", is_acknowledged)
    with pytest.raises(asyncio.CancelledError):
        await player._test_the_link()
    assert slept[0] <= 10


def test_a_round_is_resolved_by_the_incident_of_its_own_alarm() -> None:
    """An engine that takes half a minute for each step closes an incident within 20 s of the next alarm."""
    canary = Canary("canary", "CA11", 60_000, 20_000)
    start = START - START % 60_000
    versions = itertools.count(1)

    def decide(at: int, rule: str, incident: str, kind: str, cause: str) -> None:
        phase = "CLOSED" if rule == "RESOLVED" else "CALLING"
        ref = InputRef(kind, cause, None, None, None)
        made = Decision(
            f"{incident}-v", incident, "security/1", "canary", next(versions), at, ref, 0, rule, None,
            phase, None, None, None, None, (),
        )  # fmt: skip
        canary.take(Place("decisions", 0, 0, at, at, at), made)

    def alert_of(minute: int) -> str:
        return f"CA11-{canary.number(start + minute * 60_000):04}-1-86a50fa1"

    outcomes = []
    for minute in range(3):
        now = start + minute * 60_000
        canary.begin(now)
        if minute:
            decide(now + 2000, "RESOLVED", f"i{minute - 1}", "CALL_RESULT", "r")
        outcomes.append(canary.judge(now + 21_000))
        decide(now + 31_000, "OPENED", f"i{minute}", "ALERT", alert_of(minute))
    assert outcomes == ["failed"] * 3
    now = start + 3 * 60_000
    canary.begin(now)
    decide(now + 1000, "MERGED", "i2", "ALERT", alert_of(3))
    decide(now + 2000, "RESOLVED", "i2", "CALL_RESULT", "r")
    assert canary.judge(now + 3000) == "resolved", "one that its own alarm has joined"
    assert canary.finding is None


@pytest.mark.parametrize("put_back", [2_000, 300_000])
@pytest.mark.asyncio
async def test_no_number_is_sent_twice_in_an_interval(monkeypatch: pytest.MonkeyPatch, put_back: int) -> None:
    """Neither behind a restart, which may come right behind a frame, nor where a timer ends early or a clock goes back.

    A receiver takes it for a repeat within ten minutes, and no alarm comes of it.
    """
    clock, sent = 1_790_000_000_000 - 1_790_000_000_000 % 60_000 + 5_000, []
    player = made(Mock(return_value=True), Mock(return_value=True))

    async def sleep(seconds: float) -> None:
        nonlocal clock
        clock += max(1, int(seconds * 1000) - 3)  # too early, as timers are

    class Panel:
        def __init__(self, *_: object, sequence: int, **__: object) -> None:
            self.sequence = sequence

        async def send(self, _: object) -> Mock:
            nonlocal clock
            sent.append((clock, self.sequence))
            clock += 300
            if len(sent) == 3:
                clock -= put_back  # put right
            if len(sent) == 5:
                raise asyncio.CancelledError
            return Mock(is_acknowledged=True)

        def close(self) -> None:
            pass

    monkeypatch.setattr("edges.watchdog.canary_player.now_ms", lambda: clock)
    monkeypatch.setattr("edges.watchdog.canary_player.asyncio.sleep", sleep)
    monkeypatch.setattr("edges.watchdog.canary_player.Dialler", Panel)
    monkeypatch.setattr(player, "_is_settled", lambda _: True)
    with pytest.raises(asyncio.CancelledError):
        await player._raise_alarms()
    numbers = [number for _, number in sent]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    assert sent[0][0] % 60_000 < 1000, "the interval of the start may have had its frame"
    assert frames(player) == 4


@pytest.mark.asyncio
async def test_a_frame_counts_once_it_is_acknowledged() -> None:
    """What the receivers' counts of frames have of the canary, for the alert on panels that are cut off."""
    player = made(Mock(return_value=True), Mock(return_value=True))
    acknowledged, refused = Mock(is_acknowledged=True), Mock(is_acknowledged=False)
    for answer, count in ((acknowledged, 1), (refused, 1), (TimeoutError, 1), (acknowledged, 2)):
        dialler = Mock(send=AsyncMock(side_effect=[answer]))
        assert await player._is_acknowledged(dialler) == (answer is acknowledged)
        assert frames(player) == count
