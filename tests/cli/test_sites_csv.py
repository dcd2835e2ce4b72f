"""`ronde sites` on a spreadsheet: numbers as they are written, passwords that never leave as they are spoken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from confluent_kafka import Consumer, TopicPartition

from schemas import decode
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
    assert hasher.verify(ann["password_hash"], "open sesame")
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
    from ronde.site_csv import argon2  # noqa: PLC0415 - heavy

    assert argon2("open sesame") != argon2("open sesame")


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
        ("site_id,subscribed\nS1,1,2\n", "line 2: it has 3 cells, the first row 2 columns"),
        ('site_id,subscribed\n"S1,1\n', "not CSV"),
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
