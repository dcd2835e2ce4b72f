"""What keeps a decoded record out, in the order of contracts.md, and without a word of what it holds."""

from typing import Any

import pytest

from schemas.avro.generated.shapes import Array, Primitive, Record, Shape, Union, shape_of
from schemas.avro.loader import load
from streams.formats.validation import DeadLetterCause, admit, admit_tombstone, key_text
from tests.schemas.shaped import tupled
from tests.schemas.test_bytes import golden

INPUTS = ("Site", "Alert", "CallResult", "DispatchReport", "OperatorAction")
OWN_IDS = [
    ("Site", "site_id"),
    ("Alert", "alert_id"),
    ("Alert", "site_id"),
    ("CallResult", "result_id"),
    ("CallResult", "site_id"),
    ("DispatchReport", "report_id"),
    ("DispatchReport", "site_id"),
    ("DispatchReport", "incident_id"),
    ("DispatchReport", "dispatch_id"),
    ("DispatchReport", "partner_id"),
    ("OperatorAction", "action_id"),
    ("OperatorAction", "site_id"),
]


def judged(name: str, **changes: Any) -> DeadLetterCause | None:
    value = tupled(name, {**golden(name)[0], **changes})
    return admit(value, value.site_id)


def reason(refused: DeadLetterCause | None) -> str | None:
    return refused.reason if refused else None


@pytest.mark.parametrize("name", INPUTS)
def test_a_good_record_is_admitted(name: str) -> None:
    assert judged(name) is None


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("key", [None, "", "site-2", "site-1 "])
def test_a_key_that_is_not_the_site_is_a_mismatch(name: str, key: str | None) -> None:
    assert reason(admit(tupled(name, golden(name)[0]), key)) == "KEY_MISMATCH"


@pytest.mark.parametrize(("name", "field"), OWN_IDS)
@pytest.mark.parametrize("empty", ["", " ", "\t\n", "\u00a0\u2003"])
def test_an_own_id_that_is_empty_is_refused(name: str, field: str, empty: str) -> None:
    assert judged(name, **{field: empty}) == DeadLetterCause("EMPTY_ID", f"{field} is empty")


def test_other_ids_may_be_empty_but_not_the_incident_of_a_close() -> None:
    assert judged("CallResult", incident_id="", command_id=" ", contact_id=None) is None
    assert judged("OperatorAction", action="DISPATCH", incident_id=None) is None
    assert judged("OperatorAction", action="CLOSE", incident_id="i") is None
    for empty in (None, "", " "):
        assert reason(judged("OperatorAction", action="CLOSE", incident_id=empty)) == "EMPTY_ID"
    contact = {**golden("Site")[0]["contacts"][0], "contact_id": ""}
    assert judged("Site", contacts=[contact]) is None


def places(shape: Shape, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where a value of the shape has a string."""
    if isinstance(shape, Union):
        return places(shape.branches[1], path)
    if isinstance(shape, Array):
        return places(shape.items, (*path, 0))
    if isinstance(shape, Record):
        return [place for field in shape.fields for place in places(field.shape, (*path, field.name))]
    return [path] if shape == Primitive("string") else []


ALL_STRINGS = [(name, place) for name in INPUTS for place in places(shape_of(load(name)))]


@pytest.mark.parametrize(("name", "place"), ALL_STRINGS)
def test_every_string_has_its_limit_in_bytes(name: str, place: tuple[str | int, ...]) -> None:
    is_id = str(place[-1]).endswith("_id") or "partners" in place
    limit = 128 if is_id else 8192

    def with_text(text: str) -> DeadLetterCause | None:
        value: Any = dict(golden(name)[0])
        if name == "Site":
            value |= {"contacts": [dict(value["contacts"][0])], "address": dict(value["address"])}
            value["intervention"] = {"enabled": True, "partners": ["p"]}
        inner = value
        for part in place[:-1]:
            inner = inner[part]
        inner[place[-1]] = text
        made = tupled(name, value)
        return admit(made, made.site_id)

    for fits in ("x" * limit, "é" * (limit // 2), "🔥" * (limit // 4)):
        assert with_text(fits) is None
    for beyond in ("x" * (limit + 1), "é" * (limit // 2) + "x", "🔥" * (limit // 4) + "x", "\ud800" * limit):
        refused = with_text(beyond)
        assert refused is not None
        assert refused.reason == "TOO_LONG"
        assert str(place[-1] if isinstance(place[-1], str) else place[-2]) in refused.error
        assert beyond not in refused.error


def test_the_first_reason_that_fits_is_the_one() -> None:
    value = tupled("Alert", {**golden("Alert")[0], "alert_id": "", "site_id": "x" * 129, "zone": "z" * 9000})
    assert reason(admit(value, "other")) == "KEY_MISMATCH"
    assert reason(admit(value, value.site_id)) == "EMPTY_ID"
    assert reason(admit(value._replace(alert_id="a"), value.site_id)) == "TOO_LONG"


@pytest.mark.parametrize(
    ("topic", "key", "expected"),
    [
        ("sites", b"site-1", None),
        ("sites", "site-1", None),
        ("sites", b"x" * 128, None),
        ("sites", b"x" * 129, "TOO_LONG"),
        ("sites", "é" * 65, "TOO_LONG"),
        ("sites", b"\xff", "KEY_MISMATCH"),
        ("sites", None, "UNDECODABLE"),
        ("sites", b"", "UNDECODABLE"),
        ("sites", b" ", "UNDECODABLE"),
        ("alerts", b"site-1", "UNDECODABLE"),
        ("call-results", None, "UNDECODABLE"),
    ],
)
def test_only_sites_takes_a_tombstone_and_only_with_a_key(topic: str, key: bytes | str | None, expected: str) -> None:
    assert reason(admit_tombstone(topic, key)) == expected


def test_a_key_that_is_null_or_not_utf8_is_nobodys() -> None:
    assert key_text("é".encode()) == "é"
    assert key_text(b"\xff") is None
    assert key_text(None) is None
