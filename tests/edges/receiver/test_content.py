"""What a frame's data tell: events, zones, users, texts, times."""

from __future__ import annotations

import re
import time
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edges.receiver import frame
from edges.receiver.content import Content, Event, Qualifier, content_of
from tests.edges.receiver import vectors


def read(raw: bytes) -> Content:
    header = frame.header_of(raw[9:-1])
    return content_of(header.kind, frame.clear(header.data).body)


def event(raw: bytes) -> Event:
    (single,) = read(raw).events
    return single


@pytest.mark.parametrize(
    ("raw", "code", "qualifier", "kind", "partition", "zone", "user", "meaning"),
    [
        (vectors.FIRE_SIA, "FA", Qualifier.NEW, "FIRE", None, "129", None, "FIRE"),
        (vectors.FIRE_CID, "110", Qualifier.NEW, "FIRE", "00", "129", None, "FIRE"),
        (vectors.BURGLARY, "130", Qualifier.NEW, "INTRUSION", "01", "015", None, "BURGLARY"),
        (vectors.RESTORE, "130", Qualifier.RESTORE, None, "01", "015", None, "BURGLARY"),
        (vectors.TEST, "602", Qualifier.NEW, None, "00", "000", None, "PERIODIC_TEST"),
        (vectors.CANCEL, "406", Qualifier.NEW, None, "01", None, "003", "CANCEL"),
        (vectors.DURESS, "121", Qualifier.NEW, "HOLD_UP", "01", None, "003", "DURESS"),
        (vectors.OPENING, "401", Qualifier.NEW, None, "01", None, "003", "OPEN_CLOSE_BY_USER"),
        (vectors.COORDINATES, "BA", Qualifier.NEW, "INTRUSION", "1", "012", None, "BURGLARY"),
    ],
)
def test_one_event(
    raw: bytes, code: str, qualifier: Qualifier, kind: str | None, partition: str | None, zone: str | None,
    user: str | None, meaning: str,
) -> None:  # fmt: skip
    told = event(raw)
    assert (told.code, told.qualifier, told.kind) == (code, qualifier, kind)
    assert (told.partition, told.zone, told.user, told.meaning.name) == (partition, zone, user, meaning)


def test_two_events_in_one_frame() -> None:
    first, second = read(vectors.TWO_EVENTS).events
    assert (first.kind, first.zone, second.kind, second.zone) == ("INTRUSION", "012", "TAMPER", "012")


@pytest.mark.parametrize("raw", [vectors.CP1252, vectors.UTF8])
def test_text_in_utf_8_and_in_cp1252(raw: bytes) -> None:
    assert read(raw).text == "Fumée cuisine"


def test_the_time_of_the_event() -> None:
    content = content_of("ADM-CID", b"#1234|1110 01 004][H21:03:12,11-28-2026][IHall]")
    assert (content.occurred_at, content.text) == (1795899792000, "Hall")


INNER_ACCOUNTS: Final = [
    b"", b"|", b"#|", b"1234|", b"#001234|", b"#1234|", b"#  1234|", b"# 1234 |", b" # 1234|", b"  1234|"
]  # fmt: skip


@pytest.mark.parametrize("account", INNER_ACCOUNTS)
def test_an_inner_account_absent_or_padded_otherwise(account: bytes) -> None:
    (told,) = content_of("ADM-CID", account + b"1130 01 015 ]", "1234").events
    assert (told.code, told.zone) == ("130", "015")
    (told,) = content_of("SIA-DCS", account + b"Nri1/BA012]", "1234").events
    assert (told.code, told.zone, told.partition) == ("BA", "012", "1")


