"""Changes of a site's configuration, without database or HTTP."""

from __future__ import annotations

from typing import Any, Final

import pytest

from edges.portal import changes
from edges.portal.changes import ContactForm, Fault, Refused
from edges.portal.configuration import Configuration, Person, shown
from edges.portal.core import Address, Contact, Intervention, Site
from streams.escalation.names import Role
from tests.support.times import START

ANN: Final = Person("ann", "OWNER", "Ann", "Martin", "ann@example.org")
BOB: Final = Person("bob", "MEMBER", "Bob", "Martin")
EVE: Final = Person("eve", "OWNER", "Eve", "Martin")
HOME: Final = Address("1 rue des Lilas", None, "74300", "Cluses", "FR")


def site(*people: Person) -> Configuration:
    return changes.revised(None, changes.created("S1", "Home", people or (ANN, BOB, EVE), ()), START)


def form(kind: str = "OWNER", person_id: str | None = "ann", **fields: Any) -> ContactForm:
    values: dict[str, Any] = {
        "first_name": None,
        "last_name": None,
        "phone": "+33639980001",
        "language": None,
        "password_hash": "$p",
        "duress_hash": None,
    }
    return ContactForm(kind, person_id, **{**values, **fields})  # type: ignore[arg-type]


def missing(configuration: Configuration) -> tuple[str, ...]:
    return configuration.readiness(START).missing


def test_a_new_site_is_not_subscribed_and_lacks_contact_and_address() -> None:
    new = site()
    assert (new.revision, new.subscribed, missing(new)) == (1, False, ("FIRST_CONTACT", "POSTAL_ADDRESS"))


def test_each_missing_element_goes_when_it_is_filled_in() -> None:
    step = changes.with_first_contact(site(), form(password_hash=None))
    assert missing(step) == ("FIRST_CONTACT_PASSWORD", "POSTAL_ADDRESS")
    step = changes.with_first_contact(step, form())
    assert missing(step) == ("POSTAL_ADDRESS",)
    step = changes.with_address(step, HOME)
    assert missing(step) == ()
    assert not step.readiness(START).ready
    assert changes.with_subscription(step, subscribed=True).readiness(START).ready


def test_a_person_more_than_a_site_may_have_is_refused_and_another_one_replaced() -> None:
    full = site(*(Person(f"p{number}", "MEMBER", "Pia", "Roy") for number in range(changes.MOST_PEOPLE)))
    with pytest.raises(Refused) as refused:
        changes.with_person(full, ANN)
    assert (refused.value.fault, refused.value.field) == (Fault.INVALID, "person_id")
    assert changes.with_person(full, ANN._replace(person_id="p7")).person("p7") is not None
    one_less = changes.without_person(full, "p7")
    assert changes.with_person(one_less, ANN).person("ann") == ANN


@pytest.mark.parametrize("person_id", ["bob", "nobody"])
def test_the_first_contact_is_an_owner(person_id: str) -> None:
    with pytest.raises(Refused) as refused:
        changes.with_first_contact(site(), form(person_id=person_id))
    assert (refused.value.fault, refused.value.field) == (Fault.NOT_AN_OWNER, "person_id")


def test_words_stay_where_they_are_left_out_and_the_person_stays() -> None:
    before = changes.with_first_contact(site(), form(duress_hash="$d"))
    same = changes.with_first_contact(before, form(phone="+33639980002", password_hash=None))
    assert same.first is not None
    assert (same.first.phone, same.first.password_hash, same.first.duress_hash) == ("+33639980002", "$p", "$d")
    other = changes.with_first_contact(before, form(person_id="eve", password_hash=None))
    assert other.first is not None
    assert (other.first.password_hash, other.first.duress_hash) == (None, None)


def test_the_second_contact_four_ways() -> None:
    before = changes.with_first_contact(site(), form())
    owner = changes.with_second_contact(before, form(person_id="eve"))
    member = changes.with_second_contact(owner, form("MEMBER", "bob"))
    outside = changes.with_second_contact(member, form("EXTERNAL", None, first_name="Zoe", last_name="Roy"))
    for step, contact_id in ((owner, "eve"), (member, "bob"), (outside, "external-2")):
        assert step.second is not None
        assert step.second.contact_id == contact_id
        assert step.record().contacts == (step.first, step.second)
    assert changes.with_second_contact(outside, None).record().contacts == (before.first,)


def test_a_member_is_no_owner_and_an_owner_no_member() -> None:
    before = changes.with_first_contact(site(), form())
    with pytest.raises(Refused) as refused:
        changes.with_second_contact(before, form("OWNER", "bob"))
    assert refused.value.fault is Fault.NOT_AN_OWNER
    with pytest.raises(Refused) as refused:
        changes.with_second_contact(before, form("MEMBER", "eve"))
    assert refused.value.fault is Fault.NOT_A_MEMBER


def test_who_is_both_contacts_is_warned_of() -> None:
    """As where the second contact becomes the first one, before another takes their place."""
    ann = form(phone="+33639980002")
    second = changes.with_second_contact(changes.with_first_contact(site(), form()), ann)
    first = changes.with_first_contact(changes.with_second_contact(site(), ann), form())
    for both in (second, first):
        assert [(contact.contact_id, contact.phone) for contact in both.contacts] == [
            ("ann", "+33639980001"),
            ("ann", "+33639980002"),
        ]
        assert both.readiness(START).warnings == ("CONTACT_2_ID",)
    assert changes.with_second_contact(first, form(person_id="eve")).readiness(START).warnings == ()


