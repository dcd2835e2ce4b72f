"""Single records by their place: a site as it was when a decision was made, an alert, a signal.

A record fetched by its offset counts only if offset and key match; of a site, else the newest.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from edges.desk.deadline import left
from edges.desk.fetchers import Fetchers
from edges.desk.incident import Incident
from edges.desk.site_index import SiteIndex
from edges.kafka.errors import KafkaAwayError
from edges.kafka.producer import CONFIRM_SECONDS
from edges.values import Contact, Site
from schemas.avro.errors import RegistryUnreachable, SchemaNotFound, Undecodable
from schemas.avro.framing import CONFLUENT_SIZE

_KEPT: Final = 2000


class Records:
    """Fetches and decodes; the latest are kept."""

    def __init__(self, fetchers: Fetchers, decoders: dict[str, Callable[[bytes], Any]], sites: SiteIndex) -> None:
        self._fetchers = fetchers
        self._decoders = decoders
        self._sites = sites
        self._kept: OrderedDict[tuple[str, int, int], Any] = OrderedDict()
        self._known: set[tuple[str, bytes]] = set()  # topics and headers whose schema the decoder has
        self._asking: dict[tuple[str, bytes], asyncio.Task[Exception | None]] = {}

    async def at(self, topic: str, partition: int, offset: int, key: str) -> Any:
        """The value at a place; None where there is no record of this key, or it does not decode.

        Raises `KafkaAwayError`, also where the schema registry is needed and does not answer.
        """
        place = (topic, partition, offset)
        if place in self._kept:
            self._kept.move_to_end(place)
            kept_key, value = self._kept[place]
            return value if kept_key == key else None
        seconds = left(CONFIRM_SECONDS)
        if not seconds:
            raise KafkaAwayError("there is no time left to ask")
        data = await self._fetchers.fetch(topic, partition, offset, key, seconds)
        if data is None:
            return None
        try:
            await self.learn(topic, data)
            value = self._decoders[topic](data)
        except Undecodable:
            return None
        self._kept[place] = (key, value)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return value

    async def learn(self, topic: str, data: bytes) -> None:
        """Have the schema behind a record's header known, so that it decodes without waiting.

        A registry that is away takes its time-out: it is asked in a thread, once for all who wait for the same header.
        Raises `KafkaAwayError` where it does not say in time, `SchemaNotFound`.
        """
        header = topic, data[:CONFLUENT_SIZE]  # all of a registry's; for any other it is not asked
        if header in self._known:
            return
        asking = self._asking.get(header)
        if asking is None:
            asking = self._asking[header] = asyncio.create_task(self._ask(header, data))
        await asyncio.wait({asking}, timeout=left(CONFIRM_SECONDS))
        failure = asking.result() if asking.done() else None
        if isinstance(failure, SchemaNotFound):
            raise failure
        if header not in self._known:
            raise KafkaAwayError("the schema registry does not say how to read a record") from failure

    async def _ask(self, header: tuple[str, bytes], data: bytes) -> Exception | None:
        try:
            await asyncio.to_thread(self._decoders[header[0]], data)
        except (RegistryUnreachable, SchemaNotFound) as error:
            return error
        except Undecodable:
            pass  # that is wrong with this record alone
        finally:
            del self._asking[header]
        self._known.add(header)
        return None

    async def site(self, site_id: str) -> Site | None:
        """A site's record in force. Raises `KafkaAwayError`."""
        place = await asyncio.to_thread(self._sites.place, site_id)
        if place is None:
            return None
        site: Site | None = await self.at("sites", place.partition, place.offset, site_id)
        return site

    async def site_of(self, incident: Incident) -> Site | None:
        """The site by the newest record that the incident's decisions named, else the one in force."""
        for offset in reversed(incident.site_offsets):
            site: Site | None = await self.at("sites", incident.partition, offset, incident.site_id)
            if site is not None:
                return site
        return await self.site(incident.site_id)

    async def contact(
        self, incident: Incident | None, site_id: str, contact_id: str, phone: str | None = None
    ) -> Contact | None:
        """A contact, by the newest record named by the incident's decisions that has it, else by the one in force.

        Of several contacts with one id it is the one with this number.
        """
        if incident is not None:
            for offset in reversed(incident.site_offsets):
                found = _pick(await self.at("sites", incident.partition, offset, site_id), contact_id, phone)
                if found is not None:
                    return found
        return _pick(await self.site(site_id), contact_id, phone)


def _pick(site: Site | None, contact_id: str, phone: str | None) -> Contact | None:
    if site is None:
        return None
    of_id = [contact for contact in site.contacts if contact.contact_id == contact_id]
    return next((contact for contact in of_id if contact.phone == phone), of_id[0] if of_id else None)
