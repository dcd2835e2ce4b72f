"""Values as JSON: strict where a mistake would cost a call, lenient where the contract says so."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import orjson
import pytest

from schemas.avro.loader import load
from schemas.avro.records import decode, encode
from streams.escalation.names import OutputTopic
from streams.escalation.values import (
    Address,
    Alert,
    Attention,
    CallCommand,
    CallResult,
    Contact,
    Decision,
    DispatchCommand,
    DispatchReport,
    InputRef,
    Intervention,
    OperatorAction,
    OutputValue,
    Quarantined,
    Readiness,
    Site,
    Source,
)
from streams.formats.codec import Codec
from streams.formats.json_values import NotAValue, reader, writer

AT = "2026-01-01T00:00:10.000Z"
MS = 1_767_225_610_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ALERT: dict[str, Any] = {"alert_id": "A1", "site_id": "S1", "kind": "FIRE", "raised_at": AT}
RESULT: dict[str, Any] = {
    "result_id": "R1",
    "site_id": "S1",
    "direction": "OUTBOUND",
    "outcome": "IDENTIFIED",
    "ended_at": AT,
}
REPORT: dict[str, Any] = {
    "report_id": "P1",
    "site_id": "S1",
    "incident_id": "I1",
    "dispatch_id": "D1",
    "partner_id": "P1",
    "reported_at": AT,
}
ACTION: dict[str, Any] = {
    "action_id": "O1",
    "site_id": "S1",
    "action": "DISPATCH",
    "reason": "seen on camera",
    "operator": "op-7",
    "taken_at": AT,
}
SITE: dict[str, Any] = {"site_id": "S1", "subscribed": True, "contacts": [], "updated_at": AT}
CONTACT: dict[str, Any] = {"contact_id": "ann", "role": "OWNER"}
ADDRESS: dict[str, Any] = {"line1": "1 rue des Lilas", "postal_code": "74300", "city": "Cluses", "country": "FR"}

INPUTS: tuple[tuple[Any, dict[str, Any]], ...] = (
    (Alert, ALERT),
    (CallResult, RESULT),
    (DispatchReport, REPORT),
    (OperatorAction, ACTION),
    (Site, SITE),
)


def test_absent_fields_take_their_defaults() -> None:
    assert reader(Alert)(ALERT) == Alert("A1", "S1", "FIRE", MS)
    assert reader(CallResult)(RESULT) == CallResult(
        "R1", "S1", None, None, None, "OUTBOUND", "IDENTIFIED", "UNKNOWN", False, None, None, MS
    )
    assert reader(DispatchReport)(REPORT) == DispatchReport("P1", "S1", "I1", "D1", "P1", "UNKNOWN", None, None, MS)
    assert reader(OperatorAction)(ACTION) == OperatorAction("O1", "S1", None, "DISPATCH", "seen on camera", "op-7", MS)
    assert reader(Site)(SITE) == Site("S1", True, (), None, None, Intervention(True, ()), None, MS)


def test_nested_records_take_their_own_defaults() -> None:
    site = reader(Site)({**SITE, "contacts": [CONTACT], "address": ADDRESS, "intervention": {"partners": ["P1"]}})

    assert site.contacts == (Contact("ann", "OWNER"),)
    assert site.address == Address("1 rue des Lilas", None, "74300", "Cluses", "FR")
    assert site.intervention == Intervention(True, ("P1",))
    assert reader(Site)({**SITE, "intervention": {"enabled": False}}).intervention == Intervention(False, ())
    assert reader(Site)({**SITE, "intervention": {}}).intervention == Intervention()


def test_an_unknown_symbol_and_an_absent_field_take_the_default_of_the_enum() -> None:
    without_kind = {name: value for name, value in ALERT.items() if name != "kind"}

    assert reader(Alert)({**ALERT, "kind": "FLOOD"}).kind == "OTHER"
    assert reader(Alert)(without_kind).kind == "OTHER"
    assert reader(DispatchReport)({**REPORT, "status": "LOST"}).status == "UNKNOWN"
    assert reader(CallResult)({**RESULT, "situation": "ODD"}).situation == "UNKNOWN"


def test_unknown_fields_are_ignored_whatever_they_hold() -> None:
    assert reader(Alert)({**ALERT, "colour": {"deep": ["\ud800"]}}) == reader(Alert)(ALERT)


def test_text_is_any_unicode() -> None:
    assert reader(Alert)({**ALERT, "detail": "fumée 🔥 \0"}).detail == "fumée 🔥 \0"


def test_instants_have_an_offset_and_lose_what_is_finer_than_a_millisecond() -> None:
    site = reader(Site)({**SITE, "test_until": "2026-01-01T01:00:10.0009+01:00"})

    assert site.test_until == MS


@pytest.mark.parametrize(("kind", "good"), INPUTS)
def test_a_required_field_is_named_when_it_is_missing(kind: Any, good: dict[str, Any]) -> None:
    required = [
        field["name"]
        for field in load(kind.__name__)["fields"]
        if "default" not in field and "default" not in field["type"]
    ]
    assert required
    for name in required:
        with pytest.raises(NotAValue, match=f"^{name}: is missing$"):
            reader(kind)({field: value for field, value in good.items() if field != name})


@pytest.mark.parametrize(
    ("kind", "value", "error"),
    [
        # No value at all.
        (Alert, [], "the value: an array where an object is wanted"),
        (Alert, "A1", "the value: a string where an object is wanted"),
        (Alert, 1, "the value: a number where an object is wanted"),
        # Null only where it is allowed.
        (Alert, {**ALERT, "site_id": None}, "site_id: null where a string is wanted"),
        (Alert, {**ALERT, "kind": None}, "kind: null where a string is wanted"),
        (Alert, {**ALERT, "raised_at": None}, "raised_at: null where an RFC 3339 instant is wanted"),
        (CallResult, {**RESULT, "message_left": None}, "message_left: null where a boolean is wanted"),
        (Site, {**SITE, "intervention": None}, "intervention: null where an object is wanted"),
        (Site, {**SITE, "contacts": None}, "contacts: null where an array is wanted"),
        # No conversion.
        (Alert, {**ALERT, "site_id": 1}, "site_id: a number where a string is wanted"),
        (Alert, {**ALERT, "zone": True}, "zone: a boolean where a string is wanted"),
        (Alert, {**ALERT, "zone": 1.5}, "zone: a number where a string is wanted"),
        (Alert, {**ALERT, "kind": 1}, "kind: a number where a string is wanted"),
        (Alert, {**ALERT, "kind": ["FIRE"]}, "kind: an array where a string is wanted"),
        (Alert, {**ALERT, "raised_at": MS}, "raised_at: a number where an RFC 3339 instant is wanted"),
        (Site, {**SITE, "subscribed": 1}, "subscribed: a number where a boolean is wanted"),
        (Site, {**SITE, "subscribed": "true"}, "subscribed: a string where a boolean is wanted"),
        (Site, {**SITE, "contacts": {}}, "contacts: an object where an array is wanted"),
        # Instants.
        (Alert, {**ALERT, "raised_at": "2026-01-01T00:00:10"}, "raised_at: not an RFC 3339 instant with an offset"),
        (Alert, {**ALERT, "raised_at": "2026-02-30T00:00:10Z"}, "raised_at: not a day of the calendar"),
        (Site, {**SITE, "test_until": "soon"}, "test_until: not an RFC 3339 instant with an offset"),
        # Enums without a default.
        (CallResult, {**RESULT, "outcome": "VOICEMAIL"}, "outcome: none of IDENTIFIED, NOT_IDENTIFIED,"),
        (CallResult, {**RESULT, "direction": "outbound"}, "direction: none of OUTBOUND, INBOUND"),
        (OperatorAction, {**ACTION, "action": "OPEN"}, "action: none of CLOSE, DISPATCH"),
        # Half a surrogate pair is no UTF-8, wherever it stands.
        (Alert, {**ALERT, "detail": "a\ud800b"}, "detail: half a surrogate pair"),
        (Alert, {**ALERT, "kind": "\udfff"}, "kind: half a surrogate pair"),
        (Site, {**SITE, "intervention": {"partners": ["P1", "\ud800"]}}, "intervention.partners[1]: half a surrogate"),
        # Where in a site.
        (Site, {**SITE, "contacts": [CONTACT, {"contact_id": "bob"}]}, "contacts[1].role: is missing"),
        (Site, {**SITE, "contacts": [CONTACT, None]}, "contacts[1]: null where an object is wanted"),
        (Site, {**SITE, "contacts": [{**CONTACT, "role": "CAT"}]}, "contacts[0].role: none of OWNER, MEMBER, EXTERNAL"),
        (Site, {**SITE, "address": {**ADDRESS, "line2": 2}}, "address.line2: a number where a string is wanted"),
        (Site, {**SITE, "address": {}}, "address.line1: is missing"),
        (Site, {**SITE, "intervention": {"enabled": 0}}, "intervention.enabled: a number where a boolean is wanted"),
    ],
)
def test_what_breaks_the_schema_is_named_with_its_path(kind: Any, value: Any, error: str) -> None:
    with pytest.raises(NotAValue) as raised:
        reader(kind)(value)
    assert str(raised.value).startswith(error)


@pytest.mark.parametrize("spoilt", [{"role": "Ann Martin"}, {"phone": 612345678}, {"first_name": "Ann\ud800Martin"}])
def test_errors_hold_nothing_personal(spoilt: dict[str, Any]) -> None:
    with pytest.raises(NotAValue) as raised:
        reader(Site)({**SITE, "contacts": [{**CONTACT, **spoilt}]})
    assert "Ann" not in str(raised.value)
    assert "612345678" not in str(raised.value)


@pytest.mark.parametrize(("kind", "good"), INPUTS)
def test_what_was_read_is_written_with_every_field_present(kind: Any, good: dict[str, Any]) -> None:
    written = writer(kind)(reader(kind)(good))

    assert list(written) == [field["name"] for field in load(kind.__name__)["fields"]]
    assert {name: written[name] for name in good} == good
    assert reader(kind)(written) == reader(kind)(good)


KINDS = ("INTRUSION", "TAMPER")
OUTPUTS: tuple[OutputValue, ...] = (
    CallCommand("C1", "CALL", None, "I1", "S1", "SECURITY", 1, 2, "ann", "Ann", "+336", "fr", KINDS, True, MS, MS + 1),
    DispatchCommand(
        "D1-r1", "D1", "REQUEST", 1, "I1", "S1", "P1", "FIRE", "DURESS", True, KINDS, 2, MS, None,
        Address("1 rue", None, "74300", "Cluses", "FR"), None, MS, MS + 120_000, "DURESS",
    ),
    DispatchCommand(
        "D1-cancel", "D1", "CANCEL", 1, "I1", "S1", "P1", "FIRE", "DURESS", True, (), 0, None, None,
        None, "ring twice", MS, None, "OPERATOR_CLOSED",
    ),
    Attention("I1-t1", None, "S1", None, "CALL_FOR_HELP", 0, "CALL_FOR_HELP", True, (), 0, None, MS),
    Decision(
        "I1-v1", "I1", "fire/1", "S1", 1, MS, InputRef("DEADLINE", "I1", None, None, None), 3, "WAIT_ENDED",
        "WAITING", "CALLING", 2, 1, MS + 1, None, ("C1", "C2"),
    ),
    Decision(
        "alerts-0-7", None, None, "S1", 0, MS, InputRef("ALERT", "A1", "alerts", 0, 7), None, "DUPLICATE_ALERT",
        None, None, None, None, None, None, (),
    ),
    Readiness("S1", True, False, True, ("FIRST_CONTACT",), (), MS),
    Quarantined("S1", "A1", "ON_TEST", (), MS, Alert("A1", "S1", "FIRE", MS - 1), Source("alerts", 0, 7), 3),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("value", OUTPUTS, ids=lambda value: type(value).__name__)
def test_an_output_is_written_as_its_schema_says(value: OutputValue) -> None:
    """Two ways to the same JSON: ours, and the generic Avro library's over the bytes on the wire."""
    name = type(value).__name__
    topic = dict(zip([c.__name__ for c in get_args(OutputValue)], get_args(OutputTopic), strict=True))[name]
    written = writer(type(value))(value)

    wire = decode(name, Codec().encoders[topic](value))
    assert json.loads(orjson.dumps(written)) == with_instants(load(name), wire)


def test_lists_are_json_arrays() -> None:
    assert writer(Readiness)(OUTPUTS[6])["missing"] == ["FIRST_CONTACT"]  # type: ignore[arg-type]


def test_the_generic_library_reads_what_we_read() -> None:
    site = {**SITE, "contacts": [CONTACT], "address": ADDRESS, "updated_at": MS}
    generic = decode("Site", encode("Site", site))

    assert writer(Site)(reader(Site)({**site, "updated_at": AT})) == with_instants(load("Site"), generic)


def with_instants(schema: Any, value: Any) -> Any:
    """A value as the Avro library gives it, with its instants as text."""
    if value is None:
        return None
    match schema:
        case {"logicalType": "timestamp-millis"}:
            return (EPOCH + timedelta(milliseconds=value)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case ["null", other]:
            return with_instants(other, value)
        case {"type": "record", "fields": fields}:
            return {field["name"]: with_instants(field["type"], value[field["name"]]) for field in fields}
        case {"type": "array", "items": items}:
            return [with_instants(items, item) for item in value]
    return value
