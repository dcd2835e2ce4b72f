"""Schedule, signature, addresses, answers, report ids, page tokens: what needs neither Kafka nor PostgreSQL."""

from __future__ import annotations

import time

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from edges.partners import schedule
from edges.partners.addresses import check_url, is_public, reachable
from edges.partners.intake import row_of
from edges.partners.page_tokens import dispatch_of, page_token
from edges.partners.posting import judge
from edges.partners.signing import new_secret, signed_headers
from edges.partners.steps import report_id
from edges.partners.values import to_json
from tests.edges.partners.serving import command

T0 = 1_767_222_000_000


def attempts(gives_up: int, takes: int = 0) -> list[int]:
    """Seconds of the attempts of a command whose every attempt fails after ``takes`` ms."""
    times, now = [0], T0 + takes
    while (due := schedule.next_attempt(T0, gives_up, now)) is not None:
        times.append((due - T0) // 1000)
        now = due + takes
    return times


def test_attempts_of_a_request_end_by_its_time_to_respond() -> None:
    gives_up = schedule.gives_up_at("REQUEST", T0 + 120_000, T0, T0)
    assert attempts(gives_up) == [0, 1, 3, 7, 15, 30, 45, 60, 90]
    assert attempts(T0 + 120_000, takes=10_000) == [0, 15, 30, 45, 60, 90]


def test_a_request_read_too_late_is_not_posted() -> None:
    assert schedule.gives_up_at("REQUEST", T0, T0 - 120_000, T0 + 1) <= T0 + 1


@pytest.mark.parametrize("action", ["AMEND", "CANCEL"])
def test_other_commands_are_tried_for_ten_minutes_from_when_they_are_read(action: str) -> None:
    late = T0 + 3_600_000
    assert schedule.gives_up_at(action, None, T0, late) == late + 600_000
    assert attempts(T0 + 600_000)[-2:] == [540, 570]
    assert schedule.gives_up_at(action, None, T0 - 25 * 3_600_000, T0) == T0


def test_how_old_a_command_is_its_record_says() -> None:
    day = 25 * 3_600_000
    fresh = row_of(command("d1", "AMEND", issued_at=T0 - day), T0, T0)
    again = row_of(command("d1", "AMEND", issued_at=T0), T0, T0 - day)
    silent = row_of(command("d1", "AMEND", issued_at=T0 - day), T0)
    assert [row["gives_up_at"] - T0 for row in (fresh, again, silent)] == [600_000, 0, 0]


@pytest.mark.parametrize("instant", [-62_167_219_200_001, 253_402_300_800_000, 10**16, -(2**63), 2**63 - 1])
def test_a_time_that_no_text_can_say_is_none(instant: int) -> None:
    value = orjson.loads(to_json(command("d1", first_alert_at=instant, last_alert_at=0)))
    assert (value["first_alert_at"], value["last_alert_at"]) == (None, "1970-01-01T00:00:00.000Z")


def test_the_other_side_verifies_each_of_two_secrets() -> None:
    old, new, body = new_secret(), new_secret(), '{"instructions": "Gérard à gauche"}'.encode()
    headers = dict(signed_headers("c-1", time.time_ns() // 1_000_000, body, [old, new]))
    assert headers["webhook-id"] == "c-1"
    for secret in (old, new):
        assert Webhook(secret).verify(body, headers)["instructions"] == "Gérard à gauche"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(body + b" ", headers)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0"),
        *("100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1"),
        *("192.0.0.192", "168.63.129.16", "::ffff:168.63.129.16"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00::1", "ff02::1", "fec0::1", "::127.0.0.1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::"),
    ],
)
def test_addresses_of_our_own_networks_are_refused(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2a00:1450:4007::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_of_the_open_network_are_not(address: str) -> None:
    assert is_public(address)


def test_an_address_is_https() -> None:
    assert check_url("https://partner.example/ronde?x=1", allow_private=False)
    assert check_url("http://localhost:8000/", allow_private=True)
    for url in (
        "http://partner.example/",
        "ftp://x/",
        "https://",
        "x",
        "https://u:p@x/",
        "https://x:99999/",
        "https://x/#a",
        "https://é.example/",
        "https://x.example/é",
        "https://x.example\\@127.0.0.1/",
    ):
        with pytest.raises(ValueError, match="it "):
            check_url(url, allow_private=False)


def test_a_link_leads_to_an_address_not_to_all() -> None:
    for address in ("http://127.0.0.1:6082", "http://[::1]:6082"):
        assert reachable(address) == address
    assert reachable("http://0.0.0.0:6082") is None
    assert reachable("http://[::]:6082") is None


@pytest.mark.parametrize(
    ("status", "body", "outcome", "is_accepted"),
    [
        (200, b'{"status": "ACCEPTED"}', "DELIVERED", True),
        (202, b'{"status": "ACCEPTED", "more": 1}', "DELIVERED", True),
        (204, b"", "DELIVERED", False),
        (200, b"<html>", "DELIVERED", False),
        (200, b"[1]", "DELIVERED", False),
        (200, b'{"status": "REJECTED"}', "DELIVERED", False),
        (301, b"", "REDIRECT", False),
        (304, b"", "REDIRECT", False),
        (410, b"", "STATUS", False),
        (500, b'{"status": "ACCEPTED"}', "STATUS", False),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, outcome: str, *, is_accepted: bool) -> None:
    assert judge(status, body) == (outcome, status, is_accepted)


def test_a_step_said_again_after_another_one_has_a_further_id() -> None:
    said: list[str] = []
    ids = []
    for step in ("accepted", "accepted", "en-route", "accepted", "accepted", "on-site", "accepted", "on-site"):
        ids.append(report_id("d1", step, said))
        said.append(step)
    assert [name.removeprefix("d1-") for name in ids] == [
        *("accepted", "accepted", "en-route", "accepted-2", "accepted-2", "on-site", "accepted-3", "on-site-2"),
    ]


def test_a_page_token_opens_its_dispatch_until_it_expires() -> None:
    key = b"k" * 32
    token = page_token(key, "i-d1-é", T0 + 1000)
    assert dispatch_of(key, token, T0) == "i-d1-é"
    assert dispatch_of(key, token, T0 + 1000) is None
    assert dispatch_of(b"x" * 32, token, T0) is None
    for broken in ("", "a", "é", token[:-1], "A" + token[1:], token + "AAAA", "=" * 40):
        assert dispatch_of(key, broken, T0) is None or broken == token
