"""Loads the sites of a file into their topic, each acknowledged by the broker (contracts.md, Topics)."""

from ronde.input_files.input_producer import InputProducer, TooLargeError
from ronde.input_files.site_lines import SiteLines
from ronde.shared.errors import WrongUse
from streams.settings import Settings


def load(sites: SiteLines, settings: Settings) -> int:
    """Send the good lines to the sites topic; return how many the broker has acknowledged.

    A site too large for a record of the topic becomes a bad line. Raises `Failed` when the topic is
    missing, or the broker or the schema registry cannot be reached or refuses; `WrongUse`, with the number of sites
    that the broker has, where the file cannot be read to its end.
    """
    producer = InputProducer(settings, "sites")
    end: WrongUse | None = None  # what the file ends by, before its end
    try:
        for line, site in sites.good():
            try:
                producer.send(site.site_id, site)
            except TooLargeError as error:
                sites.refuse(line, "TOO_LONG", str(error))
                continue
            if producer.refused:
                break
    except WrongUse as error:
        end = error
    producer.finish()
    if end is not None:
        raise WrongUse(
            f"{end}. {producer.sent:,} sites before it were loaded and {len(sites.bad):,} bad lines left out; what "
            "comes behind it was not read: correct it and run this again, what is there already is only replaced"
        )
    return producer.sent
