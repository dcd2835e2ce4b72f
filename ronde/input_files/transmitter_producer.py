"""Loads the transmitters of a file into their topic, each acknowledged by the broker (contracts.md, Topics)."""

from __future__ import annotations

from edges.receiver.settings import wrapping_key_of
from edges.receiver.wrapping import Wrapping
from ronde.input_files.input_producer import InputProducer, TooLargeError
from ronde.input_files.transmitter_lines import TransmitterLines, Wrap
from ronde.shared.errors import WrongUse
from ronde.shared.whole_settings import WholeSettings


def wrap_of(settings: WholeSettings) -> Wrap | None:
    """Return what encrypts keys under `receiver.wrapping_key`; None where that is not set."""
    key = settings.receiver.wrapping_key
    return None if key is None else Wrapping(wrapping_key_of(key)).wrap


def load(lines: TransmitterLines, settings: WholeSettings) -> int:
    """Send the good lines; how many the broker has. Raises `Failed`, and `WrongUse` where the file ends too early."""
    producer = InputProducer(settings, "transmitters")
    end: WrongUse | None = None
    try:
        for line, transmitter in lines.good():
            try:
                producer.send(transmitter.account, transmitter)
            except TooLargeError as error:
                lines.refuse(line, "TOO_LONG", str(error))
            if producer.refused:
                break
    except WrongUse as error:
        end = error
    producer.finish()
    if end is not None:
        raise WrongUse(
            f"{end}. {producer.sent:,} transmitters before it were loaded and {len(lines.bad):,} bad lines left out; "
            "what comes behind it was not read: correct it and run this again, what is there already is only replaced"
        )
    return producer.sent
