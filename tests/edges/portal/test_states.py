"""What pages claim: each missing element by a sentence; that alerts go through, only when the engine says so too."""

from __future__ import annotations

from typing import Final

import pytest

from edges.portal import changes
from edges.portal.configuration import Configuration
from edges.portal.core import Contact, Intervention, Site
from edges.portal.engine import EngineVerdict, EngineView
from edges.portal.rows import Stored
from edges.portal.sentences import MISSING, missing_sentence, warning_sentence
from edges.portal.states import goes_through, service_state
from tests.edges.portal.test_changes import HOME
from tests.support.times import START

ANN: Final = Contact("ann", "OWNER", "Ann", "Martin", "+33639980001", "$p")
LACKS: Final[dict[str, Contact | None]] = {
    "FIRST_CONTACT": None,
    "FIRST_CONTACT_NOT_OWNER": ANN._replace(role="MEMBER"),
    "FIRST_CONTACT_PHONE": ANN._replace(phone=None),
    "FIRST_CONTACT_PASSWORD": ANN._replace(password_hash=None),
    "POSTAL_ADDRESS": ANN,
}


def site(first: Contact | None = ANN, *, has_address: bool = True) -> Configuration:
    contacts = () if first is None else (first,)
    record = Site("S1", True, contacts, HOME if has_address else None, None, Intervention(), None, START)
    return changes.revised(None, changes.imported(record, None), START)


def kept(configuration: Configuration, published_at: int | None = START) -> Stored:
    return Stored(configuration, is_deleted=False, published_at=published_at, last_by="ann", last_request=b"")


@pytest.mark.parametrize("code", MISSING)
def test_each_missing_element_alone_has_its_sentence(code: str) -> None:
    configuration = site(LACKS[code], has_address=code != "POSTAL_ADDRESS")
    state = service_state(kept(configuration), None, START)
    assert (state.missing, state.needs_attention) == ([code], True)
    assert missing_sentence(code, str) == MISSING[code]


def test_every_code_of_the_engine_has_a_sentence() -> None:
    assert set(LACKS) == set(MISSING)
    second = Contact("bob", "EXTERNAL")
    incomplete = site()._replace(second=second, further=(second,))
    for code in incomplete.readiness(START).warnings:
        assert warning_sentence(code, str) != code


def engine(at: int = START, *missing: str) -> EngineVerdict:
    return EngineVerdict(ready=not missing, missing=missing, at=at)


def test_alerts_go_through_only_when_the_engine_has_judged_this_very_revision() -> None:
    whole = kept(site())
    assert goes_through(whole, engine(), START)
    assert goes_through(whole, engine(START + 1), START)
    assert not goes_through(whole, None, START)
    assert not goes_through(whole, engine(START - 1), START)  # of the record before
    assert not goes_through(whole, engine(START, "POSTAL_ADDRESS"), START)  # it differs from us
    assert not goes_through(kept(site(), published_at=None), engine(), START)  # not passed on
    lacking = kept(site(has_address=False))
    assert not goes_through(lacking, engine(START, "POSTAL_ADDRESS"), START)
    cancelled = kept(changes.with_subscription(site(), subscribed=False))
    assert not goes_through(cancelled, engine(), START)
    on_test = kept(changes.with_test_until(site(), START + 1000, START))
    assert not goes_through(on_test, engine(), START)
    assert goes_through(on_test, engine(), START + 1000)


def test_a_test_that_is_over_is_not_shown() -> None:
    configuration = changes.with_test_until(site(), START + 1000, START)
    assert service_state(kept(configuration), None, START).test_until == START + 1000
    assert service_state(kept(configuration), None, START + 1000).test_until is None


def test_the_engine_says_nothing_of_a_site_of_which_the_view_is_old() -> None:
    ages = {"S1": 0.0, "S2": 5.1}
    view = EngineView(ages.__getitem__)
    view._sites |= {"S1": engine(), "S2": engine()}
    assert (view.get("S1"), view.get("S2")) == (engine(), None)
    ages = ages | {"S1": 5.1}
    view.age = ages.__getitem__
    assert view.get("S1") is None
