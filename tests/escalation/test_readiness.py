"""What a site's configuration lacks, element by element (procedure.md §2)."""

import pytest

from streams.escalation.readiness import callees, readiness
from streams.escalation.values import Address, Contact, Intervention, Readiness, Site

ANN = Contact("ann", "OWNER", "Ann", "Martin", "+33639980001", "hash")
ADDRESS = Address("1 rue des Lilas", None, "74300", "Cluses", "FR")


def site(*contacts: Contact, address: Address | None = ADDRESS, subscribed: bool = True) -> Site:
    return Site("S1", subscribed, contacts, address, None, Intervention(), None, 0)


def judged(site_: Site) -> Readiness:
    return readiness(site_, 5)


def test_an_owner_with_phone_and_password_and_an_address_are_enough() -> None:
    assert judged(site(ANN)) == Readiness("S1", True, True, False, (), (), 5)


def test_the_red_message_does_not_depend_on_the_subscription_but_the_exclamation_mark_does() -> None:
    assert judged(site(subscribed=False)) == Readiness("S1", False, False, False, ("FIRST_CONTACT",), (), 5)
    assert judged(site()) == Readiness("S1", True, False, True, ("FIRST_CONTACT",), (), 5)


def test_everything_that_is_missing_is_named_in_order() -> None:
    first = ANN._replace(role="MEMBER", phone=None, password_hash=" ")
    assert judged(site(first, address=None)).missing == (
        "FIRST_CONTACT_NOT_OWNER",
        "FIRST_CONTACT_PHONE",
        "FIRST_CONTACT_PASSWORD",
        "POSTAL_ADDRESS",
    )


@pytest.mark.parametrize("phone", ["+3363998", "+336399800010000"[:16], "+1234567"])
def test_a_phone_of_7_to_15_digits_is_one(phone: str) -> None:
    assert judged(site(ANN._replace(phone=phone))).ready


@pytest.mark.parametrize(
    "phone",
    [
        "",
        " ",
        "0639980001",
        "+033639980",
        "+123456",
        "+1234567890123456",
        "+33 639980001",
        "+3363998000a",
        "+a3639980001",
        "+٣٣٦٣٩٩٨٠",
        "+33639980001\n",
    ],
)
def test_anything_else_is_no_phone(phone: str) -> None:
    assert judged(site(ANN._replace(phone=phone))).missing == ("FIRST_CONTACT_PHONE",)


@pytest.mark.parametrize(
    "lack",
    [
        {"line1": ""},
        {"postal_code": "\t"},
        {"city": " "},
        {"country": "F"},
        {"country": "fr"},
        {"country": "FRA"},
        {"country": ""},
        {"country": "ÉÀ"},
    ],
)
def test_an_address_lacks_a_line_a_code_a_city_or_a_country_of_two_capitals(lack: dict[str, str]) -> None:
    assert judged(site(ANN, address=ADDRESS._replace(**lack))).missing == ("POSTAL_ADDRESS",)


def test_codes_are_not_looked_up() -> None:
    assert judged(site(ANN, address=ADDRESS._replace(postal_code="?", country="ZZ"))).ready


def test_later_contacts_warn_by_place_and_do_not_block() -> None:
    bob = Contact("bob", "MEMBER")
    cleo = Contact("cleo", "EXTERNAL", "Cleo", None, "+33639980003", "hash")
    assert judged(site(ANN, bob, cleo)) == Readiness(
        "S1", True, True, False, (), ("CONTACT_2_PHONE", "CONTACT_2_PASSWORD", "CONTACT_3_NAME"), 5
    )


def test_a_contact_with_the_id_of_one_before_is_warned_of_and_called() -> None:
    twin = ANN._replace(role="MEMBER")
    assert judged(site(ANN, twin, twin)).warnings == ("CONTACT_2_ID", "CONTACT_3_ID")
    assert len(callees(site(ANN, twin, twin))) == 3


def test_a_round_calls_the_complete_ones_whatever_their_role() -> None:
    nameless = ANN._replace(contact_id="x", role="EXTERNAL", first_name=None)
    member = ANN._replace(contact_id="m", role="MEMBER", first_name=" ", last_name="Roux")
    unnamed = ANN._replace(contact_id="u", first_name=None, last_name="")
    names = [(callee.contact_id, callee.name) for callee in callees(site(nameless, member, unnamed, ANN))]
    assert names == [("m", "Roux"), ("u", None), ("ann", "Ann Martin")]
