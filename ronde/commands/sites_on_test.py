"""`ronde sites test`: a site put on test, or taken off it (procedure.md §1, Quarantine)."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from ronde.commands.sites_show import SiteArgument
from ronde.input_files.input_producer import InputProducer
from ronde.shared.errors import Failed, WrongUse
from ronde.shared.finding import SiteInForce, newer, site_in_force
from ronde.shared.foreign_fields import foreign_fields
from ronde.shared.settings import JsonOption, SettingsOption, in_force
from ronde.shared.terminal import print_value, say
from ronde.shared.times import duration, instant
from ronde.shared.topic_reading import opened, recorded
from service import rfc3339
from service.clock import now_ms
from streams.kafka.reading import Logs, Span
from streams.settings import Settings

_ATTEMPTS: Final = 5


def put_on_test(
    site: SiteArgument,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Until this instant (RFC 3339).")] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="For so long from now: 30m, 2h, 1d.")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Take it off test now.")] = False,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a site on test: its alerts open nothing until then, and are quarantined (ON_TEST).

    An incident that is open goes on, and takes its alerts. Everything else in the site's record stays as it is.
    """
    test_until = _until(until, for_, is_end=end)
    effective = in_force(settings)
    with opened(effective, "looking for the site", ["sites"], "sites") as (logs, _):
        place = _put(logs, effective, site, test_until)
    written = None if test_until is None else rfc3339.write(test_until)
    if as_json:
        print_value({"site_id": site, "test_until": written, "record": place})
    elif written is None:
        say(f"{site} is off test, by {place}")
    else:
        say(
            f"{site} is on test until {written}, by {place}: its alerts open nothing until then. It ends before by "
            f"`ronde sites test {site} --end`, or by the next record that the app or CRM writes of it"
        )


def _until(until: str | None, for_: str | None, *, is_end: bool) -> int | None:
    """Return the requested instant, in milliseconds; None: off test. Raises `WrongUse`."""
    if (until is not None) + (for_ is not None) + is_end != 1:
        raise WrongUse("say how long: --until TIME or --for 2h; or --end")
    if is_end:
        return None
    now = now_ms()
    if for_ is not None:
        return now + duration("--for", for_)
    end = instant("--until", until or "")
    if end <= now:
        raise WrongUse(f"--until: {until} is over")
    return end


def _put(logs: Logs, settings: Settings, site_id: str, test_until: int | None) -> str:
    """Write the record in force with another `test_until`; return its place.

    A record that the app or CRM writes at the same time must not be lost under this one: that record is then written
    again, with this `test_until`.
    """
    places: list[tuple[int, int]] = []
    decoded = recorded(settings)
    known: SiteInForce | None = site_in_force(logs, decoded, site_id)
    producer = InputProducer(settings, "sites", lambda _, *place: places.append(place))
    for _ in range(_ATTEMPTS):
        assert known is not None
        _keep_whole(settings, known)
        _see_all(logs, settings, known)
        producer.send(site_id, known.site._replace(test_until=test_until))
        producer.finish()
        number, offset = places[-1]
        latest = newer(logs, decoded, site_id, known, Span("sites", number, known.read_to, offset))
        if latest is None:
            producer.send(site_id, None)
            producer.finish()
            raise Failed(f"site {site_id} was deleted meanwhile: it stays deleted")
        if latest.record.offset == known.record.offset:
            return f"sites-{number}-{offset}"
        known = latest._replace(read_to=offset + 1)
    raise Failed(f"site {site_id} is written again and again by the app or CRM: see `ronde sites show {site_id}`")


def _see_all(logs: Logs, settings: Settings, known: SiteInForce) -> None:
    """Raise `Failed` behind an open transaction: the write would replace a newer record of the site in it."""
    home = ("sites", known.record.partition)
    if logs.offsets.last_stable([home])[home] < logs.offsets.high_watermarks([home])[home]:
        raise Failed(
            f"a transaction is open on {settings.topic('sites')}, partition {known.record.partition}, and may hold a "
            f"newer record of site {known.site.site_id}: nothing was written; try again once it has ended"
        )


def _keep_whole(settings: Settings, known: SiteInForce) -> None:
    """Raise `Failed` for a record of a schema with more fields: writing it again would lose them."""
    foreign = foreign_fields(settings, "Site", known.record.value or b"")
    if foreign:
        raise Failed(
            f"the record of site {known.site.site_id} has fields that this version does not know and would lose "
            f"({', '.join(foreign)}): have the app or CRM set test_until"
        )
