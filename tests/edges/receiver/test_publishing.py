"""Our own signals, known when they are read back; and those that another process writes under our id."""

from __future__ import annotations

from typing import Final

import pytest

from edges.receiver import publishing
from edges.receiver.accounts import Account
from edges.receiver.framing import CheckedFrame, Framer
from edges.receiver.judging import Judge
from edges.receiver.publishing import OwnSignals
from edges.receiver.repeats import Repeats
from edges.values import Signal
from schemas.avro.decoder import decoder
from schemas.avro.framing import single_object
from schemas.avro.generated import writer
from schemas.avro.loader import load
from tests.edges.receiver import vectors
from tests.edges.receiver.receiving import Known, now

WRITE: Final = writer(load("Signal"), single_object(load("Signal")))
DECODE: Final = decoder("Signal", {"Signal": Signal})


def signals(receiver: str, at: int) -> list[Signal]:
    """What each vector comes to."""
    accounts = (Account("1234", "S1", key=vectors.K), Account("12345A", "S2"))
    judge = Judge(receiver, Known({account.name: account for account in accounts}), Repeats())
    cuts = [cut for raw in vectors.ALL.values() for cut in Framer().feed(raw) if isinstance(cut, CheckedFrame)]
    return [signal for cut in cuts for signal in judge.judge(cut, at).signals]


def test_what_is_remembered_is_what_decoding_would_give() -> None:
    made = signals("r1", now())
    assert len(made) > 10
    own = OwnSignals("r1", DECODE)
    for signal in made:
        own.put(WRITE(signal), signal)
        remembered = own.decode(WRITE(signal))
        assert remembered is signal
        assert remembered == DECODE(WRITE(signal))


def test_another_process_under_our_id_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    own = OwnSignals("r1", DECODE)
    for signal in (*signals("r2", now() + 1000), *signals("r1", now() - 1000)):  # another's, and of an earlier life
        own.decode(WRITE(signal))
    assert own.foreign == 0
    monkeypatch.setattr(publishing, "_OWN", 1)
    first, second, *others = signals("r1", now() + 1000)
    for signal in (first, second):
        own.put(WRITE(signal), signal)
    own.decode(WRITE(first))  # ours, and forgotten
    assert own.foreign == 0
    for signal in others:
        own.decode(WRITE(signal._replace(received_at=now() + 2000)))
    assert own.foreign == len(others)
