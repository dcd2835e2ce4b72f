"""What of a value may be shown."""

import pytest

import schemas
from schemas.avro.records import encode
from streams.formats.redaction import HIDDEN, is_personal, masked

SITE = {
    "site_id": "S1",
    "subscribed": True,
    "contacts": [
        {
            "contact_id": "c1",
            "role": "OWNER",
            "first_name": "Ann",
            "last_name": "",
            "phone": "+33612345678",
            "password_hash": "$argon2id$x",
        }
    ],
    "address": {"line1": "1 rue des Lilas", "postal_code": "74300", "city": "Cluses", "country": "FR"},
    "instructions": "mind the dog",
    "intervention": {"enabled": True, "partners": ["P1"]},
    "updated_at": 7,
}


def test_a_site_is_shown_without_who_lives_there_and_where() -> None:
    shown = masked("Site", schemas.decode("Site", encode("Site", SITE)))
    assert shown["contacts"] == [
        {
            "contact_id": "c1",
            "role": "OWNER",
            "first_name": HIDDEN,
            "last_name": "",
            "phone": HIDDEN,
            "password_hash": HIDDEN,
            "duress_hash": None,
            "language": None,
        }
    ]
    assert set(shown["address"].values()) == {HIDDEN, None}
    assert (shown["instructions"], shown["intervention"]["partners"], shown["updated_at"]) == (HIDDEN, ["P1"], 7)


@pytest.mark.parametrize(
    ("schema", "path", "hidden"),
    [
        ("Decision", "rule", False),
        ("Decision", "input.offset", False),
        ("Decision", "outputs", False),
        ("CallCommand", "phone", True),
        ("CallCommand", "contact_name", True),
        ("CallCommand", "contact_id", False),
        ("DispatchCommand", "address", True),
        ("DispatchCommand", "address.city", True),
        ("DispatchCommand", "reason", False),
        ("DispatchCommand", "respond_by", False),
        ("OperatorAction", "reason", True),
        ("OperatorAction", "operator", True),
        ("DispatchReport", "reason", True),
        ("Quarantined", "alert.detail", True),
        ("Quarantined", "alert", True),
        ("Quarantined", "reason", False),
        ("Alert", "nothing", True),
    ],
)
def test_fields_are_hidden_that_could_tell(schema: str, path: str, hidden: bool) -> None:
    assert is_personal(schema, path) is hidden
