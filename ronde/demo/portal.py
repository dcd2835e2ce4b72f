"""The customer of one site, who configures the service by the portal's API, in the order of the portal's pages."""

from __future__ import annotations

import io
import json
import time
from http import HTTPStatus
from typing import Any, Final

import httpx

from edges.web import tokens
from ronde.demo.stage import SITES, Stage
from ronde.shared.errors import Failed

CONFIGURED: Final = "S01"  # the others come by `ronde sites import`
SECONDS: Final = 15.0
_CONFIRMED_SECONDS: Final = 60.0  # on a machine that is just starting a dozen processes
_AGAIN_SECONDS: Final = 0.5
_WORDS: Final = ("Chat perché", "Colin-maillard")  # of the first contact: the word, and the one under threat


def others() -> io.BytesIO:
    """The lines of the demonstration's sites but for that one."""
    with SITES.open("rb") as lines:
        return io.BytesIO(b"".join(line for line in lines if json.loads(line)["site_id"] != CONFIGURED))


def configure(stage: Stage) -> int:
    """Make the site and configure it; return its last revision. `Failed` where the portal refuses a step."""
    assert stage.portal is not None
    with SITES.open("rb") as lines:
        [site] = [site for site in map(json.loads, lines) if site["site_id"] == CONFIGURED]
    token = tokens.add(stage.portal.tokens_file, "demo", ("portal:*",))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=stage.portal.address, headers=headers, timeout=SECONDS) as client:
        try:
            revision = _send(client, "POST", "/v1/sites", _new(site), None)
            for part, body in _steps(site):
                revision = _send(client, "PUT", f"/v1/sites/{CONFIGURED}/service/{part}", body, revision)
        except httpx.HTTPError as error:
            raise Failed(f"the portal does not answer: {error}; its log: {stage.folder / 'portal.log'}") from error
    return revision


def is_passed_on(stage: Stage) -> bool:
    """Whether Kafka has the site's last revision."""
    assert stage.portal is not None
    text = httpx.get(f"{stage.portal.pages}/metrics", timeout=SECONDS).text
    return "\nronde_portal_outbox_records 0.0\n" in text and "\nronde_portal_published_total 0.0\n" not in text


def _send(client: httpx.Client, method: str, path: str, body: Any, revision: int | None) -> int:
    """The revision made. What was not confirmed is asked again, the same, which is safe."""
    headers = {} if revision is None else {"If-Match": f'"{revision}"'}
    give_up = time.monotonic() + _CONFIRMED_SECONDS
    while True:
        answer = client.request(method, path, json=body, headers=headers)
        if answer.is_success:
            return int(answer.json()["revision"])
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > give_up:
            raise Failed(f"the portal refuses {method} {path}: {answer.text}")
        time.sleep(_AGAIN_SECONDS)


def _new(site: dict[str, Any]) -> dict[str, Any]:
    people = [
        {
            "person_id": contact["contact_id"],
            **{name: contact[name] for name in ("role", "first_name", "last_name")},
        }
        for contact in site["contacts"]
    ]
    partners = site["intervention"]["partners"]
    return {"site_id": CONFIGURED, "name": site["address"]["line1"], "people": people, "partners": partners}


def _steps(site: dict[str, Any]) -> list[tuple[str, Any]]:
    """Each page's part of the configuration, and what is entered there."""
    first, second = (
        {"person_id": contact["contact_id"], "phone": contact["phone"], "language": contact["language"]}
        for contact in site["contacts"]
    )
    return [
        ("subscription", {"subscribed": True}),
        ("first-contact", first | {"password": _WORDS[0], "duress_password": _WORDS[1]}),
        ("second-contact", second | {"kind": "MEMBER", "password": _WORDS[0]}),
        ("address", site["address"]),
        ("intervention", {"enabled": True}),
        ("instructions", {"instructions": site["instructions"]}),
    ]
