"""Configured sites, ready to be protected: what the worker must look up before it calls anybody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from schemas import load
from schemas.avro.framing import single_object
from schemas.avro.generated import writer
from streams.escalation.values import Address, Contact, Intervention, Site

# As long as argon2 makes them; nobody checks a password here.
_HASH: Final = "$argon2id$v=19$m=65536,t=3,p=4$zFUIMQiSvRcrCjF+s5+toQ$Q3T460qqmajy4rNOdGDV5G6YymmDS0AkLJrpEUWpX4s"
_CONTACTS: Final = (
    Contact("ann", "OWNER", "Ann", "Marin", "+33600000001", _HASH, _HASH, "fr"),
    Contact("bob", "MEMBER", "Bob", "Marin", "+33600000002", _HASH, None, "fr"),
)
PARTNER: Final = "vigie-ouest"
_ADDRESS: Final = Address("14 rue des Tanneurs", None, "35000", "Rennes", "FR")
_INTERVENTION: Final = Intervention(enabled=True, partners=(PARTNER, "garde-alpes"))
_UPDATED_AT: Final = 1_767_225_600_000

_encode = writer(load("Site"), single_object(load("Site")))


def site(site_id: str) -> Site:
    """A site with two contacts, an address, instructions and two partners."""
    return Site(site_id, True, _CONTACTS, _ADDRESS, "Mind the dog.", _INTERVENTION, None, _UPDATED_AT)


def records(site_ids: Iterable[str]) -> Iterator[tuple[bytes, bytes]]:
    """Their records on the topic ``sites``: key and value, about half a kilobyte each."""
    return ((site_id.encode(), _encode(site(site_id))) for site_id in site_ids)
