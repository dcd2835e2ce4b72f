"""Whether a site is configured well enough to be protected, and whom to call (procedure.md §2, §3)."""

from streams.escalation.state import Callee
from streams.escalation.values import Address, Contact, Instant, Readiness, Site


def is_empty(text: str | None) -> bool:
    """Absent, ``""`` or only white space (procedure.md §2)."""
    return not text or text.isspace()


def missing(site: Site) -> tuple[str, ...]:
    """Return what keeps the site from being ready, in the order of the red message; subscribed or not."""
    elements: list[str] = []
    if not site.contacts:
        elements.append("FIRST_CONTACT")
    else:
        first = site.contacts[0]
        if first.role != "OWNER":
            elements.append("FIRST_CONTACT_NOT_OWNER")
        if not _has_phone(first):
            elements.append("FIRST_CONTACT_PHONE")
        if is_empty(first.password_hash):
            elements.append("FIRST_CONTACT_PASSWORD")
    if not _is_postal(site.address):
        elements.append("POSTAL_ADDRESS")
    return tuple(elements)


def warnings(site: Site) -> tuple[str, ...]:
    """Return what keeps a later contact from being called or told apart from an earlier one; it does not block."""
    elements: list[str] = []
    known = {contact.contact_id for contact in site.contacts[:1]}
    for place, contact in enumerate(site.contacts[1:], start=2):
        if not _has_phone(contact):
            elements.append(f"CONTACT_{place}_PHONE")
        if is_empty(contact.password_hash):
            elements.append(f"CONTACT_{place}_PASSWORD")
        if not _is_named(contact):
            elements.append(f"CONTACT_{place}_NAME")
        if contact.contact_id in known:
            elements.append(f"CONTACT_{place}_ID")
        known.add(contact.contact_id)
    return tuple(elements)


def readiness(site: Site, now: Instant) -> Readiness:
    """Return the exclamation mark (``needs_attention``) and the red message (``missing``) of a site."""
    elements = missing(site)
    return Readiness(
        site_id=site.site_id,
        subscribed=site.subscribed,
        ready=site.subscribed and not elements,
        needs_attention=site.subscribed and bool(elements),
        missing=elements,
        warnings=warnings(site),
        at=now,
    )


def callees(site: Site) -> tuple[Callee, ...]:
    """Return the contacts that a round calls, in order: the complete ones, in any role."""
    return tuple(
        Callee(contact.contact_id, _full_name(contact), contact.phone, contact.language)
        for contact in site.contacts
        if _has_phone(contact) and not is_empty(contact.password_hash) and _is_named(contact)
    )


def _has_phone(contact: Contact) -> bool:
    """``+`` and 7 to 15 ASCII digits, the first not 0."""
    phone = contact.phone
    return (
        phone is not None
        and 8 <= len(phone) <= 16
        and phone.isascii()
        and phone[0] == "+"
        and phone[1] != "0"
        and phone[1:].isdecimal()
    )


def _is_named(contact: Contact) -> bool:
    """Whether a contact has the names it needs: only an EXTERNAL needs both, as the app knows its own users."""
    return contact.role != "EXTERNAL" or not (is_empty(contact.first_name) or is_empty(contact.last_name))


def _is_postal(address: Address | None) -> bool:
    return (
        address is not None
        and not (is_empty(address.line1) or is_empty(address.postal_code) or is_empty(address.city))
        and _is_country(address.country)
    )


def _is_country(code: str) -> bool:
    """Two ASCII capitals."""
    return len(code) == 2 and code.isascii() and code.isalpha() and code.isupper()


def _full_name(contact: Contact) -> str | None:
    return " ".join([name for name in (contact.first_name, contact.last_name) if name and not name.isspace()]) or None
