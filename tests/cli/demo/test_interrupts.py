"""Ctrl-C while something is started."""

from __future__ import annotations

import signal

import pytest

from ronde.demo.interrupts import Interrupts
from ronde.shared.errors import Failed


def start(interrupts: Interrupts, *, is_interrupted: bool) -> None:
    with interrupts.held():
        if is_interrupted:
            signal.raise_signal(signal.SIGINT)
        raise Failed("a program that it runs ended, perhaps by the same signal")


def test_what_fails_of_ctrl_c_is_ctrl_c() -> None:
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        start(interrupts, is_interrupted=True)
    with Interrupts() as interrupts, pytest.raises(Failed):
        start(interrupts, is_interrupted=False)
