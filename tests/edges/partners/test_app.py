"""What partners' people and programs see, and what is kept how long; over a database, without Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from edges.partners.api_partners import ApiPartners
from edges.partners.enrolment import enrol
from edges.partners.intake import row_of
from edges.partners.page_tokens import page_token
from edges.partners.signing import signed_headers
from edges.partners.sql import query
from edges.partners.store import Step
from edges.values import Address, DispatchCommand
from edges.web import accounts, tokens
from edges.web.values import write_instant
from service import logs
from service.postgres import connect
from service.postgres_settings import PostgresSettings
from tests.edges.partners.serving import PASSWORD, Served, command, serving
from tests.support.fuzzed_api import fuzz

DAY_MS = 24 * 3600 * 1000


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def partners(database: PostgresSettings, tmp_path: Path) -> Iterator[Served]:
    with serving(database, tmp_path) as served:
        yield served


@contextmanager
def signed_in(partners: Served, name: str) -> Iterator[httpx.Client]:
    headers = {"Origin": partners.address, "Accept": "text/html"}
    with httpx.Client(base_url=partners.address, headers=headers) as browser:
        assert browser.post("/v1/session", json={"name": name, "password": PASSWORD}).status_code == 200
        yield browser


def test_a_partner_s_people_see_its_open_dispatches(partners: Served) -> None:
    partners.put(command("i1-d1", covert=True))
    partners.put(command("i2-d1", partner_id="others"))
    partners.user("ann", "customer", "azur")
    partners.user("zoe", "operator")
    assert httpx.get(f"{partners.address}/v1/dispatches").status_code == 401
    to_sign_in = httpx.get(f"{partners.address}/", headers={"Accept": "text/html"})
    assert (to_sign_in.status_code, to_sign_in.headers["location"]) == (303, "/sign-in?next=%2F")
    with signed_in(partners, "zoe") as zoe:
        assert zoe.get("/").status_code == zoe.get("/v1/dispatches").status_code == 403
    with signed_in(partners, "ann") as ann:
        [listed] = ann.get("/v1/dispatches?open=true").json()["dispatches"]
        assert (listed["dispatch_id"], listed["steps"]) == ("i1-d1", [])
        page = ann.get("/", headers={"Accept-Language": "fr"})
        assert page.headers["cache-control"] == "no-store"
        assert "Interventions en cours" in page.text
        assert "3 impasse du Lavoir" in page.text
        assert "i2-d1" not in page.text
        token = page.text.partition("/guard#")[2].partition('"')[0]
        bearer = {"Authorization": f"Bearer {token}"}
        sight = httpx.get(f"{partners.address}/v1/guard", headers=bearer).json()
        assert sight["dispatch"]["dispatch_id"] == "i1-d1"
        assert ann.put("/v1/dispatches/i1-d1/accepted").status_code == 401
        tap = {"reported_at": "2026-01-01T00:00:00.000Z"}
        for step in ("accepted", "on-site", "closed"):
            assert httpx.put(f"{partners.address}/v1/guard/{step}", json=tap, headers=bearer).status_code == 202
        # the page and its worker may both send a tap
        again = httpx.put(f"{partners.address}/v1/guard/accepted", json=tap, headers=bearer)
        assert again.json() == {"report_id": "i1-d1-accepted"}
        assert ann.get("/v1/dispatches?open=true").json() == {"dispatches": []}
        assert "No dispatch is open." in ann.get("/").text
        assert ann.delete("/v1/session").status_code == 204
        assert ann.get("/v1/dispatches").status_code == 401
    assert len(partners.kafka.written) == 3


def test_the_webhook_is_documented_field_by_field(partners: Served) -> None:
    document = httpx.get(f"{partners.address}/openapi.json").json()
    webhook = document["webhooks"]["dispatch"]["post"]
    assert {header["name"] for header in webhook["parameters"]} == {name for name, _ in signed_headers("c", 0, b"", [])}
    fields = document["components"]["schemas"]["DispatchWebhook"]["properties"]
    assert set(fields) == {*DispatchCommand._fields, "page_url"}
    assert set(document["components"]["schemas"]["WebhookAddress"]["properties"]) == set(Address._fields)


def test_who_may_report_and_what_is_refused(partners: Served) -> None:
    partners.put(command("i1-d1"))
    scopes = {"azur": ("partner:azur",), "others": ("partner:others",), "crm": ("alerts", "portal:*", "desk")}
    known = {name: tokens.add(partners.web.tokens_file, name, given) for name, given in scopes.items()}
    path = f"{partners.address}/v1/dispatches/i1-d1/accepted"

    def put(name: str | None, path: str = path, **more: Any) -> tuple[int, str | None]:
        headers = {"Authorization": f"Bearer {known[name]}"} if name else {}
        answer = httpx.put(path, headers=headers | more.pop("headers", {}), **more)
        return answer.status_code, answer.json().get("code")

    assert put(None) == (401, "UNAUTHENTICATED")
    assert put("crm") == (403, "FORBIDDEN")
    assert put("others") == put("azur", path.replace("i1", "i9")) == (404, "NOT_FOUND")
    assert put("azur", json={"reason": "x" * 8193})[0] == put("azur", json={"status": "ACCEPTED"})[0] == 422
    assert put("azur", json={"reported_at": "yesterday"})[0] == 422
    assert put("azur", content=b"null", headers={"Content-Type": "application/json"}) == (422, "INVALID")
    assert put("azur", json={"reason": "x" * 8192}) == put("azur") == (202, None)
    assert partners.kafka.written == partners.kafka.written[:1]


def test_a_link_is_judged_before_the_tap_that_comes_with_it(partners: Served) -> None:
    partners.put(command("i1-d1"))
    key = partners.run(partners.store.page_key())
    expired, valid = (page_token(key, "i1-d1", now() + ms) for ms in (-1000, 1000_000))

    def tap(token: str | None, step: str = "accepted", **more: Any) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.put(f"{partners.address}/v1/guard/{step}", headers=headers, **more).status_code

    assert {tap(token, json={"since": 1}) for token in (None, expired)} == {401}
    assert tap(None) == tap(None, content=b"{") == tap(None, "arrived", json={}) == 401
    assert tap(valid) == tap(valid, json={"since": 1}) == 422
    assert not partners.kafka.written


def test_what_kafka_did_not_take_is_written_later_under_its_id(partners: Served) -> None:
    partners.put(command("i1-d1"))
    bearer = {"Authorization": f"Bearer {tokens.add(partners.web.tokens_file, 'azur', ('partner:azur',))}"}
    path = f"{partners.address}/v1/dispatches/i1-d1"
    partners.kafka.is_away = True
    for _ in range(2):
        answer = httpx.put(f"{path}/accepted", headers=bearer)
        assert (answer.status_code, answer.json()["code"]) == (503, "UNCONFIRMED")
        assert answer.headers["content-type"] == "application/problem+json"
    partners.kafka.is_away = False
    assert httpx.put(f"{path}/on-site", headers=bearer).status_code == 202
    ids = [orjson.loads(record.value or b"")["report_id"] for record in partners.kafka.written]
    assert ids == ["i1-d1-accepted", "i1-d1-on-site"]
    partners.run(partners.reporter.catch_up())
    assert len(partners.kafka.written) == 2


def test_a_dispatch_is_open_until_it_is_closed_or_rejected_for_good(partners: Served) -> None:
    said = {
        "i1-d1": ("accepted", "rejected"),
        "i2-d1": ("rejected", "accepted"),
        "i3-d1": ("accepted", "closed"),
        "i4-d1": ("closed", "accepted"),
        "i5-d1": (),
    }
    for dispatch_id, steps in said.items():
        partners.put(command(dispatch_id))
        of = partners.run(partners.store.dispatch(dispatch_id))
        for step in steps:
            partners.run(partners.store.report(of, Step(step, 0)))
    rows = partners.run(partners.store.dispatches(["azur"], is_open=True))
    assert {row["dispatch_id"] for row in rows} == {"i2-d1", "i5-d1"}
    assert len(partners.run(partners.store.dispatches(["azur"], is_open=False))) == 5


@pytest.mark.slow
def test_no_answer_is_a_5xx_or_undocumented(partners: Served) -> None:
    logs.configure("json", "critical")
    partners.put(command("i1-d1"))
    token = tokens.add(partners.web.tokens_file, "fuzz", ("partner:azur",))
    assert len(fuzz(partners.address, {"Authorization": f"Bearer {token}"}, 8)) >= 8


def test_an_hour_after_its_end_the_guard_s_page_says_only_that(partners: Served) -> None:
    partners.put(command("i1-d1"), now() - 2 * 3600 * 1000)
    partners.put(command("i1-d1", "CANCEL"), now() - 3601 * 1000)
    partners.put(command("i2-d1"))
    partners.put(command("i2-d1", "CANCEL"))
    rows = {row["dispatch_id"]: row for row in partners.run(partners.store.dispatches(["azur"], is_open=True))}
    key = partners.run(partners.store.page_key())
    sights = {}
    for dispatch_id in rows:
        bearer = {"Authorization": f"Bearer {page_token(key, dispatch_id, now() + 1000_000)}"}
        sights[dispatch_id] = httpx.get(f"{partners.address}/v1/guard", headers=bearer).json()
        status = httpx.put(
            f"{partners.address}/v1/guard/closed", json={"reported_at": "2026-01-01T00:00:00Z"}, headers=bearer
        ).status_code
        assert status == (404 if dispatch_id == "i1-d1" else 202)
    assert sights["i1-d1"] == {"is_over": True, "dispatch": None, "steps": [], "next_steps": []}
    assert sights["i2-d1"]["next_steps"] == ["closed"]


def test_what_is_older_than_thirty_days_is_forgotten_bit_by_bit(
    partners: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edges.partners.store._FORGET_AT_ONCE", 2)
    old = now() - 31 * DAY_MS
    for dispatch_id, at in (("i1-d1", old), ("i2-d1", now()), ("i3-d1", old), ("i4-d1", old)):
        partners.put(command(dispatch_id), at)
        partners.sql("INSERT INTO partners.attempts VALUES (%(id)s, 1, 0)", id=f"{dispatch_id}-r1")
        partners.sql(
            "INSERT INTO partners.reports (report_id, dispatch_id, step, reported_at, taken_at, acknowledged_at)"
            " VALUES (%(id)s, %(id)s, 'accepted', 0, %(at)s, 0)",
            id=dispatch_id,
            at=at,
        )
    partners.sql("UPDATE partners.commands SET state = 'DELIVERED'")
    assert partners.run(partners.store.forget())
    assert partners.sql("SELECT count(*) FROM partners.commands") == [(2,)]
    assert not partners.run(partners.store.forget())
    assert partners.sql("SELECT dispatch_id FROM partners.commands") == [("i2-d1",)]
    assert partners.sql("SELECT command_id FROM partners.attempts") == [("i2-d1-r1",)]
    assert partners.sql("SELECT report_id FROM partners.reports") == [("i2-d1",)]


def test_a_test_that_does_not_arrive_is_no_alarm(partners: Served) -> None:
    partners.put(command("i1-d1"))
    with connect(partners.settings, "test") as database:
        database.execute(query("put_command"), row_of(command("test-1-d1"), now() - 60_000, is_test=True))
    [waiting] = partners.run(partners.store.pending())
    assert (waiting["partner_id"], waiting["pending"]) == ("azur", 1)
    assert now() - waiting["oldest"] < 60_000


def test_operators_learn_of_an_amend_that_later_ones_end_undelivered(partners: Served) -> None:
    def undelivered() -> list[str]:
        return [row["command_id"] for row in partners.run(partners.store.undelivered())]

    for dispatch_id, delivered in (("i1-d1", "c1"), ("i2-d1", None)):
        partners.put(command(dispatch_id), now() - 60_000)
        partners.put(command(dispatch_id, "AMEND"), now() - 31_000)
        partners.put(command(dispatch_id, "CANCEL"), now() - 29_000)
        if delivered:
            partners.sql(
                "UPDATE partners.commands SET state = 'DELIVERED', delivered_at = 1 WHERE command_id = %(id)s",
                id=f"{dispatch_id}-{delivered}",
            )
    assert undelivered() == ["i2-d1-a1"]
    partners.run(partners.store.note_undelivered(["i2-d1-a1"]))
    assert undelivered() == []


def test_what_is_kept_for_a_partner_without_a_webhook_waits_for_one(partners: Served) -> None:
    """Nothing is posted, and no operator hears of it; what may still be answered goes once there is a webhook."""
    with connect(partners.settings, "test") as database:

        def put(value: DispatchCommand, at: int, *, is_known: bool) -> int:
            return database.execute(query("put_command"), row_of(value, at, is_known=is_known)).rowcount

        def claimed() -> list[str]:
            return [attempt.command_id for attempt in partners.run(partners.store.claim([], []))]

        assert put(command("i9-d1"), now(), is_known=False) == 0
        for dispatch_id, respond_by in (("i1-d1", now() + DAY_MS), ("i2-d1", now() - 1)):
            assert put(command(dispatch_id, respond_by=respond_by), now() - 60_000, is_known=True) == 1
        put(command("i3-d1"), now() - 60_000, is_known=True)
        put(command("i3-d1", "AMEND"), now() - 60_000, is_known=True)
        for id_ in ("azur", "i3-d1"):
            assert database.execute(query("resend"), {"id": id_, "now": now(), "since": 0}).fetchall() == []
        assert claimed() == []
        assert partners.run(partners.store.undelivered()) == []
        enrol(database, "azur", "https://partner.example/", allow_private=False)
        partners.run(partners.store.give_up())
        assert claimed() == ["i1-d1-r1"]
        assert partners.run(partners.store.undelivered()) == []
        resent = database.execute(query("resend"), {"id": "i3-d1", "now": now(), "since": 0}).fetchall()
        assert ("i3-d1-a1", "azur", False) in resent
        assert partners.run(partners.store.undelivered()) == [], "it has just been posted"


@pytest.mark.parametrize("is_posted", [False, True], ids=["asks us", "has a webhook"])
def test_a_first_start_shows_no_dispatch_of_weeks_ago(partners: Served, *, is_posted: bool) -> None:
    """It reads all that Kafka holds: what is not posted any more is as old as its record."""

    def put(value: DispatchCommand, days: float) -> None:
        written_at = at - round(days * DAY_MS)
        value = value._replace(issued_at=written_at, respond_by=value.respond_by and written_at + 60_000)
        database.execute(query("put_command"), row_of(value, at, written_at, is_known=True))

    at = now()
    with connect(partners.settings, "test") as database:
        if is_posted:
            enrol(database, "azur", "https://partner.example/", allow_private=False)
        for _ in range(2):  # again: an offset that was lost
            for dispatch_id, days in (("i1-d1", 31.0), ("i2-d1", 8.0), ("i3-d1", 2.0)):
                put(command(dispatch_id), days)
                put(command(dispatch_id, "AMEND"), days - 0.01)
                put(command(dispatch_id, "CANCEL"), days - 0.02)
    rows = partners.run(partners.store.dispatches(["azur"], is_open=True))
    assert [(row["dispatch_id"], row["action"], at - row["stored_at"]) for row in rows] == [
        ("i3-d1", "CANCEL", round(1.98 * DAY_MS))
    ]
    assert partners.run(partners.store.undelivered()) == []
    assert partners.run(partners.store.claim([], [])) == []
    assert (partners.run(partners.store.page("i2-d1")) or {})["over_at"] == at - round(7.98 * DAY_MS)
    partners.user("ann", "customer", "azur")
    with signed_in(partners, "ann") as ann:
        assert write_instant(at - round(1.98 * DAY_MS)) in ann.get("/").text
    partners.run(partners.store.forget())
    kept = partners.sql("SELECT DISTINCT dispatch_id FROM partners.commands ORDER BY 1")
    assert kept == [("i2-d1",), ("i3-d1",)]


def test_a_file_of_tokens_that_cannot_be_read_may_have_anybody(tmp_path: Path) -> None:
    known = ApiPartners(tmp_path / "tokens.json", tmp_path / "users.json")
    assert known.names() == frozenset()
    tokens.add(tmp_path / "tokens.json", "t", ("alerts", "partner:azur", "portal:S1"))
    accounts.add(tmp_path / "users.json", "ann", "customer", ("S1",), None, ("alpes",))
    assert known.names() == frozenset({"azur", "alpes"})
    (tmp_path / "tokens.json").write_text("{")
    assert known.names() is None
    below_a_file = ApiPartners(tmp_path / "users.json" / "tokens.json", tmp_path / "users.json")
    assert below_a_file.names() is None, "nor is a file absent whose folder cannot be searched"
