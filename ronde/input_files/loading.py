"""Loads a file's sites or transmitters into their topic, each acknowledged by the broker (contracts.md, Topics)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ronde.input_files.input_producer import InputProducer, TooLargeError
from ronde.shared.errors import WrongUse
from streams.escalation.values import Site

if TYPE_CHECKING:
    from ronde.input_files.site_lines import SiteLines
    from ronde.input_files.transmitter_lines import TransmitterLines  # heavy: cryptography, which sites do without
    from streams.settings import Settings


def load(lines: SiteLines | TransmitterLines, settings: Settings, topic: Literal["sites", "transmitters"]) -> int:
    """Send the good lines to the topic; return how many the broker has acknowledged.

    A value too large for a record of the topic becomes a bad line. Raises `Failed` when the topic is
    missing, or the broker or the schema registry cannot be reached or refuses; `WrongUse`, with the number of values
    that the broker has, where the file cannot be read to its end.
    """
    producer = InputProducer(settings, topic)
    end: WrongUse | None = None  # what the file ends by, before its end
    try:
        for line, value in lines.good():
            try:
                producer.send(value.site_id if isinstance(value, Site) else value.account, value)
            except TooLargeError as error:
                lines.refuse(line, "TOO_LONG", str(error))
                continue
            if producer.refused:
                break
    except WrongUse as error:
        end = error
    producer.finish()
    if end is not None:
        raise cut_short(end, producer.sent, len(lines.bad), topic)
    return producer.sent


def cut_short(end: WrongUse, loaded: int, bad: int, what: str) -> WrongUse:
    """The error of a file that ends before its ``end``, what stands above it being loaded."""
    return WrongUse(
        f"{end}. {loaded:,} {what} before it were loaded and {bad:,} bad lines left out; what "
        "comes behind it was not read: correct it and run this again, what is there already is only replaced"
    )
