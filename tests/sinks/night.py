"""One night at one site, always the same: nobody says that all is well, a partner rejects, the next one goes."""

from __future__ import annotations

from typing import Final

from streams.escalation.names import Outcome, ReportStatus
from streams.escalation.values import (
    Address,
    Alert,
    CallCommand,
    CallResult,
    Contact,
    DispatchCommand,
    DispatchReport,
    Intervention,
    Site,
)
from tests.sinks.records import MINUTE, Neighbourhood, Record
from tests.support.times import START

PARTITION: Final = 9  # none of those that other tests use
HOME: Final = Site(
    site_id="S1",
    subscribed=True,
    contacts=tuple(
        Contact(name, "OWNER", name.capitalize(), "Martin", f"+3363998000{place}", "hash")
        for place, name in enumerate(("ann", "bob"), start=1)
    ),
    address=Address("1 rue des Lilas", None, "74300", "Cluses", "FR"),
    instructions="the key is under the stone",
    intervention=Intervention(partners=("P1", "P2")),
    test_until=None,
    updated_at=START,
)
PERSONAL: Final = ("+3363998", "Martin", "Lilas", "Cluses", "under the stone", "a window", "her mobile", "no car")
_ANSWERS: Final[dict[tuple[int, int], Outcome]] = {(1, 1): "NO_ANSWER", (1, 2): "IDENTIFIED", (2, 1): "NO_ANSWER"}
_STORIES: Final[dict[str, list[tuple[ReportStatus, int]]]] = {
    "P1": [("REJECTED", 10_000)],
    "P2": [("ACCEPTED", 5_000), ("ON_SITE", 8 * MINUTE), ("CLOSED", 20 * MINUTE)],
}


def night() -> list[Record]:
    """Its records."""
    return _Night().play(START + 60 * MINUTE)


class _Night(Neighbourhood):
    def __init__(self) -> None:
        super().__init__(seed=1, partition=PARTITION, sites=0)
        self.later(START, lambda at: self.site(HOME.site_id, HOME, at))
        alert = Alert("A1", HOME.site_id, "INTRUSION", 0, "hall", "a window", "receiver-1")
        self.later(START + MINUTE, lambda at: self.input(alert._replace(raised_at=at - 900), at))
        later = alert._replace(alert_id="A2", kind="TAMPER", zone=None)
        self.later(START + 20 * MINUTE, lambda at: self.input(later._replace(raised_at=at - 900), at))

    def _answer(self, call: CallCommand) -> None:
        place = call.round, call.position
        if place in _ANSWERS:
            result = CallResult(
                result_id="R{}.{}".format(*place),
                site_id=call.site_id,
                incident_id=None,
                command_id=call.command_id,
                contact_id=None,
                direction="OUTBOUND",
                outcome=_ANSWERS[place],
                situation="UNKNOWN",
                message_left=_ANSWERS[place] == "NO_ANSWER",
                detail="her mobile",
                operator="desk-7",
                ended_at=0,
            )
            self.later(call.issued_at + 20_000, lambda at: self.input(result._replace(ended_at=at - 500), at))

    def _respond(self, request: DispatchCommand) -> None:
        for status, after in _STORIES[request.partner_id]:
            report = DispatchReport(
                report_id=f"{request.partner_id}-{status}",
                site_id=request.site_id,
                incident_id=request.incident_id,
                dispatch_id=request.dispatch_id,
                partner_id=request.partner_id,
                status=status,
                disposition="a cat" if status == "CLOSED" else None,
                reason="no car" if status == "REJECTED" else None,
                reported_at=0,
            )
            self.later(request.issued_at + after, self._report(report))