def test_an_external_contact_has_a_new_id_with_each_new_name() -> None:
    zoe = form("EXTERNAL", None, first_name="Zoe", last_name="Roy")
    first = changes.revised(site(), changes.with_second_contact(site(), zoe), START)
    assert first.second is not None
    again = changes.with_second_contact(first, zoe._replace(password_hash=None, phone="+33639980003"))
    assert again.second is not None
    assert (again.second.contact_id, again.second.password_hash) == (first.second.contact_id, "$p")
    # An import has names as they came: with what is not seen.
    came = first._replace(second=first.second._replace(first_name="Zoe\u200b ", last_name="\u2060Roy"))
    stays = changes.with_second_contact(came, zoe._replace(password_hash=None)).second
    assert stays is not None
    assert (stays.contact_id, stays.password_hash, stays.first_name) == (first.second.contact_id, "$p", "Zoe")
    other = changes.with_second_contact(first, zoe._replace(last_name="Rey", password_hash=None))
    assert other.second is not None
    assert other.second.contact_id != first.second.contact_id
    assert other.second.password_hash is None


def test_without_a_first_contact_no_other_becomes_the_first() -> None:
    only = changes.with_second_contact(site(), form(person_id="eve"))
    assert only.record().contacts == ()
    assert "FIRST_CONTACT" in missing(only)


def test_a_contact_follows_its_person() -> None:
    before = changes.with_first_contact(site(), form())
    renamed = changes.with_person(before, ANN._replace(role="MEMBER", last_name="Roy"))
    assert renamed.first is not None
    assert (renamed.first.role, renamed.first.last_name, renamed.first.password_hash) == ("MEMBER", "Roy", "$p")
    assert missing(renamed)[0] == "FIRST_CONTACT_NOT_OWNER"


def test_a_contact_cannot_be_removed_others_can() -> None:
    before = changes.with_first_contact(site(), form())
    with pytest.raises(Refused) as refused:
        changes.without_person(before, "ann")
    assert refused.value.fault is Fault.IS_A_CONTACT
    assert changes.without_person(before, "bob").people == (ANN, EVE)


def test_an_account_is_one_person_of_a_site() -> None:
    with pytest.raises(Refused) as refused:
        changes.with_person(site(), BOB._replace(login="ann@example.org"))
    assert refused.value.field == "login"
    with pytest.raises(Refused) as refused:
        site(ANN, ANN._replace(login=None))
    assert refused.value.field == "people.1.person_id"


@pytest.mark.parametrize(
    ("ahead", "is_taken"), [(1, True), (24 * 3_600_000, True), (24 * 3_600_001, False), (0, False)]
)
def test_on_test_for_a_day_at_most(ahead: int, is_taken: bool) -> None:
    if is_taken:
        assert changes.with_test_until(site(), START + ahead, START).test_until == START + ahead
    else:
        with pytest.raises(Refused):
            changes.with_test_until(site(), START + ahead, START)


def test_third_and_later_contacts_of_an_imported_site_are_kept() -> None:
    roles: tuple[Role, ...] = ("OWNER", "MEMBER", "EXTERNAL", "OWNER")
    contacts = tuple(
        Contact(f"c{n}", role, f"N{n}", "X", f"+3363998000{n}", f"$p{n}", f"$d{n}", "fr")
        for n, role in enumerate(roles, start=1)
    )
    record = Site("S1", True, contacts, HOME, "dog", Intervention(True, ("P1",)), None, START)
    taken = changes.revised(None, changes.imported(record, None), START)
    assert taken.record() == record
    assert [person.person_id for person in taken.people] == ["c1", "c2", "c4"]
    changed = changes.with_second_contact(taken, None)
    assert changed.record().contacts == (contacts[0], *contacts[2:])


def test_who_is_a_third_contact_is_removed_after_an_import_without_it() -> None:
    """No other way leads there (docs/portal.md, Leaving)."""
    contacts = tuple(Contact(f"c{n}", "OWNER", f"N{n}", "X", f"+3363998000{n}", "$p") for n in (1, 2, 3))
    record = Site("S1", True, contacts, HOME, None, Intervention(), None, START)
    taken = changes.revised(None, changes.imported(record, None), START)
    with pytest.raises(Refused) as refused:
        changes.without_person(taken, "c3")
    assert refused.value.fault is Fault.IS_A_CONTACT
    again = changes.imported(record._replace(contacts=contacts[:2]), taken)
    assert [person.person_id for person in changes.without_person(again, "c3").people] == ["c1", "c2"]


def test_each_revision_is_later_than_the_one_before() -> None:
    first = site()
    second = changes.revised(first, first, START - 5000)
    assert (second.revision, second.updated_at) == (2, START + 1)


def test_what_is_shown_holds_no_hash() -> None:
    step = changes.with_first_contact(site(), form(duress_hash="$d"))
    assert "$" not in str(shown(step))
    assert shown(step)["first-contact"]["has_password"]
