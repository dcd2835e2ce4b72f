"""How the process begins and ends where it cannot work; what it posts, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from edges.watchdog.bulletins import Bulletins
from edges.watchdog.findings import Finding, Kind, summary
from edges.watchdog.metrics import WatchdogMetrics
from edges.watchdog.settings import WatchdogSettings
from edges.watchdog.webhooks import Webhooks
from service import logs
from tests.conftest import Run, SettingsFile
from tests.edges.watchdog.listeners import SECRET, Listener
from tests.support.ronde_process import RondeProcess
from tests.support.waiting import eventually


def test_without_topics_it_ends_and_says_what_to_do(settings_file: SettingsFile, tmp_path: Path) -> None:
    file = settings_file(watchdog={"pages_port": 0})
    process = RondeProcess("watchdog", ["watchdog", "--settings", file], tmp_path / "watchdog.log")
    process.start()
    assert process.wait() == 1
    assert "make it with `ronde topics create`" in process.said()


@pytest.mark.parametrize(
    ("watchdog", "canary", "words"),
    [
        ({"canary_account": "CA11"}, {}, "set canary_account and canary_receiver together"),
        ({"canary_account": "CA11", "canary_receiver": "h:1"}, {}, "canary.site is not"),
        ({"webhook_url": "https://x.example"}, {}, "set webhook_secret too"),
        ({"webhook_url": "https://x.example", "webhook_secret": "whsec_AAAA"}, {}, "24 bytes or more"),
        ({"webhook_url": "http://[::1", "webhook_secret": SECRET}, {}, "it cannot be read"),
        ({"ping_url": "https://:443/x"}, {}, "it cannot be read"),
        ({"canary_every_seconds": 20}, {}, "canary_within_seconds must be less"),
    ],
)
def test_settings_that_do_not_go_together(
    run: Run, settings_file: SettingsFile, watchdog: dict[str, object], canary: dict[str, object], words: str
) -> None:
    ran = run("watchdog", "--settings", settings_file(watchdog={"pages_port": 0, **watchdog}, canary=canary))
    assert ran.exit in {1, 2}
    assert words in ran.err
    assert "whsec_AAAA" not in ran.err


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A webhook's receiver."""
    made = Listener()
    yield made
    made.close()


@pytest.mark.asyncio
async def test_a_post_that_is_refused_is_posted_again_in_order(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edges.watchdog.webhooks._PAUSES", (0.01,))
    listener.refuse = 3
    settings = WatchdogSettings(
        id="w", webhook_url=listener.url, webhook_secret=SECRET, ping_url=f"{listener.url}/ping", ping_seconds=1
    )
    metrics = WatchdogMetrics()
    webhooks, bulletins = Webhooks(settings, metrics), Bulletins("w")
    found = summary([Finding("i1", 1_790_000_000_000, 0, "S1")])
    assert found is not None
    for now, report in ((1_790_000_046_000, {Kind.DEADLINE: found}), (1_790_000_060_000, {})):
        for _, _, bulletin in bulletins.update(report, now):
            webhooks.send(bulletin)
    tasks = [asyncio.create_task(webhooks.post()), asyncio.create_task(webhooks.ping(lambda: True))]
    await asyncio.to_thread(eventually, lambda: len(listener.posts) == 2 and listener.pings > 0, "two posts, a ping")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await webhooks.close()
    assert [post_id for post_id, _ in listener.posts] == ["w-DEADLINE-1790000046000-1", "w-DEADLINE-1790000046000-2"]
    assert listener.posts[0][1] == {
        "type": "watchdog.began",
        "timestamp": "2026-09-21T14:14:06.000Z",
        "data": {
            "watchdog": "w",
            "kind": "DEADLINE",
            "count": 1,
            "since": "2026-09-21T14:13:20.000Z",
            "findings": [
                {
                    "subject": "i1",
                    "since": "2026-09-21T14:13:20.000Z",
                    "partition": 0,
                    "site_id": "S1",
                    "detail": None,
                    "count": 1,
                }
            ],
        },
    }
    assert metrics.registry.get_sample_value("ronde_watchdog_webhooks_total", {"outcome": "failed"}) == 3


def test_the_log_names_the_oldest_finding() -> None:
    bulletins = Bulletins("w")
    found = summary([Finding("9f-c1.1", 1000, 0, "S1"), Finding("alerts-0-7", 0, 0)])
    assert found is not None
    [(_, _, began)] = bulletins.update({Kind.INPUT: found}, 2000)
    assert began.log_values == {
        "kind": "INPUT", "count": 2, "since": "1970-01-01T00:00:00.000Z", "subject": "alerts-0-7"
    }  # fmt: skip
    [(_, _, ended)] = bulletins.update({}, 3000)
    assert ended.log_values == {"kind": "INPUT", "count": 0, "since": "1970-01-01T00:00:02.000Z"}


def test_a_change_is_reported_each_minute_at_most() -> None:
    bulletins = Bulletins("w")
    events = []
    for second in range(0, 200, 10):
        found = summary([Finding(str(number), 0) for number in range(1 + second)])
        assert found is not None
        events += [(second, event) for event, _, _ in bulletins.update({Kind.INPUT: found}, 1000 * second)]
    assert events == [(0, "began"), (60, "changed"), (120, "changed"), (180, "changed")]


def test_changes_are_reported_though_the_clock_was_put_back() -> None:
    bulletins = Bulletins("w")
    events = []
    for second, jump in ((0, 0), (30, -3600), (31, -3600), (91, -3600)):
        found = summary([Finding(str(number), 0) for number in range(1 + second)])
        assert found is not None
        events += [(second, event) for event, _, _ in bulletins.update({Kind.INPUT: found}, 1000 * (second + jump))]
    assert events == [(0, "began"), (30, "changed"), (91, "changed")]


def test_as_many_findings_that_are_others_are_a_change() -> None:
    bulletins = Bulletins("w")
    told = []
    for second, names in ((0, ["a"]), (10, ["a", "b"]), (20, ["b"]), (59, ["b"]), (60, ["b"]), (130, ["b"])):
        found = summary([Finding(name, 0) for name in names])
        assert found is not None
        for event, _, bulletin in bulletins.update({Kind.DEADLINE: found}, 1000 * second):
            told.append((second, event, [one["subject"] for one in bulletin.body["data"]["findings"]]))
    assert told == [(0, "began", ["a"]), (60, "changed", ["b"])]


@pytest.mark.asyncio
async def test_no_line_of_the_log_has_the_address_of_a_webhook_or_a_switch(
    listener: Listener, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure("json", "debug")
    settings = WatchdogSettings(
        id="w", webhook_url=f"{listener.url}/hooks/of-it", webhook_secret=SECRET, ping_url=f"{listener.url}/key-of-it"
    )
    webhooks = Webhooks(settings, WatchdogMetrics())
    found = summary([Finding("i1", 0)])
    assert found is not None
    [(_, _, bulletin)] = Bulletins("w").update({Kind.INPUT: found}, 1_790_000_000_000)
    webhooks.send(bulletin)
    tasks = [asyncio.create_task(webhooks.post()), asyncio.create_task(webhooks.ping(lambda: True))]
    await asyncio.to_thread(eventually, lambda: listener.posts and listener.pings, "a post, a ping")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await webhooks.close()
    assert "of-it" not in capfd.readouterr().err
