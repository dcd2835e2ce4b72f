"""Requests of all kinds, derived from OpenAPI: no answer of 5xx, and none that is not documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from edges.web import accounts, tokens
from service import logs
from tests.edges.web.example import example
from tests.edges.web.test_sign_in import CHEAP
from tests.support.fuzzed_api import fuzz

pytestmark = pytest.mark.slow


def test_no_answer_is_a_5xx_or_undocumented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.configure("json", "critical")
    monkeypatch.setattr(accounts, "hashed", CHEAP.hash)
    accounts.add(tmp_path / "users.json", "zoe", "operator", (), "correct horse")
    token = tokens.add(tmp_path / "tokens.json", "fuzz", ("alerts", "portal:*", "desk"))
    assert set(fuzz(example(tmp_path), {"Authorization": f"Bearer {token}"}, 10)) == {
        "POST /v1/sites/{site_id}/alerts",
        "GET /v1/sites/{site_id}",
        "POST /v1/session",
        "GET /v1/session",
        "DELETE /v1/session",
        "POST /v1/notes",
        "GET /v1/both",
    }
