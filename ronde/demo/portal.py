"""The customer of one site, who configures the service by the portal's API, in the order of the portal's pages."""

from __future__ import annotations

import io
import json
import time
from contextlib import closing
from typing import Any, Final

import httpx

from ronde.demo.api import ANSWER_SECONDS, Api
from ronde.demo.stage import PORTAL, SITES, Stage

CONFIGURED: Final = "S01"  # the others come by `ronde sites import`
WORDS: Final = ("Chat perché", "Colin-maillard")  # of the first contact: the word, and the one under threat
_CONFIRMED_SECONDS: Final = 120.0  # on a machine that is just starting a dozen processes, and does other work


def others() -> io.BytesIO:
    """The lines of the demonstration's sites but for that one."""
    with SITES.open("rb") as lines:
        return io.BytesIO(b"".join(line for line in lines if json.loads(line)["site_id"] != CONFIGURED))


def configure(stage: Stage) -> int:
    """Make the site and configure it; return its last revision. `Failed` where the portal refuses a step."""
    assert stage.portal is not None
    with SITES.open("rb") as lines:
        [site] = [site for site in map(json.loads, lines) if site["site_id"] == CONFIGURED]
    with closing(Api(stage, PORTAL, stage.portal.address, name="demo", scope="portal:*")) as api:
        revision = _send(api, "POST", "/v1/sites", _new(site), None)
        for part, body in _steps(site):
            revision = _send(api, "PUT", f"/v1/sites/{CONFIGURED}/service/{part}", body, revision)
    return revision


def is_passed_on(stage: Stage) -> bool:
    """Whether Kafka has the site's last revision."""
    text = httpx.get(f"{stage.pages[PORTAL]}/metrics", timeout=ANSWER_SECONDS).text
    return "\nronde_portal_outbox_records 0.0\n" in text and "\nronde_portal_published_total 0.0\n" not in text


def _send(api: Api, method: str, path: str, body: Any, revision: int | None) -> int:
    """The revision made."""
    headers = {} if revision is None else {"If-Match": f'"{revision}"'}
    answer = api.ask(method, path, body, give_up=time.monotonic() + _CONFIRMED_SECONDS, headers=headers)
    return int(answer["revision"])


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
        ("first-contact", first | {"password": WORDS[0], "duress_password": WORDS[1]}),
        ("second-contact", second | {"kind": "MEMBER", "password": WORDS[0]}),
        ("address", site["address"]),
        ("intervention", {"enabled": True}),
        ("instructions", {"instructions": site["instructions"]}),
    ]
