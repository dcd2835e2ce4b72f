"""Sites by number, name and id."""

from __future__ import annotations

import pytest

from edges.desk.site_index import SiteIndex, SitePlace, is_of
from edges.values import Contact, Intervention, Site


def site(site_id: str, *people: tuple[str, str, str]) -> Site:
    contacts = tuple(
        Contact(f"{site_id}-{place}", "OWNER", first, last, phone, "x", None, None)
        for place, (first, last, phone) in enumerate(people)
    )
    return Site(site_id, True, contacts, None, None, Intervention(True, ()), None, 0)


SITES = {
    "lilas-1": site("lilas-1", ("Hélène", "de La Tour", "+33639980001"), ("Bob", "Durand", "+33639980002")),
    "lilas-2": site("lilas-2", ("Hélène", "Martin", "+33639980003")),
    "A/12": site("A/12", ("Zoë", "Martin-Durand", "+4179555")),
}


@pytest.fixture
def index() -> SiteIndex:
    made = SiteIndex()
    made.take((key, 0, offset, value) for offset, (key, value) in enumerate(SITES.items()))
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lilas-1", ["lilas-1"]),
        ("lilas", ["lilas-1", "lilas-2"]),
        ("+33 6 39 98 00 01", ["lilas-1"]),
        ("06.39.98.00.02", ["lilas-1"]),
        ("0033639980003", ["lilas-2"]),
        ("06-39-98-00-03", ["lilas-2"]),
        ("+41 79 555", ["A/12"]),
        ("+33 (0)6 39 98 00 01", ["lilas-1"]),
        ("+33 (0) 639 98 00 01", ["lilas-1"]),
        ("011 33 6 39 98 00 01", ["lilas-1"]),
        ("06\u00a039\u202f98\u00a000\u00a001", ["lilas-1"]),
        ("\u202a+33 6 39 98 00 01\u202c", ["lilas-1"]),
        ("\uff10639980001", ["lilas-1"]),
        ("tel:+33-6-39-98-00-01", ["lilas-1"]),
        ("39 98 00 01", ["lilas-1"]),
        ("980001", ["lilas-1"]),
        ("179555", ["A/12"]),
        ("helene", ["lilas-1", "lilas-2"]),
        ("MARTIN hél", ["lilas-2"]),
        ("la tour", ["lilas-1"]),
        ("durand", ["A/12", "lilas-1"]),
        ("zoe", ["A/12"]),
        ("0639980009", []),
        ("nobody", []),
        ("", []),
        (" ", []),
        ("%", []),
    ],
)
def test_a_site_is_found_by_its_id_a_name_or_a_number_as_typed(
    index: SiteIndex, text: str, expected: list[str]
) -> None:
    assert sorted(place.site_id for place in index.find(text)) == expected
    assert all(is_of(SITES[site_id], text) for site_id in expected)


@pytest.mark.parametrize("common", [2, 5000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O'Brien", ["S1"]),
        ("o\u2019brien", ["S1"]),
        ("d'Estaing", ["S2"]),
        ("Jean P. Martin", ["S3"]),
        ("J. Martin", ["S3", "S4"]),
        ("martin x", []),
        ("李", ["S5"]),
        ("p", ["S3"]),
        ("j. p.", []),
        ("0000 000", []),
    ],
)
def test_names_with_a_part_of_one_letter(
    monkeypatch: pytest.MonkeyPatch, text: str, common: int, expected: list[str]
) -> None:
    monkeypatch.setattr("edges.desk.site_index._COMMON", common)
    names = (
        ("Ann", "O'Brien"), ("Valéry", "d'Estaing"), ("Jean P.", "Martin"), ("Julie", "Martin"), ("小龙", "李"),
        ("Eve", "Brienne"), ("Ann", "Petit"),
    )  # fmt: skip
    sites = {f"S{number}": site(f"S{number}", (*name, "unknown")) for number, name in enumerate(names, 1)}
    made = SiteIndex()
    made.take((key, 0, offset, value) for offset, (key, value) in enumerate(sites.items()))
    assert [place.site_id for place in made.find(text) if is_of(sites[place.site_id], text)] == expected


@pytest.mark.parametrize("common", [20, 5000])
def test_some_come_first_however_many_there_are(monkeypatch: pytest.MonkeyPatch, common: int) -> None:
    monkeypatch.setattr("edges.desk.site_index._COMMON", common)
    made = SiteIndex()
    made.take(
        (f"S{number:02}", 0, number, site(f"S{number:02}", ("Ann", "Martin", f"+336399801{number:02}")))
        for number in range(70)
    )
    first = {"S68", "S69", "gone"}
    for text in ("martin", "S", "ann martin"):
        found = [place.site_id for place in made.find(text, first=first)]
        assert found[:3] == ["S68", "S69", "S00"]
        assert len(found) <= 50
    assert [place.site_id for place in made.find("S01", first=first)] == ["S01"]


def test_the_record_in_force(index: SiteIndex) -> None:
    assert index.place("lilas-2") == SitePlace("lilas-2", 0, 1)
    index.take([("lilas-2", 0, 9, site("lilas-2", ("Anna", "Petit", "+33639980004")))])
    assert index.place("lilas-2") == SitePlace("lilas-2", 0, 9)
    assert [place.site_id for place in index.find("petit")] == ["lilas-2"]
    stale = index.find("martin")
    assert SitePlace("lilas-2", 0, 9) in stale
    assert not is_of(site("lilas-2", ("Anna", "Petit", "+33639980004")), "martin")


def test_a_deleted_site_is_not_found(index: SiteIndex) -> None:
    index.take([("lilas-1", 0, 9, None)])
    assert index.place("lilas-1") is None
    assert index.find("lilas-1") == []
    assert [place.site_id for place in index.find("durand")] == ["A/12"]
    assert len(index) == 2


def test_another_number_with_the_same_end_is_not_the_one() -> None:
    assert not is_of(site("S", ("A", "B", "+33139980001")), "0639980001")
    assert not is_of(site("S", ("A", "B", "+33139980001")), "+33639980001")
