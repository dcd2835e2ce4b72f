"""The alarm panels of the demonstration: each calls the receiver over TCP, and sends again until it is answered."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from importlib.resources import files
from typing import Final, NamedTuple

from edges.panel.dialler import Dialler, Outcome, Way
from edges.panel.messages import Panel, Said
from edges.receiver.content import Qualifier
from ronde.demo.alarms import DueSignal
from ronde.demo.stories import LINK_TEST, Signal
from ronde.input_files.loading import load
from ronde.input_files.transmitter_lines import TransmitterLines, wrap_of
from ronde.shared.errors import Failed
from ronde.shared.whole_settings import WholeSettings

TRANSMITTERS: Final = files("ronde.demo") / "transmitters.jsonl"
WAIT_SECONDS: Final = 5.0  # for an answer; then the frame is sent again
ATTEMPTS: Final = 3
ANSWERS_SECONDS: Final = 5.0  # for the last answers


class Delivery(NamedTuple):
    """A signal that was sent.

    Attributes:
        sequence: four digits as in the frame; a link test has no number.
        frames: sent, repeats included.
        answers: of these frames; the panel has gone on to its next signal.

    """

    account: str
    sequence: str
    is_link_test: bool
    frames: int
    answers: int


class Panels:
    """The panels, in a loop and a thread of their own. ``panels`` by site."""

    def __init__(self, way: Way, panels: Mapping[str, Panel]) -> None:
        self._way, self._panels = way, panels
        self._sending: list[Future[Delivery]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="panels", daemon=True)
        self._thread.start()

    def send(self, due: DueSignal) -> None:
        """Have its panel send a signal; `check` raises what went wrong."""
        self._sending.append(asyncio.run_coroutine_threadsafe(self._send(due), self._loop))

    def check(self) -> None:
        """Raise `Failed` when a signal was not answered, or not as the story has it."""
        for sending in self._sending:
            if sending.done():
                sending.result()

    def finish(self) -> list[Delivery]:
        """Return all signals, once each is answered. Raises `Failed` as `check` does."""
        try:
            return [sending.result(ANSWERS_SECONDS) for sending in self._sending]
        except TimeoutError:
            raise Failed(f"the receiver has not answered every frame within {ANSWERS_SECONDS:.0f} s") from None

    def close(self) -> None:
        """Hang up."""
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _send(self, due: DueSignal) -> Delivery:
        site_id, sequence, signal = due
        panel, said = self._panels[site_id], said_of(signal)
        if signal.lacks_key:
            panel = panel._replace(key=None)
        frames = answers = 0
        for _ in range(signal.copies):
            dialler = Dialler(panel, self._way, sequence=sequence, wait_seconds=WAIT_SECONDS, attempts=ATTEMPTS)
            try:
                outcome = await dialler.send(said)
            finally:
                dialler.close()
            _check(site_id, signal, outcome)
            frames += outcome.attempts
            answers += 1
        is_link_test = signal.code == LINK_TEST
        return Delivery(panel.account, f"{0 if is_link_test else sequence:04d}", is_link_test, frames, answers)


def shipped() -> dict[str, Panel]:
    """The panel of each site, by the shipped transmitters."""
    lines = map(json.loads, TRANSMITTERS.read_text(encoding="utf-8").splitlines())
    return {
        line["site_id"]: Panel(line["account"], key=bytes.fromhex(line["key"]) if "key" in line else None)
        for line in lines
    }


def import_transmitters(settings: WholeSettings) -> int:
    """Send the shipped transmitters to their topic, as `ronde transmitters import` does; return their number."""
    with TRANSMITTERS.open("rb") as raw:
        lines = TransmitterLines(str(TRANSMITTERS), raw, wrap_of(settings))
        loaded = load(lines, settings, "transmitters")
    if lines.bad:
        raise Failed(f"{TRANSMITTERS}: {lines.bad[0]}")
    return loaded


def said_of(signal: Signal) -> Said:
    """A story's signal, as a panel says it."""
    partition = "" if signal.code == LINK_TEST else "1"
    return Said(signal.code, signal.zone, partition, Qualifier(signal.qualifier), signal.text)


def _check(site_id: str, signal: Signal, outcome: Outcome) -> None:
    """Raise `Failed` unless the answer is as the story has it."""
    expected = "DUH" if signal.lacks_key else "ACK"
    answer = outcome.answer.kind if outcome.answer else "no answer"
    if answer != expected:
        frames = "1 frame" if outcome.attempts == 1 else f"{outcome.attempts} frames"
        raise Failed(f"the panel of {site_id} got {answer} to its {signal.code}, after {frames}: expected {expected}")


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
