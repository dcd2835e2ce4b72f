"""A receiver whose machine's clock is wrong notices by its panels' frames."""

from __future__ import annotations

from typing import Final

import pytest

from edges.receiver import frame
from edges.receiver.accounts import Account
from edges.receiver.framing import framed
from edges.receiver.panel_clocks import PanelClock, PanelClocks
from tests.edges.receiver.receiving import client, now, receiver
from tests.edges.receiver.vectors import K

ACCOUNTS: Final = tuple(Account(f"100{number}", "S1", key=K) for number in range(3))


class Clocks:
    """Panels that are heard, a second after each other."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.clocks = PanelClocks(lambda: self.seconds)

    def hear(self, *ahead_ms: int) -> int:
        for number, ahead in enumerate(ahead_ms):
            self.seconds += 1.0
            self.clocks.hear(PanelClock(f"{number:04d}", ahead))
        return self.clocks.differ_ms


def test_one_panels_clock_is_its_own_fault() -> None:
    assert Clocks().hear(0, 100, -3_600_000, 200) == 0


def test_too_few_panels_say_nothing() -> None:
    assert Clocks().hear(-60_000, -60_000) == 0


def test_where_most_clocks_differ_ours_is_wrong_until_they_do_not() -> None:
    panels = Clocks()
    assert panels.hear(-60_000, -60_500, 0, -61_000) == -60_250
    assert panels.hear(0, 0) == 0


@pytest.mark.parametrize(("ahead", "differs"), [(-40_000, 0), (-40_001, -40_001), (20_000, 0), (20_001, 20_001)])
def test_they_differ_where_their_frames_are_refused(ahead: int, differs: int) -> None:
    assert Clocks().hear(ahead, ahead, ahead) == differs


def test_who_is_not_heard_for_a_quarter_of_an_hour_says_nothing() -> None:
    panels = Clocks()
    assert panels.hear(-60_000, -60_000, -60_000)
    panels.seconds += 15 * 60
    assert panels.hear(-60_000, -60_000) == 0


@pytest.mark.asyncio
async def test_encrypted_frames_of_all_kinds_tell_the_time_and_plain_ones_do_not() -> None:
    async with receiver(*ACCOUNTS, Account("1234", "S1"), kafka=None) as made, client(made) as panel:
        for account, kind, seconds in (("1000", "ADM-CID", -60), ("1001", "NULL", -60), ("1002", "NULL", -10)):
            body = b"]" if kind == "NULL" else f"#{account}|1130 01 015]".encode()
            data = frame.enciphered(body, now() + 1000 * seconds, K)
            panel.send(framed(f'"*{kind}"0007R1L2#{account}['.encode() + data))
            assert await panel.answer()
        panel.send(framed(b'"ADM-CID"0001L0#1234[#1234|1130 01 015]_21:03:12,11-28-2016'))
        assert b"ACK" in await panel.answer()
        assert made.count("frames_total", outcome="WRONG_TIME") == 2
        assert -61_000 < made.intake.panel_clocks.differ_ms <= -60_000
        data = frame.enciphered(b"#1000|1130 01 015]", now(), K)
        panel.send(framed(b'"*ADM-CID"0008R1L2#1000[' + data))
        assert await panel.answer()
        assert made.intake.panel_clocks.differ_ms == 0
