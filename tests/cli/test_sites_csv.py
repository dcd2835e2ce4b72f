"""`ronde sites` on a spreadsheet: numbers as they are written, passwords that never leave as they are spoken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from confluent_kafka import Consumer, TopicPartition

from schemas import decode
from service.phone_numbers import NoPhoneNumberError, e164
from streams.settings import Settings
from tests.conftest import Run, SettingsFile

HEADER = (
    "site_id,subscribed,contacts.1.role,contacts.1.first_name,contacts.1.phone,contacts.1.password,"
    "contacts.2.role,contacts.2.phone,contacts.2.password,contacts.2.duress_password,"
    "address.line1,address.postal_code,address.city,address.country,intervention.partners,instructions"
)
HOME = (
    "S1,yes,OWNER,Ann,06 39 98 00 01,open sesame,MEMBER,+32 470 12 34 56,blue,red,"
    "1 rue des Lilas,74300,Cluses,FR,P1 P2,"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sites.csv"


def test_rows_become_sites_with_e164_numbers_and_verifiable_hashes(
    run: Run, file: Path, settings_file: SettingsFile, topics: Settings
) -> None:
    file.write_text(f'{HEADER}\n{HOME}"mind the\ndog, please"\n', encoding="utf-8-sig")
    loaded = run("sites", "import", file, "--settings", settings_file(), "--json")
    assert (loaded.exit, json.loads(loaded.out)["loaded"]) == (0, 1)
    [site] = read(topics)
    ann, other = site["contacts"]
    assert (ann["contact_id"], ann["first_name"], ann["phone"]) == ("S1-1", "Ann", "+33639980001")
    assert (other["contact_id"], other["role"], other["phone"]) == ("S1-2", "MEMBER", "+32470123456")
    hasher = PasswordHasher()
    assert hasher.verify(ann["password_hash"], "opensesame")  # in its normal form
    assert hasher.verify(other["password_hash"], "blue")
    assert hasher.verify(other["duress_hash"], "red")
    assert ann["duress_hash"] is None
    assert site["instructions"] == "mind the\ndog, please"
    assert site["intervention"] == {"enabled": True, "partners": ["P1", "P2"]}
    assert site["address"]["line2"] is None


def read(topics: Settings) -> list[dict[str, Any]]:
    """The sites on the topic."""
    consumer = Consumer({**topics.client("consumer"), "group.id": "test", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topics.topic("sites"), number, 0) for number in range(topics.topics.partitions)])
    found: list[dict[str, Any]] = []
    ends = 0
    while ends < topics.topics.partitions:
        message = consumer.poll(10)
        assert message is not None
        if message.error() is not None:
            ends += 1
        else:
            found.append(decode("Site", message.value() or b""))
    consumer.close()
    return found


def test_the_same_password_has_another_hash_each_time(run: Run, file: Path) -> None:
    from service.words import hashed  # noqa: PLC0415 - heavy

    assert hashed("open sesame") != hashed("open sesame")


def test_check_judges_rows_by_their_line_and_needs_no_hash(run: Run, file: Path) -> None:
    file.write_text(f"{HEADER}\n{HOME}\n\nS2,no\nS3,maybe\nS4,yes,OWNER,,12,x\n", encoding="utf-8")
    ran = run("sites", "check", file, "--json")
    assert ran.exit == 1
    told = json.loads(ran.out)
    assert [(site["line"], site["site_id"], site["ready"]) for site in told["sites"]] == [
        (2, "S1", True),
        (4, "S2", False),
    ]
    assert [(bad["line"], bad["error"].partition(":")[0]) for bad in told["bad"]] == [
        (5, "subscribed"),
        (6, "contacts.1.phone"),
    ]
    assert "maybe" not in ran.out


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_spreadsheets_of_other_countries_are_read_too(run: Run, file: Path, delimiter: str) -> None:
    file.write_text(f"{HEADER}\n{HOME}\n".replace(",", delimiter), encoding="utf-8")
    assert run("sites", "check", file).out.endswith(
        "1 sites, 1 ready, 0 need attention, 0 not subscribed, 0 with warnings, 0 bad lines\n"
    )


def test_a_number_without_its_country_needs_one(run: Run, file: Path) -> None:
    file.write_text("site_id,subscribed,contacts.1.role,contacts.1.phone\nS1,1,OWNER,0639980001\n", encoding="utf-8")
    assert "begin it with +, or name the country" in run("sites", "check", file).out
    assert run("sites", "check", file, "--country", "FR").exit == 0
    assert "no phone numbers of 'France'" in run("sites", "check", file, "--country", "France").err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column is named site_id"),
        ("subscribed\n1\n", "line 1: no column is named site_id"),
        ("site_id,contacts.1.fone\n", "line 1: there is no column 'contacts.1.fone'; did you mean contacts.1.phone?"),
        ("site_id,contacts.0.phone\n", "line 1: there is no column 'contacts.0.phone'"),
        ("site_id,site_id\n", "line 1: two columns are named site_id"),
        ('site_id,subscribed\n"S1,1\n', "line 2: not CSV: unexpected end of data"),
        (
            'site_id,subscribed\nS1,1\n"S2,1\nS3,1\nS4,1\n',
            "line 3: not CSV: unexpected end of data; a quote in line 3 takes in the lines down to 5",
        ),
        ('site_id,subscribed\nS1,1\n"S2,1\n"S3",1\n', "line 3: not CSV: ',' expected after '\"'; a quote in line 3"),
        ('"site_id,subscribed\nS1,1\n', "line 1: not CSV"),
        (b"site_id,subscribed\n\xff,1\n", "line 2: not UTF-8"),
    ],
)
def test_what_is_no_table_of_sites_is_said(run: Run, file: Path, text: str | bytes, said: str) -> None:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    ran = run("sites", "check", file)
    assert ran.exit == 2
    assert said in ran.err


def test_country_is_for_csv(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sites.jsonl").write_text("")
    assert "--country is for CSV files" in run("sites", "check", tmp_path / "sites.jsonl", "--country", "FR").err


# --- numbers --------------------------------------------------------------------------------------


def judged(run: Run, file: Path, *rows: str, header: str = HEADER) -> dict[str, Any]:
    """What `ronde sites check --json` says of the rows."""
    file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    told: dict[str, Any] = json.loads(run("sites", "check", file, "--country", "FR", "--json").out)
    return told


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("06 12 34 56 78", "+33612345678"),
        ("0695 12 34 56", "+33695123456"),
        ("06 39 98 00 01", "+33639980001"),  # set aside for fiction
        ("0800 12 34 56", "+33800123456"),
        ("0262 20 12 34", "+262262201234"),  # Réunion
        ("0263 12 34 56", "+262263123456"),
        ("0692 12 34 56", "+262692123456"),
        ("0693 12 34 56", "+262693123456"),
        ("0269 60 12 34", "+262269601234"),  # Mayotte
        ("0639 01 23 45", "+262639012345"),
        ("0590 20 12 34", "+590590201234"),  # Guadeloupe
        ("0690 00 12 34", "+590690001234"),
        ("0691 22 34 56", "+590691223456"),
        ("+33 690 00 12 34", "+590690001234"),
        ("0594 10 12 34", "+594594101234"),  # Guyane
        ("0694 20 12 34", "+594694201234"),
        ("0596 30 12 34", "+596596301234"),  # Martinique
        ("0696 20 12 34", "+596696201234"),
        ("0697 12 34 56", "+596697123456"),
        ("0508 41 31 23", "+508413123"),  # Saint-Pierre-et-Miquelon
        ("+508 41 31 23", "+508413123"),
        ("0708 50 12 34", "+508708501234"),
        ("+32 470 12 34 56", "+32470123456"),
    ],
)
@pytest.mark.parametrize("region", ["FR", "RE", "GP", "PM"])
def test_a_french_number_gets_the_country_code_of_where_it_belongs(number: str, kept: str, region: str) -> None:
    from ronde.input_files.site_spreadsheet import json_lines, unhashed  # noqa: PLC0415 - heavy

    table = f"site_id,contacts.1.phone\nS1,{number}\n".encode().splitlines(keepends=True)
    refused: list[Any] = []
    lines = list(json_lines(table, region, unhashed, lambda *told: refused.append(told), lambda *_: None))
    assert (json.loads(lines[-1])["contacts"][0]["phone"], refused) == (kept, [])


def test_six_digits_are_a_number_where_they_are_dialled() -> None:
    assert e164("41 31 23", "PM") == "+508413123"
    for number, country in (("41 31 23", "FR"), ("+33 41 31 23", "PM")):
        with pytest.raises(NoPhoneNumberError, match="it has 6 digits"):
            e164(number, country)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("06 12 34 56 7", "it has 8 digits behind +33 or 0, a French number has 9"),
        ("06 12 34 56 789", "it has 10 digits behind +33 or 0, a French number has 9"),
        ("00 00 00 00 00", "the numbering plan of +33 has no such number"),
        ("07 00 00 00 00", "the numbering plan of +33 has no such number"),
        ("0596 12 34 56", "the numbering plan of +596 has no such number"),
        ("+32 470 12 34", "too short"),
        ("06 12 34 56 78 ext. 3", "has an extension"),
    ],
)
def test_a_number_that_no_plan_has_is_refused_with_the_reason(run: Run, file: Path, number: str, why: str) -> None:
    told = judged(run, file, HOME.replace("06 39 98 00 01", number))
    assert told["totals"]["sites"] == 0
    assert told["bad"][0]["error"].startswith("contacts.1.phone: ")
    assert why in told["bad"][0]["error"]
    assert number not in told["bad"][0]["error"]


def test_a_bad_number_of_an_optional_contact_is_worth_a_warning_as_in_json(run: Run, file: Path) -> None:
    told = judged(run, file, HOME.replace("+32 470 12 34 56", "06 12 34 56 7"))
    assert told["bad"] == []
    assert [(site["ready"], site["warnings"]) for site in told["sites"]] == [(True, ["CONTACT_2_PHONE"])]
    [doubt] = told["doubts"]
    assert doubt["line"] == 2
    assert doubt["error"].startswith("contacts.2.phone: is no phone number that can be dialled: it has 8 digits")
    ran = run("sites", "check", file)
    assert ran.exit == 0
    assert "warning: line 2: contacts.2.phone: is no phone number" in ran.out


# --- rows that are none ---------------------------------------------------------------------------


def test_a_row_with_a_cell_too_many_is_named_and_the_others_are_loaded(
    run: Run, file: Path, settings_file: SettingsFile, topics: Settings
) -> None:
    rows = [f"S{number},yes" for number in range(200)]
    rows[150] = "S150,yes,,OWNER"
    file.write_text("\n".join(["site_id,subscribed,instructions", *rows]) + "\n", encoding="utf-8")
    ran = run("sites", "import", file, "--settings", settings_file())
    assert ran.exit == 1
    assert ran.out == (
        "line 152: UNDECODABLE: it has 4 cells, the first row 3 columns\n"
        f"199 sites loaded into {topics.topic('sites')}, 1 bad lines left out\n"
    )
    assert {site["site_id"] for site in read(topics)} == {f"S{number}" for number in range(200)} - {"S150"}


@pytest.mark.parametrize("end", [b'"S200,yes\n', b"S\xff,yes\n"])
def test_a_file_that_cannot_be_read_on_has_all_before_that_loaded_and_counted(
    run: Run, file: Path, settings_file: SettingsFile, topics: Settings, end: bytes
) -> None:
    rows = [f"S{number},yes" for number in range(100)]
    rows[50] = "S50,maybe"
    file.write_bytes("\n".join(["site_id,subscribed", *rows, ""]).encode() + end)
    ran = run("sites", "import", file, "--settings", settings_file())
    assert ran.exit == 2
    assert "line 102: not" in ran.err
    assert "99 sites before it were loaded and 1 bad lines left out" in ran.err
    assert "line 52: UNDECODABLE: subscribed" in ran.out
    assert len(read(topics)) == 99