@pytest.mark.parametrize(
    ("outer", "data", "told"),
    [
        ("1234", b"FA012|AKitchen]", ("FA", "012", "AKitchen")),
        ("1234", b"BA|AKitchen]", ("BA", None, "AKitchen")),
        ("00FA12", b"FA12|NBA7]", ("BA", "7", None)),
        ("FA12", b"00FA12|NBA7]", ("BA", "7", None)),
        ("1234", b"#FA12|NBA7]", ("BA", "7", None)),
        ("1234", b"AB12|Nri1/BA7]", ("BA", "7", None)),
        ("1234", b"AB12|NAA7]", ("AA", "7", None)),
        ("1234", b"AB12|BA7]", ("BA", "7", None)),
        ("1234", b"FA012|AB2 Parking]", ("FA", "012", "AB2 Parking")),
        ("1234", b"FA012|Nri]", ("FA", "012", "Nri")),
    ],
)
def test_an_event_with_a_text_is_no_inner_account(outer: str, data: bytes, told: tuple[str | None, ...]) -> None:
    (event,) = content_of("SIA-DCS", data, outer).events
    assert (event.code, event.zone, event.text) == told


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        *(("ADM-CID", data) for data in (b" " * 4000, b"#" + b" " * 4000, b"# " * 2000, b"\t|" * 2000)),
        *(
            ("SIA-DCS", data)
            for data in (b"BA1*" + b"/x" * 2000, b"BA1*" + b"'" * 4001, b"BA1*/" + b"ri1" * 1300 + b"x")
        ),
    ],
)
def test_what_is_long_is_read_in_no_time(kind: str, data: bytes) -> None:
    """A hundred bodies of 4 KiB: a step for each pair of blanks, or slashes, would take seconds."""
    begun = time.process_time()
    for _ in range(100):
        content_of(kind, data + b"]", "1234")
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    "data",
    [
        b"NBA012]",
        b"#1234|BA012]",
        b"#1234|OBA012]",
        b"#1234|Nri1BA012]",
        b"#1|Nri1/BA012^Hall^]",
        b"#1|Nri1^House^id7^Ann^ti12:30:00BA012|AHall]",
        b"#1|NTA1/NBA012]",
    ],
)
def test_sia_in_the_forms_of_the_field(data: bytes) -> None:
    assert content_of("SIA-DCS", data).events[-1][:2] == ("BA", Qualifier.NEW)


@pytest.mark.parametrize("data", [b"#1|Nri1^House/FArm^/BA012]", b"#1|Nri1/BA012^Hall / Attic^]"])
def test_a_slash_in_a_name_makes_no_other_event(data: bytes) -> None:
    (told,) = content_of("SIA-DCS", data).events
    assert (told.code, told.partition, told.zone) == ("BA", "1", "012")


@pytest.mark.parametrize(
    ("data", "code", "text"),
    [
        (b"Nri1/BR003*'GARAGE/FACADE'NM]", "BR", "GARAGE/FACADENM"),
        (b"Nri1/CL001*'HALL/SA'NM]", "CL", "HALL/SANM"),
        (b"NBR3*'PORTE D'ENTREE/FACADE'NM]", "BR", "PORTE DENTREE/FACADENM"),
        (b"NBR3*HALL/GARAGE/PANTRY]", "BR", "HALL/GARAGE/PANTRY"),
        (b"NBR3|AKITCHEN/BAR]", "BR", "AKITCHEN/BAR"),
        (b"NBR3|AKitchen/rideau/N/LA2CAVE]", "BR", "AKitchen/rideau/N/LA2CAVE"),
        (b'NBR3"SALON/MA CAVE]', "BR", "SALON/MA CAVE"),
        (b"NBR3 Hall / FACADE]", "BR", "Hall/FACADE"),
    ],
)
def test_a_slash_in_a_text_makes_no_other_event(data: bytes, code: str, text: str) -> None:
    (told,) = content_of("SIA-DCS", b"#1234|" + data).events
    assert (told.code, told.text, told.kind) == (code, text, None)


