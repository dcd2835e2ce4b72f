"""Loads the sites of a file into their topic, each acknowledged by the broker (contracts.md, Topics)."""

from ronde.input_producer import InputProducer, TooLargeError
from ronde.site_lines import SiteLines
from streams.settings import Settings


def load(sites: SiteLines, settings: Settings) -> int:
    """Send the good lines to the sites topic; how many the broker has when this returns.

    A site that a record of the topic has no room for becomes a bad line. Raises `Failed` when the topic is
    missing, or the broker or the schema registry cannot be reached or refuses.
    """
    producer = InputProducer(settings, "sites")
    for line, site in sites.good():
        try:
            producer.send(site.site_id, site)
        except TooLargeError as error:
            sites.refuse(line, "TOO_LONG", str(error))
            continue
        if producer.refused:
            break
    producer.finish()
    return producer.sent
