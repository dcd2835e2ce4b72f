"""Requests of all kinds, derived from the portal's OpenAPI: no answer of 5xx, and none that is not documented."""

from __future__ import annotations

import httpx
import pytest

from edges.web import tokens
from service import logs
from tests.edges.portal.serving import PEOPLE, Served
from tests.support.fuzzed_api import fuzz

pytestmark = pytest.mark.slow


def test_no_answer_is_a_5xx_or_undocumented(portal: Served) -> None:
    logs.configure("json", "critical")
    token = tokens.add(portal.api.web.tokens_file, "fuzz", ("portal:*",))
    headers = {"Authorization": f"Bearer {token}", "If-Match": '"1"'}
    body = {"site_id": "S1", "name": "Home", "people": PEOPLE}
    assert httpx.post(f"{portal.address}/v1/sites", json=body, headers=headers).status_code == 201
    done = fuzz(portal.address, headers, 8)
    assert len(done) >= 17