@pytest.mark.parametrize(
    ("data", "code", "zone"),
    [
        (b"BA1^Door^/FA2]", "FA", "2"),
        (b"BA1^Door^/FACE]", "FA", "CE"),
        (b"BA012|AKitchen/TA013]", "TA", "013"),
        (b"BA012*'HALL/BAR'NM/TA013*'D'EN HAUT'NM]", "TA", "013"),
        (b"BA012*L'ETAGE/TA013*L'ENTREE]", "TA", "013"),
        (b"BA012*HALL/Nri2TA0C]", "TA", "0C"),
        (b"BA012*HALL/ri2/id7/TA013 Attic]", "TA", "013"),
        (b"BA012*HALL/TA]", "TA", None),
        (b"BA012*HALL/NYA03*Attic]", "YA", "03"),
        (b"??/FACE]", "FA", "CE"),
    ],
)
def test_an_event_behind_a_text_is_one_all_the_same(data: bytes, code: str, zone: str | None) -> None:
    first, second = content_of("SIA-DCS", b"#1234|" + data).events
    assert (second.code, second.zone, second.qualifier) == (code, zone, Qualifier.NEW)
    assert first.code == ("BA" if data.startswith(b"BA") else None)


@pytest.mark.parametrize(
    "data",
    [
        b"Nri1/BA012*Achter 't huis/FA013*Voor 't huis]",
        b"Nri1/BA003*'CHAMBRE D'AMI 2'NM/FA004*'CUISINE'NM]",
        b"BA012*Porte 2'/FA013*Porte 3']",
        b"BA012'Hall/FA013'Kitchen]",
        b"BA012^Hall^'x/FA013^Kitchen^'y]",
        b"BA012*Hall/FA013Kitchen]",
        b"BA012*Hall/FA013-Kitchen]",
        b"BA012*Hall/FA013.]",
        b"BA012*Hall/FA 013]",
        b"BA012Hall/FA013Kitchen]",
    ],
)
def test_no_fire_behind_a_text_is_taken_for_more_of_it(data: bytes) -> None:
    assert [event.kind for event in content_of("SIA-DCS", b"#1234|" + data).events] == ["INTRUSION", "FIRE"]


@pytest.mark.parametrize("text", [b"WC2", b"CH1", b"RC1 Kitchen", b"Nri2", b"AKitchen"])
def test_an_alarm_without_an_account_may_have_any_text(text: bytes) -> None:
    (told,) = content_of("SIA-DCS", b"FA012|" + text + b"]", "1234").events
    assert (told.kind, told.zone) == ("FIRE", "012")


@pytest.mark.parametrize(("data", "partition"), [(b"#1234|1130]", None), (b"#1234|1130 01]", "01")])
def test_an_alarm_of_contact_id_without_zone_or_partition_is_an_alarm(data: bytes, partition: str | None) -> None:
    (told,) = content_of("ADM-CID", data).events
    assert (told.code, told.kind, told.partition, told.zone) == ("130", "INTRUSION", partition, None)


def test_a_user_given_before_a_code() -> None:
    (told,) = content_of("SIA-DCS", b"#1234|Nri1/id007/OP]").events
    assert (told.code, told.user, told.kind) == ("OP", "007", None)


@pytest.mark.parametrize("kind", ["ADM-CID", "SIA-DCS", "XYZ"])
def test_data_that_cannot_be_read_are_an_event_without_a_code(kind: str) -> None:
    (told,) = content_of(kind, b"#1234|??]").events
    assert (told.code, told.kind, told.text) == (None, None, "??")


@example("SIA-DCS", b"Nri\x001/id\n7/BA")
@given(st.sampled_from(["ADM-CID", "SIA-DCS", "NULL", "X"]), st.binary(max_size=60))
def test_any_body_is_read_into_texts_without_control_characters(kind: str, body: bytes) -> None:
    content = content_of(kind, body + b"]")
    assert kind == "NULL" or content.events
    for event in content.events:
        texts = (event.code, event.partition, event.zone, event.user, event.text)
        assert not [text for text in texts if text and re.search(r"[\x00-\x1f\x7f-\x9f]", text)], texts
